/* A client of `sigverify serve` for microcontrollers: docs/protocol.md in C99. C++ may include it.
 *
 * - No allocation, no operating system, no other library: a `svc_client` is all its memory, and belongs to the
 *   caller. It writes through a callback, and is fed whatever bytes arrive, in pieces of any size.
 * - Nothing waits or keeps time: a request returns when it is written, its answer comes to the `answer` callback
 *   from within `svc_feed`. When an answer is overdue, ask again with the same id: nothing is done twice.
 * - Every call that can fail returns SVC_OK or one of `svc_status`, the numbers of sigverify/errors.py.
 * - There is no global state, and no lock: call it from one place, the main loop or one task. An interrupt handler puts
 *   received bytes and samples aside, in rings, and the loop hands them over. From within `answer` everything may be
 *   called but `svc_feed`, from within `write` nothing.
 * - Texts and pointers may be NULL only where it says so; of samples and texts that is checked.
 * - For compilers whose `double` has 64 bits (AVR's has 32).
 */
#ifndef SIGVERIFY_CLIENT_H
#define SIGVERIFY_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of payload that are taken in one frame: 1,280 to 8,192. Nearly all the memory of a client, so all files must
 * agree: change it here, or by an option of the compiler, but not in one of your sources. */
#ifndef SVC_MAX_PAYLOAD
#define SVC_MAX_PAYLOAD 1280
#endif

/* Define SVC_NO_TOKEN where the daemon wants no token, SVC_NO_SIGNING where it wants no signed captures, in all files;
 * with both SHA-256 is left out too. */

#define SVC_VERSION 1
#define SVC_WINDOW 4         /* requests that may wait for their answers at once */
#define SVC_MAX_TEXT 1024    /* bytes of one text */
#define SVC_MAX_ITEMS 512    /* items of one list */
#define SVC_MOST_SAMPLES 64  /* samples of one `points` */
#define SVC_MOST_BYTES 1024  /* of a picture, in one `image` */
#define SVC_TOKEN_SIZE 32
#define SVC_NONCE_SIZE 16
#define SVC_KEY_SIZE 32      /* of a pen that signs */
#define SVC_MAC_SIZE 32
#define SVC_MAX_DEVICE 32    /* characters of its name */

typedef enum svc_status {
    SVC_OK = 0,
    SVC_ERROR = 1,
    SVC_INVALID_SIGNATURE = 10,
    SVC_FORMAT_ERROR = 11,
    SVC_UNKNOWN_FORMAT = 12,
    SVC_UNTRUSTED_CAPTURE = 13,
    SVC_MODEL_ERROR = 20,
    SVC_MALFORMED_MODEL = 21,
    SVC_INCOMPATIBLE_MODEL = 22,
    SVC_UNTRUSTED_MODEL = 23,
    SVC_RUNTIME_UNAVAILABLE = 30,
    SVC_MISSING_EXTRA = 31,
    SVC_STORE_ERROR = 40,
    SVC_UNKNOWN_USER = 41,
    SVC_ALREADY_ENROLLED = 42,
    SVC_MALFORMED_TEMPLATE = 43,
    SVC_KEY_UNAVAILABLE = 44,
    SVC_WRONG_KEY = 45,
    SVC_DAMAGED_STORE = 46,
    SVC_STORE_UNREACHABLE = 47,
    SVC_STALE_CACHE = 48,
    SVC_UNTRUSTED_TEMPLATE = 49,
    SVC_ENROLLMENT_ERROR = 50,
    SVC_CONFIG_ERROR = 60,
    SVC_CORPUS_ERROR = 61,
    SVC_SPLIT_LEAK = 62,
    SVC_TRAINING_ERROR = 63,
    SVC_CONVERSION_ERROR = 64,
    SVC_BRIDGE_ERROR = 70,
    SVC_PROTOCOL_ERROR = 71,
    SVC_MISUSE = 72,
    SVC_DISCONNECTED = 73,
    SVC_NOT_ALLOWED = 74,
    SVC_BUSY = 75
} svc_status;

typedef enum svc_kind {
    SVC_HELLO = 1,
    SVC_AUTHENTICATE = 2,
    SVC_BEGIN = 3,
    SVC_POINTS = 4,
    SVC_END = 5,
    SVC_CANCEL = 6,
    SVC_VERIFY = 7,
    SVC_IDENTIFY = 8,
    SVC_ENROLL = 9,
    SVC_ADD = 10,
    SVC_COMMIT = 11,
    SVC_ABANDON = 12,
    SVC_USERS = 13,
    SVC_FORGET = 14,
    SVC_INFO = 15,
    SVC_HEALTH = 16,
    SVC_BEGIN_IMAGE = 17,
    SVC_IMAGE = 18,
    SVC_CHALLENGE = 19,
    SVC_WELCOME = 64,
    SVC_DONE = 65,
    SVC_CREDIT = 66,
    SVC_CAPTURED = 67,
    SVC_DECISION = 68,
    SVC_MATCHES = 69,
    SVC_ENROLLING = 70,
    SVC_ADDITION = 71,
    SVC_ENROLLED = 72,
    SVC_USER_LIST = 73,
    SVC_ABOUT = 74,
    SVC_CONDITION = 75,
    SVC_CHALLENGED = 76,
    SVC_FAILURE = 127
} svc_kind;

/* How far the handshake is: the phases of a client in docs/protocol.md, which draws what leads from one to the next. */
typedef enum svc_phase {
    SVC_PHASE_IDLE = 0,     /* none was begun, or the daemon refused it, or was started anew: say hello */
    SVC_PHASE_GREETING = 1, /* hello is said */
    SVC_PHASE_PROVING = 2,  /* the proof of the token is sent */
    SVC_PHASE_READY = 3     /* requests may be asked */
} svc_phase;

/* ------------------------------------------------------------------------------------ what is received
 * Texts and lists lie in the client's buffer: good until the callback returns. A text has no closing NUL, and
 * is as the daemon sent it. What a message leaves out is NAN (a number; see svc_is_present), a text or list with
 * `at` NULL, or 0. */

typedef struct svc_text {
    const char *at;
    size_t size;
} svc_text;

typedef struct svc_list {
    const uint8_t *at;
    size_t size; /* bytes */
    uint32_t count;
} svc_list;

typedef struct svc_welcome {
    uint32_t version, max_payload, window, credit;
    svc_text nonce; /* bytes */
    svc_list capabilities;
    int signed_only; /* captures have to be signed: see svc_sign */
} svc_welcome;

typedef struct svc_decision {
    int accepted; /* the one answer; the rest says why */
    svc_text outcome, reason;
    double score, threshold, confidence;
    svc_list unlike, missing; /* aspects: what sets the probe apart, what could not be compared */
    svc_text flaw;
    double retry_after_s, latency_ms;
    svc_list kinds, scores, left_out; /* of a signature with its picture: one score for each kind; what did not count */
} svc_decision;

typedef struct svc_addition {
    int accepted;
    svc_text reason;
    uint32_t remaining;
    double duration_ms, complexity;
    svc_text flaw;
    svc_list repairs;
} svc_addition;

typedef struct svc_enrolled {
    svc_text user_id;
    uint32_t references, template_bytes;
    svc_text model_id;
    double created_ms, complexity, consistency;
    svc_list reasons; /* one a reference */
    double latency_ms, strangers;
    svc_list cautions; /* SVC_CAUTIONS: what somebody should know of it; usually nothing */
} svc_enrolled;

typedef struct svc_message {
    svc_kind kind;
    uint32_t id; /* of the request that it answers; 0: of none */
    union {
        svc_welcome welcome;
        struct { svc_text proof; } done; /* bytes; `svc_feed` has checked it */
        struct { uint32_t points; } credit;
        struct { uint32_t samples; double duration_ms; uint32_t size; } captured; /* size: of a picture */
        svc_decision decision;
        struct { svc_list user_ids, scores; svc_text flaw; } matches; /* flaw: why nobody could be looked for */
        struct { uint32_t remaining; } enrolling;
        svc_addition addition;
        svc_enrolled enrolled;
        struct { svc_list user_ids; int more; } user_list;
        struct { svc_text sdk_version, model, model_id; uint32_t max_samples, max_references, max_image_bytes; } about;
        struct { int ready; double uptime_s; uint32_t clients, waiting; } condition;
        struct { svc_text nonce; double life_s; } challenged; /* bytes; `svc_feed` keeps them for svc_sign */
        struct { uint32_t status; svc_text name, message, reason; } failure; /* reason: of SVC_UNTRUSTED_CAPTURE */
    } as;
} svc_message;

/* What the texts above may be, in the order of the SDK's enums, for tables such as
 * `static const char *const reasons[] = {SVC_REASONS};`. A later daemon may say others. */
#define SVC_OUTCOMES "accept", "reject", "refer"
#define SVC_REASONS "alike", "unlike", "unsure", "replay", "locked", "poor", "blocked"
#define SVC_ADDITION_REASONS "taken", "too_short", "too_simple", "bad_capture", "copy", "unlike", "in_seconds", "in_microseconds", "in_nanoseconds", "no_time", "no_ink", "too_small", "several", "no_strokes", "cut_off", "blurred"
#define SVC_CAUTIONS "many_strangers", "no_cohort"
#define SVC_FLAWS "too_short", "too_simple", "bad_capture", "in_seconds", "in_microseconds", "in_nanoseconds", "no_time", "no_ink", "too_small", "several", "no_strokes", "cut_off", "blurred"
#define SVC_DISTRUSTS "unsigned", "unknown_device", "revoked", "wrong_signature", "other_purpose", "stale", "counted_before"
#define SVC_ASPECTS "shape", "speed", "pressure", "duration", "proportion"

/* Take the next item off a list; 0: there is none. */
int svc_next_text(svc_list *list, svc_text *text);
int svc_next_number(svc_list *list, double *number);

int svc_is(svc_text text, const char *word);
int svc_is_present(double number); /* whether the message had it */

/* Read one payload, of the kinds that a daemon sends. `svc_feed` does it; here for logs and tests.
 * SVC_PROTOCOL_ERROR: it is none. */
svc_status svc_decode(const uint8_t *payload, size_t size, svc_message *message);

/* ----------------------------------------------------------------------------------------- the client */

/* Write all of `bytes`, 1 to 256 of them; 0: done. It may wait until they are on their way, or copy them. */
typedef int (*svc_write_fn)(void *context, const uint8_t *bytes, size_t count);

/* Take an answer, the welcome included, or an error of nobody's request (id 0). It may send requests. */
typedef void (*svc_answer_fn)(void *context, const svc_message *message);

/* SHA-256 under way. */
typedef struct svc_sha {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
} svc_sha;

/* A pen that signs its captures. */
typedef struct svc_pen {
    const char *device; /* its name: 1 to SVC_MAX_DEVICE letters, digits, dots, hyphens and underscores */
    const uint8_t *key; /* SVC_KEY_SIZE bytes, which the daemon has too: other ones in each pen */
} svc_pen;

/* What a capture is signed for. */
typedef enum svc_purpose {
    SVC_TO_DECIDE = 1, /* svc_verify, svc_identify */
    SVC_TO_ENROLL = 2  /* svc_add */
} svc_purpose;

/* Allocate it statically; use no member. */
typedef struct svc_client {
    svc_write_fn write;
    svc_answer_fn answer;
    void *context;
    const uint8_t *token;
    uint8_t said[32], awaited[32]; /* digest of the hello, then what proves that the daemon has the token */
    uint32_t number, handshake, waiting[SVC_WINDOW], window, room, credit, most_credit;
    uint32_t capture, pieces, image_crc;
    uint32_t crc;
    uint16_t held, filled;
    uint8_t phase; /* svc_phase */
    uint8_t capturing, ended, left, code, skipping, feeding, full, broken;
#ifndef SVC_NO_SIGNING
    const svc_pen *pen, *signer; /* of captures to come, and of the one begun last */
    svc_sha content; /* of the capture under way */
    uint32_t size, counter;
    uint8_t challenge[SVC_NONCE_SIZE], nonce[SVC_NONCE_SIZE], mac[SVC_MAC_SIZE];
    uint8_t challenged, purpose; /* purpose 0: the capture ended last is not signed */
#endif
    uint8_t block[256];
    uint8_t frame[SVC_MAX_PAYLOAD + 4];
} svc_client;

void svc_init(svc_client *client, svc_write_fn write, svc_answer_fn answer, void *context);

/* Begin, or begin anew: after a reset, a broken line, or lost answers. Captures, an enrollment under way and what waits
 * are forgotten on both sides. Say it again where `svc_ready` is still 0 after a second or two, and where it becomes 0:
 * it does so with the failure NoHandshake, of any request or of none, by a daemon that was started anew.
 * `name` may be NULL. `token` (32 bytes that outlive the client): each side proves to the other that it has it; NULL: there
 * is none. With a token `nonce` is SVC_NONCE_SIZE random bytes, others for each hello, from the hardware's source of
 * randomness: whoever can foresee them can play the daemon by what it said before. SVC_MISUSE: one without the other. */
svc_status svc_hello(svc_client *client, const char *name, const uint8_t *token, const uint8_t *nonce);

/* Whether the handshake is done. */
int svc_ready(const svc_client *client);

/* Take bytes from the line, and give answers to the callback. Damaged frames are passed over. All bytes are taken,
 * whatever is returned:
 * SVC_PROTOCOL_ERROR: a whole frame was no message, or the daemon speaks another version, or takes less than it must.
 * SVC_NOT_ALLOWED: it wants a token, and there is none; or there is one, and whatever answers has not proved that it has it
 * too: believe nothing of it. SVC_MISUSE: called from within the callback. */
svc_status svc_feed(svc_client *client, const uint8_t *bytes, size_t count);

/* Requests. `id`: point it at 0, and it becomes the request's number; at the number of a request that still waits,
 * and that is sent once more. Texts end with NUL. SVC_MISUSE: before the handshake, an id that waits for nothing,
 * a text too long, or all together more than the daemon takes; nothing was written. SVC_BUSY: too many wait.
 * SVC_DISCONNECTED: `write` failed; ask again with the same id, or say hello when the line is back. Or all 2^32 ids are
 * used up: say hello. */

typedef struct svc_sample {
    double x, y, t, p; /* any unit, milliseconds from any origin, any unit */
    int ink;           /* 0: the way to this sample carries none */
} svc_sample;

/* Of a daemon that does not trust its clients (`serve --untrusted`) only `second`, `modality` and the defaults are yours to
 * choose: a rate, a group, or another number of references is the failure SVC_NOT_ALLOWED, and `top_k` counts as one. Each
 * "no" is a failed try of the device; after too many of them every question is the failure SVC_BUSY for a while. */

typedef struct svc_verify_options { /* 0 and NULL: as the daemon's policy says */
    double fmr;
    const char *impostor;
    double refer_fmr;
    uint32_t second; /* the capture of a picture beside that of its strokes, or the other way round; 0: none */
} svc_verify_options;

typedef struct svc_identify_options {
    uint32_t top_k; /* 0: five */
    double fpir;
    const char *among;
} svc_identify_options;

typedef struct svc_enroll_options {
    uint32_t references; /* 0: five */
    int replace;
    const char *const *groups;
    size_t group_count;
    const char *modality; /* "pen" or "image"; NULL: as the daemon's first model takes */
} svc_enroll_options;

/* One capture is streamed at a time: wait for the answer to its end before another begins. `pressure`: whether its
 * samples have some. */
svc_status svc_begin(svc_client *client, uint32_t capture, int pressure);

/* Send up to `svc_samples_a_message` samples. SVC_BUSY: no credit; feed, and try again; where that lasts, what returns
 * it was lost: begin anew. SVC_MISUSE: too many, a number that is not finite, or no capture is begun.
 * SVC_DISCONNECTED: `write` failed; send the same again. */
svc_status svc_points(svc_client *client, const svc_sample *samples, size_t count);
size_t svc_samples_a_message(const svc_client *client);
uint32_t svc_credit(const svc_client *client);

/* A picture of a signature, a PNG or JPEG file of `size` bytes, in place of strokes; only where the welcome's
 * `capabilities` have "images": without, the answer to `svc_end` is the failure SVC_NOT_ALLOWED. Its end, answer and use
 * are those of strokes. */
svc_status svc_begin_image(svc_client *client, uint32_t capture, uint32_t size);

/* Send the next 1 to SVC_MOST_BYTES bytes of it; statuses as for `svc_points`. No more is held than is sent: read the
 * file from flash, or from the camera, piece by piece. */
svc_status svc_image(svc_client *client, const uint8_t *bytes, size_t count);

#ifndef SVC_NO_SIGNING
/* Sign what is captured, where the welcome says `signed_only`: the daemon takes nothing else then.
 *
 * 1. svc_sign_as once, before svc_begin. The pen outlives the client; NULL: captures begun from now on are not signed.
 * 2. svc_challenge for each capture, best right after svc_begin; its answer comes while the pen moves.
 * 3. svc_sign after the last samples, then svc_end. `counter`: higher than any before, also after the power was gone
 *    (docs/protocol.md says how to keep one in flash), 1 to 2^32 - 1. SVC_BUSY: no challenge came yet. SVC_MISUSE: no
 *    capture is under way that was begun with a pen, or the name or counter of the pen is none.
 *
 * A challenge is good for one capture, on this line, for the `life_s` seconds of its answer. What is signed is x, y, t, p
 * and ink of each sample as they were given to svc_points, or the bytes of a picture. */
void svc_sign_as(svc_client *client, const svc_pen *pen);
svc_status svc_challenge(svc_client *client, uint32_t *id);
svc_status svc_sign(svc_client *client, uint32_t counter, svc_purpose purpose);
#endif

svc_status svc_end(svc_client *client, uint32_t *id); /* the capture begun last, once; then by its id again */
svc_status svc_cancel(svc_client *client, uint32_t capture);

/* `options` may be NULL. */
svc_status svc_verify(svc_client *client, const char *user_id, uint32_t capture, const svc_verify_options *options,
                      uint32_t *id);
svc_status svc_identify(svc_client *client, uint32_t capture, const svc_identify_options *options, uint32_t *id);
svc_status svc_enroll(svc_client *client, const char *user_id, const svc_enroll_options *options, uint32_t *id);
svc_status svc_add(svc_client *client, uint32_t capture, uint32_t *id);
svc_status svc_commit(svc_client *client, uint32_t *id);
svc_status svc_abandon(svc_client *client, uint32_t *id);
svc_status svc_users(svc_client *client, const char *after, uint32_t *id); /* NULL: from the first */
svc_status svc_forget(svc_client *client, const char *user_id, uint32_t *id);
svc_status svc_info(svc_client *client, uint32_t *id);
svc_status svc_health(svc_client *client, uint32_t *id);

#ifdef __cplusplus
}
#endif

#endif
