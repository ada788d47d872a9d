/* Declarations that the source files share. Nothing here is exported from the library. */
#ifndef SIGVERIFY_INTERNAL_H
#define SIGVERIFY_INTERNAL_H

#include <float.h>
#include <math.h>

#include "sigverify.h"

#define SVI_TRY(call)                \
    do {                             \
        int svi_status = (call);     \
        if (svi_status != SV_OK)     \
            return svi_status;       \
    } while (0)

#define SVI_MAX_GAP_MS 150.0 /* a longer step counts as this long, since people pause between strokes */
#define SVI_MAX_STEPS 4096   /* frames to align: a path of 2 x 4096 - 1 cells costs less than FAR in alignment.c */
#define SVI_MAX_DEPTH 129    /* channels to align: a cell costs at most 129 x 254, which fits int16 */
#define SVI_MAX_TABLE 32     /* rates in a table of thresholds; the converter writes 5 */
#define SVI_MAX_ROWS 24      /* rows of weights: twice SV_MAX_REFERENCES, as comparisons may be reduced */

/* Vector instructions, and tables made as they are needed, where flash and stack are not small; -DSV_SMALL goes
 * without, as do 32-bit processors and compilers that are not like gcc. */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(_WIN32) && !defined(SV_SMALL)
#define SVI_LANES 1
#else
#define SVI_LANES 0
#endif

/* bytes.c */
uint16_t svi_u16(const uint8_t *at);
uint32_t svi_u32(const uint8_t *at);
uint64_t svi_u64(const uint8_t *at);
float svi_f32(const uint8_t *at);
uint8_t *svi_put(uint8_t *at, uint64_t value, int bytes);
uint8_t *svi_put_f32(uint8_t *at, float value);
void svi_hex_id(const uint8_t *bytes, char id[SV_MODEL_ID_SIZE]); /* 8 bytes as 16 digits */
uint8_t *svi_put_hex_id(uint8_t *at, const char id[SV_MODEL_ID_SIZE]);
float svi_half_to_float(uint16_t half);
uint16_t svi_float_to_half(float value);
uint32_t svi_crc32(const uint8_t *data, size_t size);
size_t svi_utf8_length(const uint8_t *text, size_t size); /* characters, or SIZE_MAX: not UTF-8 */

/* sha256.c */
typedef struct svi_sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
} svi_sha256;
void svi_sha256_begin(svi_sha256 *hash);
void svi_sha256_add(svi_sha256 *hash, const uint8_t *data, size_t size);
void svi_sha256_end(svi_sha256 *hash, uint8_t digest[32]);

/* numeric.c: sums in numpy's order, so that float32 rounds alike */
float svi_sum_f(const float *values, size_t count);
double svi_sum_d(const double *values, size_t count);
int svi_are_finite(const float *values, size_t count); /* neither infinite nor NaN */
/* Put the lowest numbers in front, in any order, and return that which would be at `place` if they were sorted. Source:
 * C. A. R. Hoare, "Algorithm 65: FIND", 1961. */
double svi_select(double *values, size_t count, size_t place);
double svi_median(double *values, size_t count); /* changes their order */
/* `count` numbers, two and more, at equal steps: numpy.linspace, which sets the last one exactly. */
void svi_spread(double first, double last, double *grid, size_t count);
/* `values` that lie `at` rising places, at the rising ones of `grid`, linear between them: numpy.interp, in its order
 * of operations. */
void svi_resample(const double *at, const double *values, size_t count, const double *grid, size_t points,
                  double *out);
/* rintf of what is within +-2^22, without a call, so that compilers make vector instructions of a loop: added to
 * 1.5 x 2^23, a float has no digit behind the point left, and rounds to nearest, ties to even. */
static inline float svi_rounded(float value)
{
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
    return value + 12582912.0f - 12582912.0f;
#else /* the sum would have more digits than a float */
    return rintf(value);
#endif
}

/* What was mended in a recording, in that order. */
typedef struct svi_repairs {
    int count;
    sv_repair list[SV_MAX_REPAIRS];
} svi_repairs;

/* What the repairs of a recording work in, all with room for one more than `count` samples. */
typedef struct svi_workspace {
    size_t count;
    const uint8_t *ink; /* whether the way to a sample is written */
    double *time;       /* mended */
    double *numbers;    /* whatever a repair needs for itself, as the next two */
    double *others;
    uint8_t *marks;
    svi_repairs *repairs; /* what was mended so far */
} svi_workspace;

/* capture.c: a signature, checked and repaired */
typedef struct svi_capture {
    size_t count; /* samples that write, or from which a segment of ink starts */
    double *time; /* repaired, from 0 */
    double *x;
    double *y;
    double *pressure; /* all 0 where there is none, or none that says anything */
    uint8_t *ink;
    double *block;    /* what was allocated */
    double interval;  /* of the pen, between two samples */
    double lost;      /* share of the ink's time in which samples are missing */
    sv_addition flaw; /* why the time axis cannot be believed; SV_TAKEN: it can */
    svi_repairs repairs;
} svi_capture;
int svi_capture_open(const sv_signature *signature, svi_capture *capture);
void svi_capture_close(svi_capture *capture);
double svi_capture_duration(const svi_capture *capture);
void svi_note_repair(svi_repairs *repairs, sv_repair repair);

/* clock.c */
sv_addition svi_clock_flaw(const double *stamps, const svi_workspace *at);  /* SV_TAKEN: they can be milliseconds */
double svi_clock_mend(const double *stamps, const svi_workspace *at);       /* fills in `time`, returns the interval */

/* hover.c */
int svi_mark_hover(const sv_signature *from, const svi_workspace *at); /* marks what no ink leads to; 0: none hovers */

/* strays.c */
/* Whether so many samples of ink are not marked, on more than one spot. */
int svi_has_ink(const double *x, const double *y, const svi_workspace *at, size_t least);
size_t svi_mark_strays(const double *x, const double *y, const svi_workspace *at); /* returns how many are marked */

/* marks.c */
void svi_mark_touches(const double *x, const double *y, const svi_workspace *at); /* in `marks` */
size_t svi_mark_rests(const svi_capture *capture, uint8_t *marks);                /* returns how many are marked */

/* features.c */
void svi_features(const svi_capture *capture, float *values);

/* quality.c */
sv_addition svi_capture_flaw(const svi_capture *capture);
double svi_complexity(const svi_capture *capture);
sv_addition svi_assess(const svi_capture *capture);

/* cues.c: what two signatures are compared by */
typedef enum svi_cue {
    SVI_SERIES,
    SVI_TRIMMED,
    SVI_PAIR,
    SVI_SEQUENCE,
    SVI_VECTOR,
    SVI_EXTENT,
    SVI_TEMPO,
    SVI_KNOWN_CUES
} svi_cue;
#define SVI_CUE_COLUMNS 3 /* of evidence, for one cue, at most */
/* Room for the evidence of any model that is opened: a cue that is not in svi_cue is refused, and none is there twice. */
#define SVI_EVIDENCE (SVI_CUE_COLUMNS * SVI_KNOWN_CUES)
typedef struct svi_cues {
    int count; /* 1 to SVI_KNOWN_CUES, once a model is open */
    svi_cue list[SVI_KNOWN_CUES];
} svi_cues;
typedef struct svi_cue_described {
    const char *name;
    int elastic, learned, relative, is_signed;
} svi_cue_described;
/* One more at the end. 0: this library does not compute it, or it is there already. */
int svi_cues_add(svi_cues *cues, const svi_cue_described *described);
int svi_cues_place(const svi_cues *cues, svi_cue cue); /* -1: not in the list */
int svi_cue_is_relative(svi_cue cue);                  /* to how far the references lie from each other */
int svi_cue_is_signed(svi_cue cue);                    /* changes sign where probe and reference change places */
int svi_cues_first_column(const svi_cues *cues, int place); /* of evidence; at `count`: how many there are */

/* scoring.c */
typedef struct svi_table {
    int count;
    double fmr[SVI_MAX_TABLE];
    double threshold[SVI_MAX_TABLE];
} svi_table;
typedef struct svi_row {
    long references;
    int is_reduced; /* for comparisons without pressure */
    double weights[SVI_EVIDENCE]; /* one for each column of the model's cues, the rest unused */
    double bias;
    svi_table tables[2]; /* by sv_impostor; count 0: none */
} svi_row;
typedef struct svi_scoring {
    int count;
    svi_row rows[SVI_MAX_ROWS];
} svi_scoring;
int svi_scoring_default(svi_scoring *scoring, const svi_cues *cues); /* 0: there is no series to weigh */
const svi_row *svi_scoring_row(const svi_scoring *scoring, int references, int is_reduced);
/* Log odds of genuine to impostor, within +-60, and the probability that they are. */
double svi_odds(const sv_model *model, const float *distances, const float *spread, int references, int is_reduced);
double svi_score(const sv_model *model, const float *distances, const float *spread, int references, int is_reduced);
int svi_threshold(const svi_row *row, double fmr, sv_impostor impostor, double *threshold);
int svi_open_set_threshold(const svi_row *row, double fpir, size_t people, double *threshold);
double svi_confidence(double score, double threshold);

/* json.c: strict, no white space, keys rising */
typedef struct svi_json {
    const char *at;
    const char *end;
    int depth;
} svi_json;
int svi_json_token(svi_json *reader, const char *token); /* 1 and past it, or 0 */
int svi_json_key(svi_json *reader, const char *name);    /* "name": */
int svi_json_text(svi_json *reader, char *text, size_t capacity); /* escapes as they are written, cut to fit */
int svi_json_number(svi_json *reader, double *value);
int svi_json_real(svi_json *reader, double *value); /* with a point or an exponent, as Python writes each float */
int svi_json_integer(svi_json *reader, long low, long high, long *value);
int svi_json_skip(svi_json *reader);
int svi_json_more(svi_json *reader, char close, int *first); /* 1: another member; 0: closed; -1: malformed */

/* model_file.c */
typedef enum svi_type { SVI_INT8, SVI_UINT8, SVI_FLOAT32 } svi_type;
typedef struct svi_port {
    int known;
    int position;
    svi_type type;
    float scale;
    float zero_point;
    size_t elements;
} svi_port;
struct sv_model {
    char id[SV_MODEL_ID_SIZE];
    const uint8_t *network;
    size_t network_size;
    size_t vector_size;
    size_t steps; /* of the sequence; 1 x 0 where there is none */
    size_t depth;
    const uint8_t *pair_network; /* NULL where there is none */
    size_t pair_network_size;
    svi_port input, vector, sequence;
    svi_port pair_input, pair; /* of the pair network */
    const uint8_t *cohort; /* of `people`, one signature each; 0: there is none */
    size_t people;
    svi_cues cues;
    svi_scoring scoring;
};

/* port.c: numbers as a network stores them */
size_t svi_port_bytes(const svi_port *port);
void svi_store(const svi_port *port, const float *values, void *stored); /* all its elements */
float svi_to_real(const svi_port *port, const void *stored, size_t index);

/* manifest.c */
#define SVI_FILE_VERSION 4 /* of a model file, and of its manifest */
int svi_manifest_read(const char *text, size_t size, sv_model *model);

/* alignment.c: two series of vectors, elastically */
/* The only channel of the series that is not compared where one side lacks it (sigverify/matching/comparison.py). If
 * others were left out too, a probe in which all channels vanish would be compared by nothing, and be like everybody. */
#define SVI_PRESSURE 6
#define SVI_NOTHING (-1) /* `without` this channel: all are compared */
typedef struct svi_shape {
    size_t frames, channels; /* of the series */
    size_t details;          /* channels beside it, of half as many frames */
    size_t steps, depth;     /* of the sequence */
    size_t size;             /* of the vector */
    size_t cues;
} svi_shape;
/* A path as `Paths` in Python describes it: `frames` numbers each. */
typedef struct svi_path {
    int32_t total;
    int32_t *cost;
    int16_t *first, *last;
} svi_path;
typedef struct svi_lanes_job svi_lanes_job;
typedef void svi_lanes_forward(const svi_lanes_job *job);
typedef struct svi_aligner {
    svi_lanes_forward *forward; /* NULL: this processor has none */
    uint16_t *kept;   /* what the cheapest path to each cell of all diagonals costs, for lanes.c */
    int32_t *places;  /* where they stand */
    uint8_t *words;   /* what lanes.c aligns */
    int32_t *cells;   /* of three diagonals: what the cheapest path to each costs */
    int32_t *smooth;  /* costs of the path's frames, averaged: what trimmed.c sorts */
    float *squares;   /* of the differences of two vectors */
    int16_t *rows;    /* the first of the two that are aligned, channel by channel */
    int16_t *columns; /* the second, backward */
    uint16_t *costs;  /* of the cells of one diagonal */
    uint8_t *table;   /* from where each cell is entered */
    svi_path path;    /* the last one found */
    void *block;      /* what was allocated, for all of them */
} svi_aligner;
int svi_aligner_open(const svi_shape *shape, svi_aligner *aligner);
void svi_aligner_close(svi_aligner *aligner);
/* The cost of the cheapest path. `keeps_steps`: fill in the table that svi_find_path walks. */
int32_t svi_align(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                  int without, int keeps_steps);
size_t svi_band(size_t frames); /* cells either side of the diagonal */
/* From where the path enters a cell. */
typedef enum svi_step { SVI_FROM_LEFT, SVI_FROM_ACROSS, SVI_FROM_UP } svi_step;
svi_step svi_step_into(const svi_aligner *aligner, size_t frames, size_t row, size_t column);

/* lanes.c */
typedef enum svi_lanes_width { SVI_SCALAR, SVI_128_BITS, SVI_256_BITS } svi_lanes_width;
svi_lanes_width svi_processor_width(void); /* what it has; only where there are lanes */
svi_lanes_forward *svi_lanes_of(svi_lanes_width most); /* the widest that this processor has; NULL: none */
size_t svi_lanes_cells(size_t frames);
size_t svi_lanes_places(size_t frames);
size_t svi_lanes_bytes(size_t frames, size_t channels);
/* As svi_align, or -1: it must do it, as the path is too long or costs too much. `keeps_cells`: for svi_lanes_walk. */
int32_t svi_lanes_align(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                        int without, int keeps_cells);
void svi_lanes_walk(svi_aligner *aligner, size_t frames); /* into aligner->path */

/* path.c */
void svi_find_path(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                   int without); /* into aligner->path */

/* trimmed.c */
float svi_trimmed_distance(svi_aligner *aligner, size_t frames); /* of aligner->path */

/* pair.c */
void svi_pair_inputs(const svi_path *path, const sv_embedding *probe, const sv_embedding *reference, int without,
                     float *values);
int svi_judge(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
              float *distance); /* after aligner->path */

/* matching.c */
#define SVI_SERIES_SCALE 32.0f    /* functions of time within +-4 are stored as int8 of value x 32 */
#define SVI_SEQUENCE_SCALE 127.0f /* local vectors within +-1 are stored as int8 of value x 127 */
float svi_vector_distance(svi_aligner *aligner, const svi_shape *shape, const float *probe, const float *reference);
float svi_log_ratio(const sv_embedding *probe, const sv_embedding *reference); /* of the extents */
/* A distance for each cue, of the series `without` a channel; `series` gets that of the series, a cue or not. */
int svi_compare(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
                float *distances, float *series);
/* Only those cues that align the series; the other distances stay as they are. */
int svi_compare_series(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
                       float *distances, float *series);
/* Write the distances of a pair both ways around into a square of `count` x `count` x cues: `row` was the probe. */
void svi_put_pair(const svi_cues *cues, float *spread, int count, int row, int column, const float *distances);
int svi_extent_is_sound(float extent); /* finite, and more than 0 */
/* Whether its device measured pressure: otherwise that channel is 0 throughout. */
int svi_has_pressure(const svi_shape *shape, const sv_embedding *embedding);

/* How far the references lie apart, their series measured anew without pressure. */
int svi_measure_spread(sv_verifier *verifier, const sv_template *enrolled, float *spread);

/* tempo.c */
float svi_tempo_difference(const sv_embedding *probe, const sv_embedding *reference);

/* strangers.c */
#define SVI_MIN_COHORT 2   /* people: of one there is no deviation */
#define SVI_MAX_COHORT 256 /* each costs a comparison or two at every enrollment */
typedef struct svi_fit { /* log odds of strangers, taken as normal */
    double mean, deviation;
} svi_fit;
int svi_fit_is_sound(const svi_fit *fit);
int svi_cohort_open(const uint8_t *data, size_t size, sv_model *model); /* once the manifest was read */
/* Compare the model's cohort with the references, whose spread is known, and keep how near they come. */
int svi_meet_strangers(sv_verifier *verifier, sv_template *enrolled);
/* Make a row that of one person: where strangers come near, the thresholds for these rise. */
void svi_raise(svi_row *row, const sv_template *enrolled, int is_reduced);

/* template.c */
#define SVI_MAX_USER 256        /* characters of a user id, as in sigverify/template.py */
#define SVI_COPY_DISTANCE 0.6f  /* a series nearer than this is a copy: genuine ones lie 0.65 apart or more */
struct sv_template {
    char model_id[SV_MODEL_ID_SIZE];
    int references;
    int64_t created_ms;
    svi_shape shape;
    int has_strangers;     /* whether the model had a cohort */
    svi_fit strangers[2];  /* compared by all, and without pressure */
    size_t user_size;
    char *user;
    sv_embedding each[SV_MAX_REFERENCES];
    float *spread; /* references x references x shape.cues */
    void *block;
};
int svi_template_new(const char *user, size_t user_size, const svi_shape *shape, int references,
                     sv_template **enrolled);
int svi_created_is_valid(int64_t created_ms);
int svi_user_is_valid(const char *user, size_t size);

/* enrollment.c */
void svi_screen(const sv_model *model, const float *pairs, int count, int is_reduced, sv_addition *additions);

/* verifier.c */
struct sv_verifier {
    const sv_model *model;
    sv_network network;
    svi_shape shape;
    svi_aligner aligner;
    float values[SV_FRAMES * SV_CHANNELS]; /* functions of time; later what the pair network sees, which is less */
    void *input, *vector, *sequence; /* of the network, as it stores them */
    void *pair_input, *pair_output;  /* of the pair network */
    sv_embedding probe;
    void *block;
};
int svi_can_hold(const sv_verifier *verifier, const sv_embedding *embedding);
int svi_embed(sv_verifier *verifier, svi_capture *capture, sv_embedding *embedding);

/* outlines.c */
int svi_outlines(const svi_capture *capture, int8_t *steps);

#endif
