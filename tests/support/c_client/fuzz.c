/* Whatever a daemon can say and a program can ask, in whatever order, of the C client.
 *
 * The input is a list of steps, a letter each with what it needs: see `STEPS`. Beside the bounds, which the sanitizers
 * watch, these must hold: what is written are frames that the daemon takes, and no more than it takes; an answer is
 * given once, and only to what was asked; credit is never more than was given; each challenge is signed once. With SIGVERIFY_FUZZ_TRACE in the
 * environment it prints the kinds of answers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sigverify_client.h"
#include "../check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_BYTES = 16384, IDS = 256, CRC_BYTES = 4 };

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

static svc_client *client;
static input rest;
static uint8_t line[LINE_BYTES]; /* what was written of the frame under way */
static size_t written, room, given; /* `room`: bytes until the line breaks */
static int torn, answering; /* `torn`: the line broke within a frame */
static int challenged; /* a challenge came that nothing was signed with yet */
static const char *device; /* the pen's name, on the heap as long as the client may look at it */
static svc_pen pen;
static uint32_t slots[4]; /* ids of requests, as a program keeps them */
static uint8_t waits[IDS];

/* -------------------------------------------------------------------------------------------- the input */

static uint8_t byte(void)
{
    if (!rest.left)
        return 0;
    rest.left--;
    return *rest.at++;
}

static input piece(void)
{
    size_t size = byte();
    input its = {rest.at, size < rest.left ? size : rest.left};
    rest.at += its.left;
    rest.left -= its.left;
    return its;
}

static double figure(void)
{
    static const double odd[] = {0, 1, -1, 0.5, 0.01, 5e9, 1e300, -4.9e-324, 65504, 9007199254740993.0};
    uint8_t which = byte();
    double any = 0;
    input its;
    if (which < sizeof odd / sizeof *odd)
        return odd[which];
    its = piece();
    memcpy(&any, its.at, its.left < sizeof any ? its.left : sizeof any);
    return any;
}

/* A text of the program's, on the heap: one byte too far is noticed. NULL now and then. */
static char *text(void)
{
    size_t times = byte(), size;
    input its = piece();
    char *copy;
    if (times == 0)
        return NULL;
    copy = malloc(its.left * times + 1);
    CHECK(copy);
    for (size = 0; times--; size += its.left)
        memcpy(copy + size, its.at, its.left);
    copy[size] = '\0';
    return copy;
}

/* --------------------------------------------------------------------------------------------- the line */

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

/* Undo COBS in place; SIZE_MAX: it is none. */
static size_t unstuffed(uint8_t *bytes, size_t size)
{
    size_t from = 0, to = 0;
    while (from < size) {
        size_t code = bytes[from++];
        if (from + code - 1 > size)
            return SIZE_MAX;
        memmove(bytes + to, bytes + from, code - 1);
        to += code - 1;
        from += code - 1;
        if (code < 255 && from < size)
            bytes[to++] = 0;
    }
    return to;
}

static void check_frame(void)
{
    size_t size = unstuffed(line, written);
    CHECK(size != SIZE_MAX && size > CRC_BYTES && size - CRC_BYTES <= client->room);
    for (size_t i = 0; i < CRC_BYTES; i++)
        CHECK(line[size - CRC_BYTES + i] == (crc_of(line, size - CRC_BYTES) >> 8 * i & 255));
}

static int take(void *context, const uint8_t *bytes, size_t count)
{
    CHECK(context == client && count && count <= 256);
    CHECK(!torn || (count == 1 && !*bytes)); /* what is torn is ended before another frame */
    for (size_t i = 0; i < count; i++) {
        if (room == 0)
            return torn = 1;
        room--;
        CHECK(bytes[i] || i + 1 == count);
        if (bytes[i])
            line[written++] = bytes[i];
        else if (written && !torn)
            check_frame();
        if (!bytes[i])
            written = 0, torn = 0;
        CHECK(written < sizeof line);
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------ the program */

static volatile size_t seen;

static void read_text(svc_text its)
{
    for (size_t i = 0; i < its.size; i++)
        seen += (unsigned char)its.at[i];
    seen += (size_t)svc_is(its, "accept");
}

static void read_list(svc_list list, int of_texts)
{
    uint32_t count = list.count;
    svc_text one = {NULL, 0};
    double number = 0;
    for (; of_texts ? svc_next_text(&list, &one) : svc_next_number(&list, &number); count--)
        read_text(one);
    CHECK(count == 0 && list.size == 0);
}

static void read_message(const svc_message *its)
{
    switch (its->kind) {
    case SVC_WELCOME: read_text(its->as.welcome.nonce), read_list(its->as.welcome.capabilities, 1); break;
    case SVC_DECISION:
        read_text(its->as.decision.outcome), read_text(its->as.decision.reason);
        read_list(its->as.decision.unlike, 1), read_list(its->as.decision.missing, 1);
        read_list(its->as.decision.kinds, 1), read_list(its->as.decision.scores, 0);
        read_list(its->as.decision.left_out, 1);
        seen += (size_t)svc_is_present(its->as.decision.score);
        break;
    case SVC_MATCHES: read_list(its->as.matches.user_ids, 1), read_list(its->as.matches.scores, 0); break;
    case SVC_ADDITION: read_text(its->as.addition.reason), read_text(its->as.addition.flaw); break;
    case SVC_ENROLLED:
        read_text(its->as.enrolled.user_id), read_text(its->as.enrolled.model_id);
        read_list(its->as.enrolled.reasons, 1);
        break;
    case SVC_USER_LIST: read_list(its->as.user_list.user_ids, 1); break;
    case SVC_ABOUT:
        read_text(its->as.about.sdk_version), read_text(its->as.about.model), read_text(its->as.about.model_id);
        break;
    case SVC_FAILURE:
        read_text(its->as.failure.name), read_text(its->as.failure.message), read_text(its->as.failure.reason);
        break;
    case SVC_CHALLENGED: read_text(its->as.challenged.nonce); break;
    default: break;
    }
}

static void greet(void)
{
    static const uint8_t token[SVC_TOKEN_SIZE] = {1, 2, 3}, nonce[SVC_NONCE_SIZE] = {4, 5, 6};
    char *name = text();
    int with_token = byte() % 2;
    memset(waits, 0, sizeof waits);
    challenged = 0;
    (void)svc_hello(client, name, with_token ? token : NULL, with_token ? nonce : NULL);
    free(name);
}

/* Captures to come are signed by a pen of any name, or by none; what was begun keeps its own, so the name stays. */
static void take_pen(void)
{
    static const uint8_t key[SVC_KEY_SIZE] = {7, 8, 9};
    char *name = text();
    if (device) {
        free(name);
        svc_sign_as(client, byte() % 2 ? &pen : NULL);
        return;
    }
    device = name;
    pen = (svc_pen){name, byte() % 8 ? key : NULL};
    svc_sign_as(client, &pen);
}

static void sign(void)
{
    uint32_t counter = byte() % 4 ? 1u << byte() % 32 : 0;
    svc_status status = svc_sign(client, counter, (svc_purpose)(byte() % 4));
    CHECK(status == SVC_OK || status == SVC_BUSY || status == SVC_MISUSE);
    CHECK(status != SVC_OK || (challenged && counter));
    CHECK(status != SVC_BUSY || !challenged);
    if (status == SVC_OK)
        challenged = 0;
}

static void send_points(void)
{
    size_t count = byte() % (SVC_MOST_SAMPLES + 2), most = svc_samples_a_message(client);
    svc_sample *samples = malloc(count ? count * sizeof *samples : 1);
    svc_sample its = {0, 0, 0, 0, byte() % 2};
    svc_status status;
    CHECK(samples);
    its.x = figure(), its.y = figure(), its.t = figure(), its.p = figure();
    for (size_t i = 0; i < count; i++)
        samples[i] = its;
    given = svc_credit(client);
    status = svc_points(client, samples, count);
    CHECK(status != SVC_OK || (count <= most && svc_credit(client) == given - 1));
    CHECK(status == SVC_OK || svc_credit(client) == given);
    free(samples);
}

static void send_image(void)
{
    input its = piece();
    size_t times = byte() % 8, size = its.left * times;
    uint8_t *file = malloc(size ? size : 1); /* on the heap: one byte too far is noticed */
    svc_status status;
    CHECK(file);
    for (size_t i = 0; i < times; i++)
        memcpy(file + i * its.left, its.at, its.left);
    given = svc_credit(client);
    status = svc_image(client, times == 7 ? NULL : file, size);
    CHECK(status != SVC_OK || (size && size <= SVC_MOST_BYTES && svc_credit(client) == given - 1));
    CHECK(status == SVC_OK || svc_credit(client) == given);
    free(file);
}

static svc_status ask_enroll(char *user, uint32_t *id)
{
    char *group = text();
    uint8_t with = byte();
    svc_enroll_options options = {with, with % 2, NULL, with / 2 % 4 * 200, with % 3 ? NULL : group};
    const char **many = calloc(options.group_count + 1, sizeof *many);
    svc_status status;
    CHECK(many);
    for (size_t i = 0; i < options.group_count; i++)
        many[i] = group;
    options.groups = with < 250 ? many : NULL;
    status = svc_enroll(client, user, with ? &options : NULL, id);
    free((void *)many);
    free(group);
    return status;
}

static svc_status ask_verify(char *user, uint32_t *id)
{
    svc_verify_options options = {0, text(), 0, 0};
    svc_status status;
    options.fmr = figure();
    options.refer_fmr = figure();
    options.second = byte() % 3;
    status = svc_verify(client, user, 1, byte() % 4 ? &options : NULL, id);
    free((void *)options.impostor);
    return status;
}

static svc_status ask_identify(char *among, uint32_t *id)
{
    svc_identify_options options = {byte(), 0, among};
    options.fpir = figure();
    return svc_identify(client, 1, options.top_k ? &options : NULL, id);
}

static svc_status ask(uint8_t step, char *name, uint32_t *id)
{
    switch (step) {
    case 'e': return svc_end(client, id);
    case 'v': return ask_verify(name, id);
    case 'i': return ask_identify(name, id);
    case 'E': return ask_enroll(name, id);
    case 'a': return svc_add(client, byte(), id);
    case 'C': return svc_commit(client, id);
    case 'x': return svc_abandon(client, id);
    case 'u': return svc_users(client, name, id);
    case 'f': return svc_forget(client, name, id);
    case 'n': return svc_info(client, id);
    case 'k': return svc_challenge(client, id);
    default: return svc_health(client, id);
    }
}

static void ask_somehow(uint8_t step)
{
    uint32_t *id = &slots[byte() % 4], before;
    char *name = text();
    svc_status status;
    if (byte() % 4 == 0)
        *id = 0;
    before = *id;
    status = ask(step, name, id);
    free(name);
    CHECK(status == SVC_OK || status == SVC_DISCONNECTED || *id == before);
    if (status == SVC_OK || (status == SVC_DISCONNECTED && *id))
        waits[*id % IDS] = 1;
}

/* ------------------------------------------------------------------------------------------- the daemon */

static void feed(const uint8_t *bytes, size_t size, size_t at_once)
{
    uint8_t *exact = malloc(size ? size : 1);
    CHECK(exact);
    memcpy(exact, bytes, size);
    for (size_t at = 0; at < size; at += at_once) {
        svc_status status = svc_feed(client, exact + at, size - at < at_once ? size - at : at_once);
        CHECK(answering ? status == SVC_MISUSE : status != SVC_MISUSE);
        CHECK(svc_credit(client) <= client->most_credit);
    }
    free(exact);
}

/* Feed a whole frame, begun by a zero. */
static void feed_frame(const uint8_t *payload, size_t size)
{
    uint8_t content[600], frame[700];
    size_t code = 1, count = 2;
    uint32_t crc = crc_of(payload, size);
    CHECK(size <= sizeof content - CRC_BYTES);
    memcpy(content, payload, size);
    for (int i = 0; i < CRC_BYTES; i++)
        content[size++] = (uint8_t)(crc >> 8 * i);
    frame[0] = 0;
    for (size_t i = 0; i < size; i++) {
        if (content[i])
            frame[count++] = content[i];
        if (!content[i] || count - code == 255) {
            frame[code] = (uint8_t)(count - code);
            code = count++;
        }
    }
    frame[code] = (uint8_t)(count - code);
    frame[count++] = 0;
    feed(frame, count, 1 + byte() % 64u);
}

/* An answer of any kind to what was asked last, or to nobody: the input need not guess the id. */
static void answer(void)
{
    uint8_t kind = byte(), whom = byte() % 8;
    uint32_t id = whom < 4 ? slots[whom] : whom == 4 ? client->handshake : whom == 5 ? client->number : 0;
    uint8_t payload[2 + 1 + 1 + 5 + 256] = {0x83, 0x18, kind, 0x1A};
    input body = piece();
    for (int i = 0; i < 4; i++)
        payload[4 + i] = (uint8_t)(id >> (24 - 8 * i));
    memcpy(payload + 8, body.at, body.left);
    feed_frame(payload, 8 + body.left);
}

static void decode_alone(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    svc_message message;
    CHECK(exact);
    memcpy(exact, data, size);
    if (svc_decode(exact, size, &message) == SVC_OK)
        read_message(&message);
    free(exact);
}

static void feed_piece(uint8_t step)
{
    input its = piece();
    if (step == '<')
        feed(its.at, its.left, 1 + byte() % 64u);
    else if (step == '=')
        feed_frame(its.at, its.left);
    else
        decode_alone(its.at, its.left);
}

/* STEPS: `<` bytes arrive, `=` a payload arrives in its frame, `?` is only decoded, `>` an answer; `!` the line breaks
 * later, `#` a hello when the ids come to their end; the others are calls. */
static void step(void)
{
    uint8_t its = byte();
    switch (its) {
    case '<':
    case '=':
    case '?': feed_piece(its); break;
    case '>': answer(); break;
    case '!': room = byte() < 250 ? (size_t)8 * byte() : SIZE_MAX; break;
    case '#': client->number = 0xFFFFFFF8u + byte() % 8; /* fall through */
    case 'h': greet(); break;
    case 'b': (void)svc_begin(client, 1 + rest.left % 3, byte() % 2); break;
    case 'B': (void)svc_begin_image(client, 1 + rest.left % 3, byte() * 100u); break;
    case 'P': send_image(); break;
    case 'p': send_points(); break;
    case 'S': take_pen(); break;
    case 's': sign(); break;
    case 'c': (void)svc_cancel(client, byte()); break;
    case 'e': case 'v': case 'i': case 'E': case 'a': case 'C': case 'x': case 'u': case 'f': case 'n': case 'H': case 'k':
        ask_somehow(its);
        break;
    default: break;
    }
}

/* Whatever comes, the callback looks at it and goes on with the steps: from within it calls what it likes. */
static void answered(void *context, const svc_message *its)
{
    CHECK(context == client && !answering);
    if (its->id && svc_ready(client) && its->kind != SVC_WELCOME && its->kind != SVC_DONE) {
        CHECK(waits[its->id % IDS]);
        waits[its->id % IDS] = 0;
    }
    answering = 1;
    if (its->kind == SVC_CHALLENGED && its->as.challenged.nonce.size == SVC_NONCE_SIZE)
        challenged = 1;
    if (getenv("SIGVERIFY_FUZZ_TRACE"))
        printf("%d\n", (int)its->kind);
    read_message(its);
    if (byte() % 2)
        step();
    answering = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rest = (input){data, size};
    written = 0, room = SIZE_MAX, torn = answering = challenged = 0;
    device = NULL;
    memset(slots, 0, sizeof slots);
    memset(waits, 0, sizeof waits);
    client = malloc(sizeof *client);
    CHECK(client);
    svc_init(client, take, answered, client);
    while (rest.left)
        step();
    free(client);
    free((void *)device);
    return 0;
}
