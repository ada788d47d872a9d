/* libsigverify: verify handwritten signatures without Python. C99; C++ may include it.
 *
 * The same features, matching, scores and template bytes as the Python package `sigverify`: see docs/native.md.
 *
 * Conventions:
 * - Every call that can fail returns a status: SV_OK or one of `sv_status`, the numbers of sigverify/errors.py.
 * - Handles are opaque. Several threads may use one `sv_model` or `sv_template`; an `sv_verifier` belongs to one
 *   thread at a time. There is no global state.
 * - A missing argument, a number that is not finite, a count out of range, a number that is no member of its enum:
 *   SV_CONFIG_ERROR, where nothing else is said.
 * - A call that fails returns no handle: the pointer to it is NULL or as it was.
 * - Closing NULL does nothing.
 */
#ifndef SIGVERIFY_H
#define SIGVERIFY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SV_API __attribute__((visibility("default")))
#else
#define SV_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SV_FRAMES 256         /* of the functions of time that a signature is turned into */
#define SV_CHANNELS 12        /* functions that the network sees */
#define SV_SERIES_CHANNELS 7  /* of these the first, by which two signatures are aligned */
#define SV_DETAIL_FRAMES 128  /* of the other functions, averaged over two frames */
#define SV_DETAIL_CHANNELS 5  /* how many these others are */
#define SV_OUTLINE_STEPS 95   /* along the line that the pen went, by which copies are found */
#define SV_PAIR_STEPS 128     /* of two signatures side by side, as a pair network sees them */
#define SV_PAIR_DEPTH 22      /* numbers a step */
#define SV_MAX_CUES 8         /* of a model or template, as in Python: MAX_CUES in sigverify/matching/cue.py */
#define SV_MAX_REFERENCES 12  /* of a template: MAX_REFERENCES in sigverify/matching/scoring.py */
#define SV_MAX_SAMPLES 100000 /* of a signature: over 16 minutes at 100 Hz */
#define SV_MODEL_ID_SIZE 17   /* 16 hexadecimal digits and a NUL */

#define SV_VERSION "0.1.0" /* the release: sigverify.__version__ in Python */

/* Raised with every change that a program compiled before it would notice: of this interface, or of what is
 * computed. */
#define SV_ABI 5
#define SV_FEATURES_VERSION 3 /* FEATURES_VERSION in sigverify/modality/pen/features.py */

/* The same two numbers of the library itself, to be compared by a program that loads it at run time. */
SV_API int sv_abi(void);
SV_API int sv_features_version(void);

typedef enum sv_status {
    SV_OK = 0,
    SV_ERROR = 1,
    SV_NO_MEMORY = 2, /* only here: Python raises MemoryError */
    SV_INVALID_SIGNATURE = 10,
    SV_FORMAT_ERROR = 11,
    SV_UNKNOWN_FORMAT = 12,
    SV_UNTRUSTED_CAPTURE = 13,
    SV_MODEL_ERROR = 20,
    SV_MALFORMED_MODEL = 21,
    SV_INCOMPATIBLE_MODEL = 22,
    SV_UNTRUSTED_MODEL = 23,
    SV_RUNTIME_UNAVAILABLE = 30,
    SV_MISSING_EXTRA = 31,
    SV_STORE_ERROR = 40,
    SV_UNKNOWN_USER = 41,
    SV_ALREADY_ENROLLED = 42,
    SV_MALFORMED_TEMPLATE = 43,
    SV_KEY_UNAVAILABLE = 44,
    SV_WRONG_KEY = 45,
    SV_DAMAGED_STORE = 46,
    SV_STORE_UNREACHABLE = 47,
    SV_STALE_CACHE = 48,
    SV_UNTRUSTED_TEMPLATE = 49,
    SV_ENROLLMENT_ERROR = 50,
    SV_CONFIG_ERROR = 60,
    SV_CORPUS_ERROR = 61,
    SV_SPLIT_LEAK = 62,
    SV_TRAINING_ERROR = 63,
    SV_CONVERSION_ERROR = 64,
    SV_BRIDGE_ERROR = 70,
    SV_PROTOCOL_ERROR = 71,
    SV_MISUSE = 72,
    SV_DISCONNECTED = 73,
    SV_NOT_ALLOWED = 74,
    SV_BUSY = 75
} sv_status;

/* A status in a few words, never NULL. */
SV_API const char *sv_status_text(int status);

/* ---------------------------------------------------------------------------------------- signatures */

/* `count` samples, 8 to SV_MAX_SAMPLES; the arrays stay the caller's.
 * x, y in any one unit; time_ms from any origin; pressure in any unit, not negative, or NULL: none measured;
 * pen_down 1 where the line from the sample before is ink, 0 on hover and after a lift, or NULL: all is ink. */
typedef struct sv_signature {
    size_t count;
    const double *x;
    const double *y;
    const double *time_ms;
    const double *pressure;
    const uint8_t *pen_down;
} sv_signature;

/* ------------------------------------------------------------------------------------------- a model */

typedef struct sv_model sv_model;

/* Read a .sigmodel file's content. The bytes are not copied (flash or a mapped file will do): they must outlive
 * the model. SV_MALFORMED_MODEL, SV_INCOMPATIBLE_MODEL: as in Python; incompatible is also a model of another modality
 * than a pen's, and one with a cue that is not computed here. */
SV_API int sv_model_open(const void *data, size_t size, sv_model **model);
SV_API void sv_model_close(sv_model *model);

/* What an `sv_network` must know. Bytes of a tensor: elements x 1 (int8, uint8) or x 4 (float32). */
typedef struct sv_model_info {
    char id[SV_MODEL_ID_SIZE];
    const void *network; /* the TFLite flatbuffer, within the bytes given */
    size_t network_size;
    size_t input_bytes;
    size_t vector_bytes;
    size_t sequence_bytes; /* 0: this model has no local sequence */
    int vector_position;   /* among the network's outputs */
    int sequence_position;
    size_t vector_size;
    size_t steps; /* of the sequence, whose size is steps x depth: 1 x 0 where there is none */
    size_t depth;
    const void *pair_network; /* a second flatbuffer, within the bytes given; NULL: this model has none */
    size_t pair_network_size; /* 0 where there is none, as the next two */
    size_t pair_input_bytes;  /* SV_PAIR_STEPS x SV_PAIR_DEPTH elements */
    size_t pair_output_bytes; /* one element */
} sv_model_info;

/* SV_INCOMPATIBLE_MODEL: its manifest does not describe the tensors, so only Python can run it. */
SV_API int sv_model_describe(const sv_model *model, sv_model_info *info);

/* How many cues signatures are compared by, as the manifest lists them: so many numbers say how far two signatures lie
 * apart. 1 to SV_MAX_CUES; 0 if `model` is NULL. */
SV_API int sv_model_cues(const sv_model *model);

typedef enum sv_impostor { SV_SKILLED = 0, SV_RANDOM = 1 } sv_impostor;

/* The score to reach for a false-match rate with 1 to SV_MAX_REFERENCES references. SV_CONFIG_ERROR: more or fewer, or a
 * rate outside the model's calibration. */
SV_API int sv_model_threshold(const sv_model *model, double fmr, sv_impostor impostor, int references,
                              double *threshold);

/* --------------------------------------------------------------------------------------- the network */

/* What runs the flatbuffers. Both functions are given the input as the network stores it and fill the outputs as it
 * stores them; they return SV_OK or a status, which is passed on. `invoke` embeds one signature; `sequence` is NULL
 * where the model has none. `judge` runs the pair network on two, and may be NULL where the model has none. */
typedef struct sv_network {
    int (*invoke)(void *context, const void *input, void *vector, void *sequence);
    int (*judge)(void *context, const void *input, void *output);
    void *context;
} sv_network;

/* LiteRT's shared library, loaded at run time. SV_RUNTIME_UNAVAILABLE: it does not load or lacks a function.
 * Absent from builds with SV_NO_LITERT. `model` must outlive it. */
typedef struct sv_litert sv_litert;
SV_API int sv_litert_open(const char *library, const sv_model *model, sv_litert **litert);
SV_API sv_network sv_litert_network(sv_litert *litert);
SV_API void sv_litert_close(sv_litert *litert);

/* ----------------------------------------------------------------------------------------- templates */

/* One person's references, bound to a model. The bytes are those of sigverify/template.py, in the model's own
 * coordinates. They are not encrypted: whoever stores them must do that. */
typedef struct sv_template sv_template;

/* SV_MALFORMED_TEMPLATE: no template, a damaged one, one of another version, or of another modality than a pen's. */
SV_API int sv_template_import(const void *data, size_t size, sv_template **enrolled);
/* Fill `data` if `capacity` suffices; `*size` is what is needed either way. NULL and 0 ask for the size.
 * SV_CONFIG_ERROR: too little room. */
SV_API int sv_template_export(const sv_template *enrolled, void *data, size_t capacity, size_t *size);
SV_API void sv_template_close(sv_template *enrolled);

SV_API const char *sv_template_user(const sv_template *enrolled);     /* UTF-8 */
SV_API const char *sv_template_model_id(const sv_template *enrolled); /* 16 hexadecimal digits */
SV_API int sv_template_references(const sv_template *enrolled);
SV_API int64_t sv_template_created_ms(const sv_template *enrolled); /* since 1970 */

/* ------------------------------------------------------------------------- enroll, verify and identify */

typedef struct sv_verifier sv_verifier;

/* `model` and what the network refers to must outlive it. SV_CONFIG_ERROR: the model has a pair network, and `network`
 * nothing to run it. */
SV_API int sv_verifier_open(const sv_model *model, sv_network network, sv_verifier **verifier);
SV_API void sv_verifier_close(sv_verifier *verifier);

/* Why a signature was taken as a reference or refused: `AdditionReason` in Python. The last four: its stamps are not
 * milliseconds. */
typedef enum sv_addition {
    SV_TAKEN = 0,
    SV_TOO_SHORT = 1,
    SV_TOO_SIMPLE = 2,
    SV_BAD_CAPTURE = 3,
    SV_COPY = 4,
    SV_UNLIKE_OTHERS = 5,
    SV_IN_SECONDS = 6,
    SV_IN_MICROSECONDS = 7,
    SV_IN_NANOSECONDS = 8,
    SV_NO_TIME = 9 /* all the same, or an index */
} sv_addition;

/* What was mended in a recording; none of these is a flaw: `Repair` in Python says what each is. */
typedef enum sv_repair {
    SV_COARSE_CLOCK = 0,
    SV_CLOCK_JUMPED = 1,
    SV_COUNTER_WRAPPED = 2,
    SV_STAMPS_RESTART = 3,
    SV_MARK_BEFORE = 4,
    SV_MARK_AFTER = 5,
    SV_MARK_BETWEEN = 6,
    SV_PEN_RESTED = 7,
    SV_PRESSURE_LOST = 8,
    SV_STRAY_POSITION = 9,
    SV_LIFTS_WITHOUT_TIME = 10,
    SV_HOVER_UNSAID = 11
} sv_repair;

#define SV_MAX_REPAIRS 14 /* of one recording: a counter may wrap at three ends */

/* What one signature is worth by itself, as a reference. */
typedef struct sv_quality {
    sv_addition flaw;   /* the worst thing wrong with it; SV_TAKEN: nothing */
    double duration_ms; /* from the first to the last ink */
    double complexity;  /* 0 (a dash) to 1: how much there is in it for a forger to get right */
    int count;          /* of repairs, in the order they were made */
    sv_repair repairs[SV_MAX_REPAIRS];
} sv_quality;

SV_API int sv_assess(const sv_signature *signature, sv_quality *quality);

typedef enum sv_screening {
    SV_ENFORCE = 0, /* refuse flawed captures, copies and mixed hands */
    SV_RECORD = 1   /* keep any set */
} sv_screening;

/* Make a template of 1 to SV_MAX_REFERENCES signatures, of all of them or none. `additions` (`count` of them, or NULL)
 * says of each whether it was taken, also when the set is refused with SV_ENROLLMENT_ERROR; of too many or none, which
 * is SV_ENROLLMENT_ERROR too, it says nothing. SV_CONFIG_ERROR: no such screening. */
SV_API int sv_enroll(sv_verifier *verifier, const char *user, int64_t created_ms, const sv_signature *signatures,
                     size_t count, sv_screening screening, sv_addition *additions, sv_template **enrolled);

/* 0, which is what cleared memory holds, lets nobody in. */
typedef enum sv_outcome { SV_ACCEPT = 1, SV_REJECT = 0, SV_REFER = 2 } sv_outcome;

typedef enum sv_reason {
    SV_ALIKE = 0,
    SV_UNLIKE = 1,
    SV_UNSURE = 2, /* below the threshold, above that of refer_fmr: for a person to decide */
    SV_REPLAY = 3, /* a copy of one of the references */
    SV_LOCKED = 4, /* too many failed tries: never said here, for a caller that counts them */
    SV_POOR = 5,   /* too little signature in this capture */
    SV_BLOCKED = 6 /* so many failed tries that a person has to look: as SV_LOCKED, for a caller that counts */
} sv_reason;

/* Profiles: `Profile` in sigverify/policy/profile.py says what each is for. */
#define SV_FMR_CONVENIENT 0.1
#define SV_FMR_BALANCED 0.05
#define SV_FMR_STRICT 0.01

typedef struct sv_policy {
    double fmr;       /* the false-match rate to allow, or one of SV_FMR_…; 0: SV_FMR_BALANCED */
    double refer_fmr; /* a higher rate up to which a person shall decide; 0: none */
    sv_impostor impostor;
} sv_policy;

typedef struct sv_decision {
    int accepted; /* the one answer, 0 or 1: an outcome is no condition, since SV_REFER is not 0 */
    sv_outcome outcome;
    sv_reason reason;
    double score; /* 0 to 1; NAN where nothing was compared, as the next two */
    double threshold;
    double confidence; /* 0.5 to 1 */
    sv_addition flaw;  /* with SV_POOR what is wrong with this capture, otherwise SV_TAKEN */
    int without_pressure; /* 1: that was not compared, since one side's device does not sense it */
} sv_decision;

/* `policy` NULL: the default. Nothing is remembered between calls: the caller (or Python) does lock-out, the memory of
 * captures seen and the audit log. Where it fails, `accepted` is 0 and the outcome SV_REJECT, so that whoever forgets to
 * look at the status lets nobody in. SV_MALFORMED_TEMPLATE: a template of another model. SV_CONFIG_ERROR: a rate outside
 * the model's calibration, refer_fmr not above the other, or no such impostor. */
SV_API int sv_verify(sv_verifier *verifier, const sv_template *enrolled, const sv_signature *signature,
                     const sv_policy *policy, sv_decision *decision);

/* How many strangers, who sign another name, are expected to match one person. Thresholds for them (SV_RANDOM, and in
 * sv_identify) are raised for whom they come near, by what the template holds: no policy need be told. */
#define SV_MOST_TIMES 5.0 /* of the rate asked for: of strangers, more than so many times are too many */
typedef struct sv_strangers {
    double share; /* by the threshold of all people, before it is raised; NAN: the model has no cohort, and raises none */
    int too_many; /* 1: let them sign more alike, or give more references, or ask for a rate of skilled forgeries */
} sv_strangers;

/* To be asked after sv_enroll; `policy` as in sv_verify, of which refer_fmr is not read. SV_MALFORMED_TEMPLATE: a
 * template of another model. SV_CONFIG_ERROR: the rate is outside the model's calibration. */
SV_API int sv_expected_strangers(const sv_model *model, const sv_template *enrolled, const sv_policy *policy,
                                 sv_strangers *strangers);

/* Likeness, 0 to 1, without any policy. */
SV_API int sv_score(sv_verifier *verifier, const sv_template *enrolled, const sv_signature *signature, double *score);

typedef struct sv_match {
    size_t index; /* among `templates` */
    double score;
} sv_match;

/* Compare with everybody; the best `capacity` come back in `matches`, best first. With `fpir` above 0 only scores
 * that a person who is not enrolled reaches, with any of these, no more often than at that rate; 0: a ranking of all.
 * Of a capture that is too poor to be compared nobody is found; `sv_examine` says what is wrong with it.
 * SV_CONFIG_ERROR: a rate below 0, of 1 or more, or NaN. */
SV_API int sv_identify(sv_verifier *verifier, const sv_template *const *templates, size_t count,
                       const sv_signature *signature, double fpir, sv_match *matches, size_t capacity,
                       size_t *found);

/* ----------------------------------------------------------------------------------- building blocks */

/* Functions of time: `values` holds SV_FRAMES x SV_CHANNELS, frame by frame. */
SV_API int sv_features(const sv_signature *signature, float *values);

/* Features as the network's input stores them: sv_model_info.input_bytes. SV_CONFIG_ERROR: one is not finite. */
SV_API int sv_quantize_input(const sv_model *model, const float *values, void *input);

/* All that is kept of one signature: functions of time x 32, learned local vectors x 127, a global vector of length
 * 1, and its extent, the time from the first to the last ink. The sizes are those of sv_model_info. */
typedef struct sv_embedding {
    int8_t *series;   /* SV_FRAMES x SV_SERIES_CHANNELS */
    int8_t *detail;   /* SV_DETAIL_FRAMES x SV_DETAIL_CHANNELS */
    int8_t *sequence; /* steps x depth */
    float *vector;    /* vector_size */
    float extent;     /* milliseconds, more than 0 */
} sv_embedding;

/* Fill in the arrays that `embedding` points to, which the caller provides, and its extent. */
SV_API int sv_embed(sv_verifier *verifier, const sv_signature *signature, sv_embedding *embedding);

/* Where the pen went, at whatever speed: SV_OUTLINE_STEPS equal steps along the line, x and y each. `steps` gets
 * SV_OUTLINES of these: of the whole line, which is to be kept, and of the line without short strokes at its ends, which
 * is the same where there are none: whoever shows a copy may have drawn a little before or behind it. With the two
 * functions below, not in a library built with -DSV_SMALL. */
#define SV_OUTLINES 2
SV_API int sv_outlines(const sv_signature *signature, int8_t *steps);

/* How far an outline lies from each of `count` that follow each other in memory, in root-mean-square radii, once it is
 * fitted to it; those that are not near before are not fitted well. Whoever is nearer than 0.0055 is a copy. */
SV_API int sv_outlines_apart(const int8_t *outline, const int8_t *known, size_t count, double *apart);

/* All that a comparison needs of one signature, repaired once: whether it is too poor to be compared; if it is not,
 * its embedding as by `sv_embed`, and unless that is NULL its SV_OUTLINES outlines. */
SV_API int sv_examine(sv_verifier *verifier, const sv_signature *signature, sv_addition *flaw,
                      sv_embedding *embedding, int8_t *outlines);

/* Costs of the cheapest alignment of a probe, `frames` x `channels`, with each of `count` references that follow each
 * other in memory; the band is a fifth of the frames either side. frames 1 to 4096, channels 0 to 129, values within
 * +-127. */
SV_API int sv_elastic_distances(const int8_t *probe, const int8_t *references, size_t count, size_t frames,
                                size_t channels, uint32_t *costs);

/* The same with the paths, `count` x `frames` numbers each: with which frames of the reference each one of the probe is
 * matched, from the first to the last, and what these cells cost together. Of several paths that cost the same it is
 * the one that lags furthest behind in the reference. `totals` has `count`, as `costs` above. */
SV_API int sv_align(const int8_t *probe, const int8_t *references, size_t count, size_t frames, size_t channels,
                    uint32_t *totals, int16_t *first, int16_t *last, int32_t *cost);

/* The products of `count` vectors of `size` numbers, which follow each other in memory, with one more: what a search of
 * many people takes its time for. Size 1 to 131,071. */
SV_API int sv_products(const int8_t *vectors, size_t count, size_t size, const int8_t *vector, int32_t *products);

/* What a pair network is given of two signatures: SV_PAIR_STEPS x SV_PAIR_DEPTH numbers within +-4, step by step. Of
 * the embeddings only the series, the details and the extents are read. SV_CONFIG_ERROR: an extent is not finite or not
 * above 0. */
SV_API int sv_pair_inputs(const sv_embedding *probe, const sv_embedding *reference, float *values);

/* How far two signatures lie apart: sv_model_cues numbers, in the order of the manifest. Those of a signed cue are
 * positive where the probe has more. SV_CONFIG_ERROR, as of sv_compare_each and sv_compare_all: a vector is not finite,
 * or an extent is not finite or not above 0. */
SV_API int sv_compare(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference,
                      float *distances);

/* The arrays of `count` embeddings, of each kind one after the other. */
typedef struct sv_embeddings {
    size_t count;
    const int8_t *series, *detail, *sequence;
    const float *vector, *extent;
} sv_embeddings;

/* Compare one probe with each of the references, or as many probes with the reference of their number; as by
 * `sv_compare`: references->count x sv_model_cues numbers. */
SV_API int sv_compare_each(sv_verifier *verifier, const sv_embeddings *probes, const sv_embeddings *references,
                           float *distances);

/* Compare every one of the probes with each of the references: probes->count x references->count x sv_model_cues
 * numbers, as a cohort is compared with somebody's references. */
SV_API int sv_compare_all(sv_verifier *verifier, const sv_embeddings *probes, const sv_embeddings *references,
                          float *distances);

/* Score of `references` x sv_model_cues distances; `spread` holds `references` x `references` x sv_model_cues of them,
 * between the references themselves. The cues of one pair stand beside each other, in the order of the manifest.
 * SV_CONFIG_ERROR: one of these numbers is not finite, or there are not 1 to SV_MAX_REFERENCES references. */
SV_API int sv_score_distances(const sv_model *model, const float *distances, const float *spread, int references,
                              double *score);

#ifdef __cplusplus
}
#endif
#endif
