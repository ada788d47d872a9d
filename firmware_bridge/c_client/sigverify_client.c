#include "sigverify_client.h"

#include <string.h>

enum { LEAST_PAYLOAD = 1280 }; /* that every side takes */
typedef char doubles_have_64_bits[sizeof(double) == 8 ? 1 : -1];
typedef char frames_fit_16_bits[SVC_MAX_PAYLOAD >= LEAST_PAYLOAD && SVC_MAX_PAYLOAD <= 8192 ? 1 : -1];

enum { NO_CAPTURE, WITHOUT_PRESSURE, WITH_PRESSURE, PICTURE }; /* svc_client.capturing, ended */
enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE }; /* CBOR's major types */
enum {
    DEPTH = 4, /* nesting of what is read */
    CRC_SIZE = 4,
    FULL = 255,          /* the length byte of a COBS block that no zero ended */
    ENVELOPE_BYTES = 64, /* of `points` without its samples: kind, id, names of fields, lengths of lists */
    SAMPLE_BYTES = 37    /* of a sample: four numbers of up to nine bytes, and a flag */
};
static const uint32_t LAST_ID = 0xFFFFFFFFu;

/* --------------------------------------------------------------------------------------------- numbers */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int is_finite(double value)
{
    return (bits_of(value) >> 52 & 0x7FF) != 0x7FF;
}

static double absent(void)
{
    return from_bits(0x7FF8000000000000u);
}

int svc_is_present(double number)
{
    return (bits_of(number) & 0x7FFFFFFFFFFFFFFFu) <= 0x7FF0000000000000u;
}

/* A float of `exponent_bits` and `mantissa_bits` as a double. */
static double widen(uint64_t value, int exponent_bits, int mantissa_bits)
{
    /* Cut it into sign, exponent and mantissa; the mantissa's highest bit goes where a double has it. */
    uint64_t sign = value >> (exponent_bits + mantissa_bits) & 1;
    uint64_t most = ((uint64_t)1 << exponent_bits) - 1, exponent = value >> mantissa_bits & most;
    uint64_t mantissa = (value & (((uint64_t)1 << mantissa_bits) - 1)) << (52 - mantissa_bits);
    uint64_t bias = 1023 - (most >> 1);
    if (exponent == most) /* infinity, or not a number */
        exponent = 0x7FF;
    else if (exponent || mantissa) { /* else zero, whose exponent is 0 in a double too */
        if (!exponent) { /* subnormal: shift the leading one out, as a double has room for its exponent */
            for (exponent = 1; !(mantissa >> 52); exponent--)
                mantissa <<= 1;
            mantissa &= 0xFFFFFFFFFFFFFu;
        }
        exponent += bias;
    }
    return from_bits(sign << 63 | (exponent & 0x7FF) << 52 | mantissa);
}

/* The same number in fewer bits; 0: it would not come back the same. */
static int narrow(double value, int exponent_bits, int mantissa_bits, uint64_t *narrowed)
{
    /* The exponent with the other bias, and how many bits of the mantissa there is no room for. */
    uint64_t bits = bits_of(value), most = ((uint64_t)1 << exponent_bits) - 1;
    int bias = (int)(most >> 1), exponent = (int)(bits >> 52 & 0x7FF) - 1023 + bias, lost = 52 - mantissa_bits;
    uint64_t mantissa = bits & 0xFFFFFFFFFFFFFu;
    if (exponent <= 0) { /* subnormal there: the leading one is written out, and the mantissa shifted */
        mantissa |= (uint64_t)1 << 52;
        lost += 1 - exponent;
        exponent = 0;
    }
    /* Too small, too large (or not finite), or one of the lost bits is set. */
    if (lost > 52 || (uint64_t)exponent >= most || mantissa & (((uint64_t)1 << lost) - 1))
        return 0;
    *narrowed = bits >> 63 << (exponent_bits + mantissa_bits) | (uint64_t)exponent << mantissa_bits |
                mantissa >> lost;
    return 1;
}

static uint32_t crc32_of(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    return crc;
}

/* ------------------------------------------------------------------------- frames out: CRC-32 and COBS */

/* A dry run counts the bytes of a payload; the second pass sends them. So no payload is ever held. */
typedef struct out {
    svc_client *client;
    size_t size;
    int dry, wrong;
    struct svc_sha *sha; /* or NULL: what else takes the payload's bytes */
} out;

#if !defined SVC_NO_TOKEN || !defined SVC_NO_SIGNING
#define SVC_HAS_SHA
static void sha_add(svc_sha *sha, const void *bytes, size_t count);
#endif

static void write_line(svc_client *client, const uint8_t *bytes, size_t count)
{
    if (!client->broken && client->write(client->context, bytes, count))
        client->broken = 1;
}

/* Write a COBS block, which stands for its bytes and a zero after them; a full one for its bytes alone. */
static void end_block(svc_client *client)
{
    client->block[0] = (uint8_t)client->filled;
    write_line(client, client->block, client->filled);
    client->full = client->filled == FULL;
    client->filled = 1;
}

static void stuff(svc_client *client, uint8_t byte)
{
    client->full = 0;
    if (byte)
        client->block[client->filled++] = byte;
    if (!byte || client->filled == FULL)
        end_block(client);
}

static void put(out *to, uint8_t byte)
{
    to->size++;
#ifdef SVC_HAS_SHA
    if (to->sha)
        sha_add(to->sha, &byte, 1);
#endif
    if (to->dry)
        return;
    to->client->crc = crc32_of(to->client->crc, byte);
    stuff(to->client, byte);
}

static void end_line(svc_client *client)
{
    static const uint8_t zero = 0;
    write_line(client, &zero, 1);
}

static void open_frame(svc_client *client)
{
    int broke = client->broken;
    client->crc = 0xFFFFFFFFu;
    client->filled = 1;
    client->full = client->broken = 0;
    if (broke) /* or what was left of the last frame would swallow this one */
        end_line(client);
}

static svc_status close_frame(svc_client *client)
{
    uint32_t crc = ~client->crc;
    for (int i = 0; i < CRC_SIZE; i++) /* little endian */
        stuff(client, (uint8_t)(crc >> 8 * i));
    if (!client->full) /* after a full block nothing remains of the data */
        end_block(client);
    end_line(client);
    return client->broken ? SVC_DISCONNECTED : SVC_OK;
}

/* ---------------------------------------------------------------------------- CBOR out, canonical form */

static void put_big_endian(out *to, uint64_t value, int bytes)
{
    while (bytes--)
        put(to, (uint8_t)(value >> 8 * bytes));
}

static void put_head(out *to, int major, uint64_t value)
{
    /* Values below 24 stand in the first byte; others in 1, 2, 4 or 8 bytes after it, as few as hold them. */
    int power = value < 24 ? -1 : value <= 0xFF ? 0 : value <= 0xFFFF ? 1 : value <= 0xFFFFFFFFu ? 2 : 3;
    put(to, (uint8_t)(major << 5 | (power < 0 ? (int)value : 24 + power)));
    if (power >= 0)
        put_big_endian(to, value, 1 << power);
}

static void put_text(out *to, const char *text)
{
    size_t size = 0;
    while (text && size <= SVC_MAX_TEXT && text[size])
        size++;
    to->wrong |= !text || size > SVC_MAX_TEXT;
    put_head(to, TEXT, size);
    for (size_t i = 0; i < size; i++)
        put(to, (uint8_t)text[i]);
}

static void put_float(out *to, double value)
{
    uint64_t bits;
    int power = narrow(value, 5, 10, &bits) ? 1 : narrow(value, 8, 23, &bits) ? 2 : 3;
    put(to, (uint8_t)(SIMPLE << 5 | (24 + power)));
    put_big_endian(to, power == 3 ? bits_of(value) : bits, 1 << power);
}

/* Whole numbers as integers: one to five bytes instead of three to nine. */
static void put_number(out *to, double value)
{
    to->wrong |= !is_finite(value);
    if (value > -9007199254740992.0 && value < 9007199254740992.0) {
        int64_t whole = (int64_t)value;
        if ((double)whole == value) {
            put_head(to, whole < 0 ? NEGATIVE : UNSIGNED, whole < 0 ? (uint64_t)(-1 - whole) : (uint64_t)whole);
            return;
        }
    }
    put_float(to, value);
}

static void put_flag(out *to, int flag)
{
    put(to, flag ? 0xF5 : 0xF4);
}

static void put_uint_field(out *to, const char *name, uint32_t value)
{
    put_text(to, name);
    put_head(to, UNSIGNED, value);
}

static void put_user_id_field(out *to, const char *user_id)
{
    put_text(to, "user_id");
    put_text(to, user_id);
}

/* Fields that may be left out: 0 and NULL say so. */
static void put_rate_field(out *to, const char *name, double value)
{
    if (value != 0) {
        put_text(to, name);
        to->wrong |= !is_finite(value);
        put_number(to, value);
    }
}

static void put_text_field(out *to, const char *name, const char *text)
{
    if (text) {
        put_text(to, name);
        put_text(to, text);
    }
}

/* --------------------------------------------------------------------------- messages from the client */

/* One request; which members count, its kind says. */
typedef struct svc_request {
    svc_kind kind;
    uint32_t id, capture;
    const char *text;
    const svc_verify_options *verify;
    const svc_identify_options *identify;
    const svc_enroll_options *enroll;
    const uint8_t *bytes; /* of a nonce, of a proof, or of a picture */
    const svc_sample *samples;
    size_t count;
} svc_request;

static void put_bytes_field(out *to, const char *name, const svc_request *request)
{
    put_text(to, name);
    put_head(to, BYTES, request->count);
    for (size_t i = 0; i < request->count; i++)
        put(to, request->bytes[i]);
}

static void put_hello(out *to, const svc_request *request)
{
    put_head(to, MAP, (uint64_t)(2 + !!request->text + !!request->bytes));
    put_text_field(to, "name", request->text);
    if (request->bytes)
        put_bytes_field(to, "nonce", request);
    put_uint_field(to, "version", SVC_VERSION);
    put_uint_field(to, "max_payload", SVC_MAX_PAYLOAD);
}

static void put_proof(out *to, const svc_request *request)
{
    put_head(to, MAP, 1);
    put_bytes_field(to, "proof", request);
}

static double coordinate(const svc_sample *sample, char name)
{
    return name == 'x' ? sample->x : name == 'y' ? sample->y : name == 't' ? sample->t : sample->p;
}

static void put_column(out *to, const svc_request *request, char name)
{
    char text[2] = {name, '\0'};
    put_text(to, text);
    put_head(to, ARRAY, request->count);
    for (size_t i = 0; i < request->count; i++)
        if (name == 'd')
            put_flag(to, request->samples[i].ink);
        else
            put_number(to, coordinate(&request->samples[i], name));
}

static int all_ink(const svc_request *request)
{
    for (size_t i = 0; i < request->count; i++)
        if (!request->samples[i].ink)
            return 0;
    return 1;
}

static void put_points(out *to, const svc_request *request)
{
    const char *names = "dptxy";
    int inked = all_ink(request), pressure = to->client->capturing == WITH_PRESSURE;
    put_head(to, MAP, (uint64_t)(5 + !inked + pressure));
    for (; *names; names++)
        if ((*names != 'd' || !inked) && (*names != 'p' || pressure))
            put_column(to, request, *names);
    put_uint_field(to, "seq", to->client->pieces);
    put_uint_field(to, "capture", request->capture);
}

static void put_begin_image(out *to, const svc_request *request)
{
    put_head(to, MAP, 2);
    put_uint_field(to, "size", (uint32_t)request->count);
    put_uint_field(to, "capture", request->capture);
}

static void put_image(out *to, const svc_request *request)
{
    put_head(to, MAP, 3);
    put_uint_field(to, "seq", to->client->pieces);
    put_bytes_field(to, "data", request);
    put_uint_field(to, "capture", request->capture);
}

#ifndef SVC_NO_SIGNING
static int is_signed(const svc_client *client)
{
    return client->purpose != 0;
}

static void put_signature(out *to)
{
    const svc_client *client = to->client;
    svc_request mac = {.bytes = client->mac, .count = sizeof client->mac};
    svc_request nonce = {.bytes = client->nonce, .count = sizeof client->nonce};
    put_bytes_field(to, "mac", &mac);
    put_bytes_field(to, "nonce", &nonce);
    put_text_field(to, "device", client->signer->device);
}

static void put_terms(out *to)
{
    put_uint_field(to, "counter", to->client->counter);
    put_text_field(to, "purpose", to->client->purpose == SVC_TO_ENROLL ? "enroll" : "decide");
}
#else
static int is_signed(const svc_client *client)
{
    (void)client;
    return 0;
}

static void put_signature(out *to)
{
    (void)to;
}

static void put_terms(out *to)
{
    (void)to;
}
#endif

static void put_end(out *to, const svc_request *request)
{
    int picture = to->client->ended == PICTURE, signature = is_signed(to->client);
    put_head(to, MAP, (uint64_t)(2 + picture + 5 * signature));
    if (picture)
        put_uint_field(to, "crc", ~to->client->image_crc);
    if (signature)
        put_signature(to);
    put_uint_field(to, "pieces", to->client->pieces);
    put_uint_field(to, "capture", request->capture);
    if (signature)
        put_terms(to);
}

static void put_capture(out *to, const svc_request *request)
{
    put_head(to, MAP, 1);
    put_uint_field(to, "capture", request->capture);
}

static void put_verify(out *to, const svc_request *request)
{
    static const svc_verify_options none = {0, NULL, 0, 0};
    const svc_verify_options *with = request->verify ? request->verify : &none;
    put_head(to, MAP, (uint64_t)(2 + (with->fmr != 0) + !!with->impostor + (with->refer_fmr != 0) + !!with->second));
    put_rate_field(to, "fmr", with->fmr);
    if (with->second)
        put_uint_field(to, "second", with->second);
    put_uint_field(to, "capture", request->capture);
    put_user_id_field(to, request->text);
    put_text_field(to, "impostor", with->impostor);
    put_rate_field(to, "refer_fmr", with->refer_fmr);
}

static void put_identify(out *to, const svc_request *request)
{
    static const svc_identify_options none = {0, 0, NULL};
    const svc_identify_options *with = request->identify ? request->identify : &none;
    put_head(to, MAP, (uint64_t)(1 + (with->fpir != 0) + !!with->among + !!with->top_k));
    put_rate_field(to, "fpir", with->fpir);
    put_text_field(to, "among", with->among);
    if (with->top_k)
        put_uint_field(to, "top_k", with->top_k);
    put_uint_field(to, "capture", request->capture);
}

static void put_groups(out *to, const svc_enroll_options *with)
{
    to->wrong |= !with->groups || with->group_count > SVC_MAX_ITEMS;
    put_text(to, "groups");
    put_head(to, ARRAY, with->group_count);
    for (size_t i = 0; i < with->group_count && !to->wrong; i++)
        put_text(to, with->groups[i]);
}

static void put_enroll(out *to, const svc_request *request)
{
    static const svc_enroll_options none = {0, 0, NULL, 0, NULL};
    const svc_enroll_options *with = request->enroll ? request->enroll : &none;
    put_head(to, MAP, (uint64_t)(1 + !!with->group_count + !!with->replace + !!with->modality + !!with->references));
    if (with->group_count)
        put_groups(to, with);
    if (with->replace) {
        put_text(to, "replace");
        put_flag(to, 1);
    }
    put_user_id_field(to, request->text);
    put_text_field(to, "modality", with->modality);
    if (with->references)
        put_uint_field(to, "references", with->references);
}

static void put_forget(out *to, const svc_request *request)
{
    put_head(to, MAP, 1);
    put_user_id_field(to, request->text);
}

/* Users; and what has no fields, and so no text. */
static void put_after(out *to, const svc_request *request)
{
    put_head(to, MAP, request->text ? 1 : 0);
    put_text_field(to, "after", request->text);
}

static void put_body(out *to, const svc_request *request)
{
    switch (request->kind) {
    case SVC_HELLO: put_hello(to, request); break;
    case SVC_AUTHENTICATE: put_proof(to, request); break;
    case SVC_POINTS: put_points(to, request); break;
    case SVC_BEGIN_IMAGE: put_begin_image(to, request); break;
    case SVC_IMAGE: put_image(to, request); break;
    case SVC_END: put_end(to, request); break;
    case SVC_BEGIN:
    case SVC_CANCEL:
    case SVC_ADD: put_capture(to, request); break;
    case SVC_VERIFY: put_verify(to, request); break;
    case SVC_IDENTIFY: put_identify(to, request); break;
    case SVC_ENROLL: put_enroll(to, request); break;
    case SVC_FORGET: put_forget(to, request); break;
    default: put_after(to, request); break;
    }
}

static void put_message(out *to, const svc_request *request)
{
    put_head(to, ARRAY, 3);
    put_head(to, UNSIGNED, (uint64_t)request->kind);
    put_head(to, UNSIGNED, request->id);
    put_body(to, request);
}

static svc_status send(svc_client *client, const svc_request *request)
{
    out to = {client, 0, 1, 0, NULL};
    put_message(&to, request); /* the dry run: what cannot be sent is refused before a byte is written */
    if (to.wrong || to.size > client->room)
        return SVC_MISUSE;
    to.dry = 0;
    open_frame(client);
    put_message(&to, request);
    return close_frame(client);
}

/* ------------------------------------------------------------------------------------------- CBOR in */

typedef struct in {
    const uint8_t *at;
    size_t left;
} in;

typedef struct head {
    int major, info;
    uint64_t value;
} head;

/* Read the beginning of an item; of definite length and no tag, and its bytes or items can all be there. */
static int take_head(in *from, head *item)
{
    if (!from->left)
        return 0;
    from->left--;
    item->major = *from->at >> 5;
    item->info = *from->at++ & 31;
    item->value = (uint64_t)item->info;
    if (item->info >= 28 || item->major == TAG) /* 31: of no definite length; 28 to 30 are reserved */
        return 0;
    if (item->info >= 24) {
        size_t bytes = (size_t)1 << (item->info - 24);
        if (from->left < bytes)
            return 0;
        from->left -= bytes;
        for (item->value = 0; bytes--; from->at++)
            item->value = item->value << 8 | *from->at;
    }
    /* A text takes its bytes, a list at least one byte an item: where fewer are left the message is cut. */
    return item->major < BYTES || item->major == SIMPLE || item->value <= from->left;
}

static int take_bytes(in *from, int major, svc_text *text)
{
    head item;
    if (!take_head(from, &item) || item.major != major || item.value > SVC_MAX_TEXT)
        return 0;
    text->at = (const char *)from->at;
    text->size = (size_t)item.value;
    from->at += text->size;
    from->left -= text->size;
    return 1;
}

static int take_uint(in *from, uint32_t *number)
{
    head item;
    if (!take_head(from, &item) || item.major != UNSIGNED || item.value > 0xFFFFFFFFu)
        return 0;
    *number = (uint32_t)item.value;
    return 1;
}

static int take_flag(in *from, int *flag)
{
    head item;
    if (!take_head(from, &item) || item.major != SIMPLE || (item.info != 20 && item.info != 21))
        return 0;
    *flag = item.info == 21;
    return 1;
}

static int take_number(in *from, double *number)
{
    head item;
    if (!take_head(from, &item))
        return 0;
    if (item.major == UNSIGNED || item.major == NEGATIVE)
        *number = item.major == NEGATIVE ? -1.0 - (double)item.value : (double)item.value;
    else if (item.major == SIMPLE && item.info >= 25)
        *number = item.info == 25   ? widen(item.value, 5, 10)
                  : item.info == 26 ? widen(item.value, 8, 23)
                                   : from_bits(item.value);
    else
        return 0;
    return is_finite(*number);
}

static int skip(in *from, int depth)
{
    head item;
    if (!take_head(from, &item) || depth > DEPTH)
        return 0;
    if (item.major == BYTES || item.major == TEXT) {
        from->at += item.value;
        from->left -= (size_t)item.value;
    } else if (item.major == ARRAY || item.major == MAP) {
        uint64_t items = item.major == MAP ? 2 * item.value : item.value;
        while (items--)
            if (!skip(from, depth + 1))
                return 0;
    }
    return 1;
}

static int take_list(in *from, int of_texts, svc_list *list)
{
    head item;
    svc_text text;
    double number;
    if (!take_head(from, &item) || item.major != ARRAY || item.value > SVC_MAX_ITEMS)
        return 0;
    list->at = from->at;
    list->count = (uint32_t)item.value;
    for (uint32_t i = 0; i < list->count; i++)
        if (!(of_texts ? take_bytes(from, TEXT, &text) : take_number(from, &number)))
            return 0;
    list->size = (size_t)(from->at - list->at);
    return 1;
}

static int next(svc_list *list, svc_text *text, double *number)
{
    in from = {list->at, list->size};
    if (!list->count || !(text ? take_bytes(&from, TEXT, text) : take_number(&from, number)))
        return 0;
    list->at = from.at;
    list->size = from.left;
    list->count--;
    return 1;
}

int svc_next_text(svc_list *list, svc_text *text)
{
    return next(list, text, NULL);
}

int svc_next_number(svc_list *list, double *number)
{
    return next(list, NULL, number);
}

int svc_is(svc_text text, const char *word)
{
    size_t size = strlen(word);
    return text.at && text.size == size && memcmp(text.at, word, size) == 0;
}

/* --------------------------------------------------------------------------- messages from the daemon */

typedef enum type { T_UINT, T_NUMBER, T_FLAG, T_TEXT, T_BYTES, T_TEXTS, T_NUMBERS } type;
enum { OPTIONAL, REQUIRED, ZERO }; /* ZERO: a number that is 0 where it is left out */

typedef struct svc_field {
    uint8_t kind, type, need, offset; /* offset: within svc_message */
    const char *name;
} svc_field;

#define F(kind, type, need, body, name) {kind, type, need, (uint8_t)offsetof(svc_message, as.body.name), #name}

typedef char offsets_fit_a_byte[sizeof(svc_message) <= 256 ? 1 : -1];

static const svc_field FIELDS[] = {
    F(SVC_WELCOME, T_UINT, REQUIRED, welcome, version),
    F(SVC_WELCOME, T_UINT, REQUIRED, welcome, max_payload),
    F(SVC_WELCOME, T_UINT, REQUIRED, welcome, window),
    F(SVC_WELCOME, T_UINT, REQUIRED, welcome, credit),
    F(SVC_WELCOME, T_BYTES, OPTIONAL, welcome, nonce),
    F(SVC_WELCOME, T_TEXTS, OPTIONAL, welcome, capabilities),
    F(SVC_WELCOME, T_FLAG, OPTIONAL, welcome, signed_only),
    F(SVC_CREDIT, T_UINT, REQUIRED, credit, points),
    F(SVC_DONE, T_BYTES, OPTIONAL, done, proof),
    F(SVC_CAPTURED, T_UINT, REQUIRED, captured, samples),
    F(SVC_CAPTURED, T_NUMBER, REQUIRED, captured, duration_ms),
    F(SVC_CAPTURED, T_UINT, ZERO, captured, size),
    F(SVC_DECISION, T_TEXT, REQUIRED, decision, outcome),
    F(SVC_DECISION, T_FLAG, REQUIRED, decision, accepted),
    F(SVC_DECISION, T_TEXT, REQUIRED, decision, reason),
    F(SVC_DECISION, T_NUMBER, OPTIONAL, decision, score),
    F(SVC_DECISION, T_NUMBER, OPTIONAL, decision, threshold),
    F(SVC_DECISION, T_NUMBER, OPTIONAL, decision, confidence),
    F(SVC_DECISION, T_TEXTS, OPTIONAL, decision, unlike),
    F(SVC_DECISION, T_TEXTS, OPTIONAL, decision, missing),
    F(SVC_DECISION, T_TEXT, OPTIONAL, decision, flaw),
    F(SVC_DECISION, T_NUMBER, ZERO, decision, retry_after_s),
    F(SVC_DECISION, T_NUMBER, OPTIONAL, decision, latency_ms),
    F(SVC_DECISION, T_TEXTS, OPTIONAL, decision, kinds),
    F(SVC_DECISION, T_NUMBERS, OPTIONAL, decision, scores),
    F(SVC_DECISION, T_TEXTS, OPTIONAL, decision, left_out),
    F(SVC_MATCHES, T_TEXTS, REQUIRED, matches, user_ids),
    F(SVC_MATCHES, T_NUMBERS, OPTIONAL, matches, scores),
    F(SVC_MATCHES, T_TEXT, OPTIONAL, matches, flaw),
    F(SVC_ENROLLING, T_UINT, REQUIRED, enrolling, remaining),
    F(SVC_ADDITION, T_FLAG, REQUIRED, addition, accepted),
    F(SVC_ADDITION, T_TEXT, REQUIRED, addition, reason),
    F(SVC_ADDITION, T_UINT, REQUIRED, addition, remaining),
    F(SVC_ADDITION, T_NUMBER, REQUIRED, addition, duration_ms),
    F(SVC_ADDITION, T_NUMBER, REQUIRED, addition, complexity),
    F(SVC_ADDITION, T_TEXT, OPTIONAL, addition, flaw),
    F(SVC_ADDITION, T_TEXTS, OPTIONAL, addition, repairs),
    F(SVC_ENROLLED, T_TEXT, REQUIRED, enrolled, user_id),
    F(SVC_ENROLLED, T_UINT, REQUIRED, enrolled, references),
    F(SVC_ENROLLED, T_UINT, REQUIRED, enrolled, template_bytes),
    F(SVC_ENROLLED, T_TEXT, REQUIRED, enrolled, model_id),
    F(SVC_ENROLLED, T_NUMBER, REQUIRED, enrolled, created_ms),
    F(SVC_ENROLLED, T_NUMBER, REQUIRED, enrolled, complexity),
    F(SVC_ENROLLED, T_NUMBER, OPTIONAL, enrolled, consistency),
    F(SVC_ENROLLED, T_TEXTS, REQUIRED, enrolled, reasons),
    F(SVC_ENROLLED, T_NUMBER, REQUIRED, enrolled, latency_ms),
    F(SVC_ENROLLED, T_NUMBER, OPTIONAL, enrolled, strangers),
    F(SVC_ENROLLED, T_TEXTS, OPTIONAL, enrolled, cautions),
    F(SVC_USER_LIST, T_TEXTS, REQUIRED, user_list, user_ids),
    F(SVC_USER_LIST, T_FLAG, OPTIONAL, user_list, more),
    F(SVC_ABOUT, T_TEXT, REQUIRED, about, sdk_version),
    F(SVC_ABOUT, T_TEXT, REQUIRED, about, model),
    F(SVC_ABOUT, T_TEXT, REQUIRED, about, model_id),
    F(SVC_ABOUT, T_UINT, REQUIRED, about, max_samples),
    F(SVC_ABOUT, T_UINT, REQUIRED, about, max_references),
    F(SVC_ABOUT, T_UINT, ZERO, about, max_image_bytes),
    F(SVC_CONDITION, T_FLAG, REQUIRED, condition, ready),
    F(SVC_CONDITION, T_NUMBER, REQUIRED, condition, uptime_s),
    F(SVC_CONDITION, T_UINT, REQUIRED, condition, clients),
    F(SVC_CONDITION, T_UINT, REQUIRED, condition, waiting),
    F(SVC_FAILURE, T_UINT, REQUIRED, failure, status),
    F(SVC_FAILURE, T_TEXT, REQUIRED, failure, name),
    F(SVC_FAILURE, T_TEXT, REQUIRED, failure, message),
    F(SVC_FAILURE, T_TEXT, OPTIONAL, failure, reason),
    F(SVC_CHALLENGED, T_BYTES, REQUIRED, challenged, nonce),
    F(SVC_CHALLENGED, T_NUMBER, REQUIRED, challenged, life_s),
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

/* Those of one kind of message stand together, and are far fewer than 64. */
#define FIELD_BIT(index) ((uint64_t)1 << (index) % 64)

static int take_field(in *from, const svc_field *field, svc_message *message)
{
    void *at = (char *)message + field->offset;
    switch (field->type) {
    case T_UINT: return take_uint(from, at);
    case T_NUMBER: return take_number(from, at);
    case T_FLAG: return take_flag(from, at);
    case T_TEXT: return take_bytes(from, TEXT, at);
    case T_BYTES: return take_bytes(from, BYTES, at);
    default: return take_list(from, field->type == T_TEXTS, at);
    }
}

static int field_of(svc_kind kind, svc_text name)
{
    for (int i = 0; i < FIELD_COUNT; i++)
        if (FIELDS[i].kind == kind && svc_is(name, FIELDS[i].name))
            return i;
    return -1;
}

/* Read one key and its value; a name that is not known is passed over, for later versions. */
static int take_entry(in *from, svc_message *message, uint64_t *seen)
{
    svc_text name;
    int index;
    if (!take_bytes(from, TEXT, &name))
        return 0;
    index = field_of(message->kind, name);
    if (index < 0)
        return skip(from, 2);
    if (*seen & FIELD_BIT(index)) /* a key twice */
        return 0;
    *seen |= FIELD_BIT(index);
    return take_field(from, &FIELDS[index], message);
}

/* Whether all that must be there is; what may be left out and was is marked so. */
static int complete(svc_message *message, uint64_t seen)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const svc_field *field = &FIELDS[i];
        double none = absent();
        if (field->kind != message->kind || seen & FIELD_BIT(i))
            continue;
        if (field->need == REQUIRED)
            return 0;
        if (field->need == OPTIONAL && field->type == T_NUMBER)
            memcpy((char *)message + field->offset, &none, sizeof none);
    }
    return 1;
}

static int is_known(uint32_t kind)
{
    return (kind >= SVC_WELCOME && kind <= SVC_CHALLENGED) || kind == SVC_FAILURE;
}

static int take_message(in *from, svc_message *message)
{
    head array, map;
    uint32_t kind;
    uint64_t seen = 0;
    if (!take_head(from, &array) || array.major != ARRAY || array.value != 3)
        return 0;
    if (!take_uint(from, &kind) || !is_known(kind) || !take_uint(from, &message->id))
        return 0;
    message->kind = (svc_kind)kind;
    if (!take_head(from, &map) || map.major != MAP)
        return 0;
    while (map.value--)
        if (!take_entry(from, message, &seen))
            return 0;
    return !from->left && complete(message, seen);
}

svc_status svc_decode(const uint8_t *payload, size_t size, svc_message *message)
{
    in from = {payload, size};
    memset(message, 0, sizeof *message);
    return take_message(&from, message) ? SVC_OK : SVC_PROTOCOL_ERROR;
}

/* -------------------------------------------------------------------------------- SHA-256, HMAC-SHA-256 */

#ifdef SVC_HAS_SHA
static uint32_t rotated(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

static uint32_t scheduled(uint32_t words[16], int round)
{
    uint32_t before = words[(round + 1) & 15], late = words[(round + 14) & 15];
    if (round >= 16)
        words[round & 15] += (rotated(before, 7) ^ rotated(before, 18) ^ before >> 3) + words[(round + 9) & 15] +
                             (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10);
    return words[round & 15];
}

/* FIPS 180-4, section 6.2.2. */
static void sha_block(svc_sha *sha)
{
    static const uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };
    uint32_t words[16], v[8];
    memcpy(v, sha->state, sizeof v);
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)sha->block[4 * i] << 24 | (uint32_t)sha->block[4 * i + 1] << 16 |
                   (uint32_t)sha->block[4 * i + 2] << 8 | sha->block[4 * i + 3];
    for (int i = 0; i < 64; i++) {
        uint32_t one = v[7] + (rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)) +
                       ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + scheduled(words, i);
        uint32_t two = (rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)) +
                       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        sha->state[i] += v[i];
}

static void sha_begin(svc_sha *sha)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, initial, sizeof initial);
    sha->size = 0;
}

static void sha_add(svc_sha *sha, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    while (count--) {
        sha->block[sha->size++ & 63] = *from++;
        if (!(sha->size & 63))
            sha_block(sha);
    }
}

static void sha_end(svc_sha *sha, uint8_t digest[32])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = 8 * sha->size;
    uint8_t length[8];
    sha_add(sha, padding, 1 + (119 - (sha->size & 63)) % 64);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha_add(sha, length, 8);
    for (int i = 0; i < 32; i++)
        digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i & 3)));
}

static void pad_key(svc_sha *sha, const uint8_t key[64], uint8_t with)
{
    sha_begin(sha);
    for (int i = 0; i < 64; i++) {
        uint8_t byte = key[i] ^ with;
        sha_add(sha, &byte, 1);
    }
}

static void hmac(svc_text key, const void *bytes, size_t count, uint8_t digest[32])
{
    svc_sha sha;
    uint8_t padded[64] = {0};
    if (key.size > sizeof padded) {
        sha_begin(&sha);
        sha_add(&sha, key.at, key.size);
        sha_end(&sha, padded);
    } else if (key.size) {
        memcpy(padded, key.at, key.size);
    }
    pad_key(&sha, padded, 0x36);
    sha_add(&sha, bytes, count);
    sha_end(&sha, digest);
    pad_key(&sha, padded, 0x5c);
    sha_add(&sha, digest, 32);
    sha_end(&sha, digest);
}

#endif

/* ------------------------------------------------------------------------------------ proof of a token */

#ifndef SVC_NO_TOKEN
/* Keep the digest of the hello, whose payload goes out byte by byte. */
static void remember(svc_client *client, const svc_request *hello)
{
    svc_sha sha;
    out to = {client, 0, 1, 0, &sha};
    sha_begin(&sha);
    put_message(&to, hello);
    sha_end(&sha, client->said);
}

/* Prove the token by what was said: the digest of the hello's digest and of the welcome, which is in the buffer still.
 * HKDF-SHA256 (RFC 5869) of one block, with that as salt. */
static svc_status prove(svc_client *client, size_t welcome_size)
{
    static const char own_info[] = "sigverify bridge client\x01", daemon_info[] = "sigverify bridge daemon\x01";
    uint8_t key[32], proof[32];
    svc_sha sha;
    svc_text salt = {(const char *)client->said, sizeof client->said}, secret = {(const char *)key, sizeof key};
    svc_request request = {.kind = SVC_AUTHENTICATE, .bytes = proof, .count = sizeof proof};
    sha_begin(&sha);
    sha_add(&sha, client->said, sizeof client->said);
    sha_add(&sha, client->frame, welcome_size);
    sha_end(&sha, client->said);
    hmac(salt, client->token, SVC_TOKEN_SIZE, key);
    hmac(secret, own_info, sizeof own_info - 1, proof);
    hmac(secret, daemon_info, sizeof daemon_info - 1, client->awaited);
    request.id = client->handshake = ++client->number;
    client->phase = SVC_PHASE_PROVING;
    return send(client, &request);
}

/* Whether the daemon has the token too; takes as long for a wrong proof as for the right one. */
static int has_proved(const svc_client *client, svc_text proof)
{
    uint8_t differs = proof.size != sizeof client->awaited;
    for (size_t i = 0; i < sizeof client->awaited && i < proof.size; i++)
        differs |= (uint8_t)((uint8_t)proof.at[i] ^ client->awaited[i]);
    return !differs;
}
#else
static void remember(svc_client *client, const svc_request *hello)
{
    (void)client;
    (void)hello;
}

static svc_status prove(svc_client *client, size_t welcome_size)
{
    (void)client;
    (void)welcome_size;
    return SVC_NOT_ALLOWED;
}

static int has_proved(const svc_client *client, svc_text proof)
{
    (void)client;
    (void)proof;
    return 0;
}
#endif

/* ------------------------------------------------------------------------------------- signed captures */

#ifndef SVC_NO_SIGNING
static const char CAPTURE_LABEL[] = "sigverify capture 1"; /* its NUL is signed too */
enum { SIGNED_SIZE = sizeof CAPTURE_LABEL + SVC_NONCE_SIZE + 4 + 1 + 1 + 4 + 32 + SVC_MAX_DEVICE };

void svc_sign_as(svc_client *client, const svc_pen *pen)
{
    client->pen = pen;
}

/* Begin to digest a capture. */
static void digest_begin(svc_client *client)
{
    client->signer = client->pen;
    client->size = 0;
    client->purpose = 0;
    sha_begin(&client->content);
}

/* A number as the eight bytes of a float64, the lowest first; of -0 and 0 there is one. */
static void digest_number(svc_client *client, double value)
{
    uint64_t bits = value == 0 ? 0 : bits_of(value);
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    sha_add(&client->content, bytes, sizeof bytes);
}

/* Digest samples that were sent; each is 25 bytes, 33 with pressure. */
static void digest_samples(svc_client *client, const svc_sample *samples, size_t count)
{
    for (size_t i = 0; i < count && client->signer; i++) {
        uint8_t ink = samples[i].ink != 0;
        digest_number(client, samples[i].x);
        digest_number(client, samples[i].y);
        digest_number(client, samples[i].t);
        if (client->capturing == WITH_PRESSURE)
            digest_number(client, samples[i].p);
        sha_add(&client->content, &ink, 1);
    }
    client->size += (uint32_t)count;
}

static void digest_bytes(svc_client *client, const uint8_t *bytes, size_t count)
{
    if (client->signer)
        sha_add(&client->content, bytes, count);
    client->size += (uint32_t)count;
}

static void keep_challenge(svc_client *client, const svc_message *message)
{
    svc_text nonce = message->as.challenged.nonce;
    if (message->kind == SVC_CHALLENGED && nonce.size == sizeof client->challenge) {
        memcpy(client->challenge, nonce.at, sizeof client->challenge);
        client->challenged = 1;
    }
}

static void forget_challenge(svc_client *client)
{
    client->challenged = 0;
}

static size_t append(uint8_t *to, size_t at, const void *bytes, size_t count)
{
    memcpy(to + at, bytes, count);
    return at + count;
}

static size_t append_big_endian(uint8_t *to, size_t at, uint32_t value)
{
    for (int i = 3; i >= 0; i--)
        to[at++] = (uint8_t)(value >> 8 * i);
    return at;
}

/* Length of a pen's name; 0: it is none. */
static size_t size_of_device(const char *device)
{
    static const char others[] = "._-";
    size_t size = 0;
    for (; device && device[size] && size <= SVC_MAX_DEVICE; size++) {
        char its = device[size];
        int letter = (its >= 'a' && its <= 'z') || (its >= 'A' && its <= 'Z');
        if (!letter && !(its >= '0' && its <= '9') && !memchr(others, its, sizeof others - 1))
            return 0;
    }
    return size <= SVC_MAX_DEVICE ? size : 0;
}

svc_status svc_sign(svc_client *client, uint32_t counter, svc_purpose purpose)
{
    uint8_t text[SIGNED_SIZE], digest[32];
    uint8_t terms[2] = {(uint8_t)purpose, client->capturing}; /* the form of a capture has the numbers of `capturing` */
    size_t size = client->signer ? size_of_device(client->signer->device) : 0, at;
    svc_text key = {NULL, SVC_KEY_SIZE};
    svc_sha content;
    if (client->phase != SVC_PHASE_READY || client->capturing == NO_CAPTURE || !size || !client->signer->key || !counter ||
        (purpose != SVC_TO_DECIDE && purpose != SVC_TO_ENROLL))
        return SVC_MISUSE;
    if (!client->challenged)
        return SVC_BUSY;
    client->challenged = 0; /* each is answered once */
    memcpy(client->nonce, client->challenge, sizeof client->nonce);
    content = client->content; /* the capture may go on: a later signature covers all of it */
    sha_end(&content, digest);
    at = append(text, 0, CAPTURE_LABEL, sizeof CAPTURE_LABEL);
    at = append(text, at, client->nonce, sizeof client->nonce);
    at = append_big_endian(text, at, counter);
    at = append(text, at, terms, sizeof terms);
    at = append_big_endian(text, at, client->size);
    at = append(text, at, digest, sizeof digest);
    at = append(text, at, client->signer->device, size);
    key.at = (const char *)client->signer->key;
    hmac(key, text, at, client->mac);
    client->counter = counter;
    client->purpose = (uint8_t)purpose;
    return SVC_OK;
}
#else
static void digest_begin(svc_client *client)
{
    (void)client;
}

static void digest_samples(svc_client *client, const svc_sample *samples, size_t count)
{
    (void)client;
    (void)samples;
    (void)count;
}

static void digest_bytes(svc_client *client, const uint8_t *bytes, size_t count)
{
    (void)client;
    (void)bytes;
    (void)count;
}

static void keep_challenge(svc_client *client, const svc_message *message)
{
    (void)client;
    (void)message;
}

static void forget_challenge(svc_client *client)
{
    (void)client;
}
#endif

/* ------------------------------------------------------------------------------------------- requests */

void svc_init(svc_client *client, svc_write_fn write, svc_answer_fn answer, void *context)
{
    memset(client, 0, sizeof *client);
    client->write = write;
    client->answer = answer;
    client->context = context;
}

svc_status svc_hello(svc_client *client, const char *name, const uint8_t *token, const uint8_t *nonce)
{
    svc_request request = {.kind = SVC_HELLO, .text = name, .bytes = nonce, .count = nonce ? SVC_NONCE_SIZE : 0};
    if (!token != !nonce)
        return SVC_MISUSE;
    memset(client->waiting, 0, sizeof client->waiting);
    client->token = token;
    client->phase = SVC_PHASE_GREETING;
    client->room = SVC_MAX_PAYLOAD;
    client->credit = 0;
    client->capturing = NO_CAPTURE;
    forget_challenge(client); /* it was of the line before */
    client->broken = 1; /* a reset may have left half a frame on the line */
    client->number = client->number < LAST_ID - 1 ? client->number + 1 : 1; /* one for the proof is left */
    request.id = client->handshake = client->number;
    if (token)
        remember(client, &request);
    return send(client, &request);
}

int svc_ready(const svc_client *client)
{
    return client->phase == SVC_PHASE_READY;
}

/* Where that id waits; an id of 0 finds a free place. NULL: none. */
static uint32_t *place_of(svc_client *client, uint32_t id)
{
    for (uint32_t i = 0; i < client->window; i++)
        if (client->waiting[i] == id)
            return &client->waiting[i];
    return NULL;
}

static svc_status ask(svc_client *client, svc_request *request, uint32_t *id)
{
    uint32_t *place;
    svc_status status;
    if (client->phase != SVC_PHASE_READY || !id)
        return SVC_MISUSE;
    place = place_of(client, *id);
    if (!place)
        return *id ? SVC_MISUSE : SVC_BUSY;
    if (!*id && client->number == LAST_ID)
        return SVC_DISCONNECTED;
    request->id = *id ? *id : client->number + 1;
    status = send(client, request);
    if (status == SVC_MISUSE)
        return status;
    *id = *place = request->id; /* a line that broke may have carried it all the same: ask again by this id */
    if (client->number < request->id)
        client->number = request->id;
    return status;
}

static svc_status begin(svc_client *client, const svc_request *request, uint8_t capturing)
{
    if (client->phase != SVC_PHASE_READY)
        return SVC_MISUSE;
    client->capture = request->capture;
    client->pieces = 0;
    client->image_crc = 0xFFFFFFFFu;
    client->capturing = client->ended = capturing;
    client->credit = client->most_credit;
    digest_begin(client);
    return send(client, request);
}

svc_status svc_begin(svc_client *client, uint32_t capture, int pressure)
{
    svc_request request = {.kind = SVC_BEGIN, .capture = capture};
    return begin(client, &request, pressure ? WITH_PRESSURE : WITHOUT_PRESSURE);
}

svc_status svc_begin_image(svc_client *client, uint32_t capture, uint32_t size)
{
    svc_request request = {.kind = SVC_BEGIN_IMAGE, .capture = capture, .count = size};
    return begin(client, &request, PICTURE);
}

size_t svc_samples_a_message(const svc_client *client)
{
    size_t fit = client->room < ENVELOPE_BYTES ? 0 : (client->room - ENVELOPE_BYTES) / SAMPLE_BYTES;
    return fit < SVC_MOST_SAMPLES ? fit : SVC_MOST_SAMPLES;
}

uint32_t svc_credit(const svc_client *client)
{
    return client->credit;
}

static svc_status send_piece(svc_client *client, const svc_request *request)
{
    svc_status status;
    if (!client->credit)
        return SVC_BUSY;
    status = send(client, request);
    if (status == SVC_OK) {
        client->credit--;
        client->pieces++;
    }
    return status;
}

svc_status svc_points(svc_client *client, const svc_sample *samples, size_t count)
{
    svc_request request = {.kind = SVC_POINTS, .capture = client->capture, .samples = samples, .count = count};
    svc_status status;
    if (client->phase != SVC_PHASE_READY || !client->capturing || client->capturing == PICTURE || !samples ||
        count > svc_samples_a_message(client))
        return SVC_MISUSE;
    status = send_piece(client, &request);
    if (status == SVC_OK) /* what a broken line lost is sent again */
        digest_samples(client, samples, count);
    return status;
}

svc_status svc_image(svc_client *client, const uint8_t *bytes, size_t count)
{
    svc_request request = {.kind = SVC_IMAGE, .capture = client->capture, .bytes = bytes, .count = count};
    svc_status status;
    if (client->phase != SVC_PHASE_READY || client->capturing != PICTURE || !bytes || !count || count > SVC_MOST_BYTES)
        return SVC_MISUSE;
    status = send_piece(client, &request);
    if (status != SVC_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        client->image_crc = crc32_of(client->image_crc, bytes[i]);
    digest_bytes(client, bytes, count);
    return status;
}

svc_status svc_end(svc_client *client, uint32_t *id)
{
    svc_request request = {.kind = SVC_END, .capture = client->capture};
    svc_status status;
    if (!id || (client->capturing != NO_CAPTURE) == (*id != 0))
        return SVC_MISUSE;
    status = ask(client, &request, id);
    if (*id)
        client->capturing = NO_CAPTURE;
    return status;
}

svc_status svc_cancel(svc_client *client, uint32_t capture)
{
    svc_request request = {.kind = SVC_CANCEL, .capture = capture};
    if (client->phase != SVC_PHASE_READY)
        return SVC_MISUSE;
    if (capture == client->capture)
        client->capturing = NO_CAPTURE;
    return send(client, &request);
}

svc_status svc_verify(svc_client *client, const char *user_id, uint32_t capture, const svc_verify_options *options,
                      uint32_t *id)
{
    svc_request request = {.kind = SVC_VERIFY, .capture = capture, .text = user_id, .verify = options};
    return ask(client, &request, id);
}

svc_status svc_identify(svc_client *client, uint32_t capture, const svc_identify_options *options, uint32_t *id)
{
    svc_request request = {.kind = SVC_IDENTIFY, .capture = capture, .identify = options};
    return ask(client, &request, id);
}

svc_status svc_enroll(svc_client *client, const char *user_id, const svc_enroll_options *options, uint32_t *id)
{
    svc_request request = {.kind = SVC_ENROLL, .text = user_id, .enroll = options};
    return ask(client, &request, id);
}

svc_status svc_add(svc_client *client, uint32_t capture, uint32_t *id)
{
    svc_request request = {.kind = SVC_ADD, .capture = capture};
    return ask(client, &request, id);
}

static svc_status ask_plainly(svc_client *client, svc_kind kind, const char *text, uint32_t *id)
{
    svc_request request = {.kind = kind, .text = text};
    return ask(client, &request, id);
}

svc_status svc_commit(svc_client *client, uint32_t *id)
{
    return ask_plainly(client, SVC_COMMIT, NULL, id);
}

svc_status svc_abandon(svc_client *client, uint32_t *id)
{
    return ask_plainly(client, SVC_ABANDON, NULL, id);
}

svc_status svc_users(svc_client *client, const char *after, uint32_t *id)
{
    return ask_plainly(client, SVC_USERS, after, id);
}

svc_status svc_forget(svc_client *client, const char *user_id, uint32_t *id)
{
    return ask_plainly(client, SVC_FORGET, user_id, id);
}

#ifndef SVC_NO_SIGNING
svc_status svc_challenge(svc_client *client, uint32_t *id)
{
    return ask_plainly(client, SVC_CHALLENGE, NULL, id);
}
#endif

svc_status svc_info(svc_client *client, uint32_t *id)
{
    return ask_plainly(client, SVC_INFO, NULL, id);
}

svc_status svc_health(svc_client *client, uint32_t *id)
{
    return ask_plainly(client, SVC_HEALTH, NULL, id);
}

/* -------------------------------------------------------------------------------------------- answers */

static uint32_t lower(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

static svc_status take_welcome(svc_client *client, const svc_welcome *welcome, size_t size)
{
    if (welcome->version != SVC_VERSION || welcome->max_payload < LEAST_PAYLOAD || !welcome->window ||
        !welcome->credit)
        return SVC_PROTOCOL_ERROR;
    client->room = welcome->max_payload;
    client->window = lower(welcome->window, SVC_WINDOW);
    client->credit = client->most_credit = welcome->credit;
    if (!welcome->nonce.at != !client->token) /* it wants a token, and there is none, or the other way round */
        return SVC_NOT_ALLOWED;
    if (client->token)
        return prove(client, size);
    client->phase = SVC_PHASE_READY;
    return SVC_OK;
}

static svc_status take_proof(svc_client *client, svc_text proof)
{
    if (!has_proved(client, proof))
        return SVC_NOT_ALLOWED;
    client->phase = SVC_PHASE_READY;
    return SVC_OK;
}

/* Take a step of the handshake; what is left of an earlier session is passed over. */
static svc_status take_handshake(svc_client *client, const svc_message *message, size_t size)
{
    svc_status status = SVC_OK;
    int failed = message->kind == SVC_FAILURE;
    int damaged = failed && !message->id && message->as.failure.status == SVC_PROTOCOL_ERROR;
    if (damaged || client->phase == SVC_PHASE_IDLE || (message->id && message->id != client->handshake))
        return SVC_OK;
    if (message->kind == SVC_WELCOME && client->phase == SVC_PHASE_GREETING)
        status = take_welcome(client, &message->as.welcome, size);
    else if (message->kind == SVC_DONE && client->phase == SVC_PHASE_PROVING)
        status = take_proof(client, message->as.done.proof);
    else if (!failed)
        return SVC_OK;
    if (failed || status == SVC_PROTOCOL_ERROR || status == SVC_NOT_ALLOWED) /* refused by either side */
        client->phase = SVC_PHASE_IDLE;
    client->answer(client->context, message);
    return status;
}

static svc_status take_answer(svc_client *client, const svc_message *message, size_t size)
{
    uint32_t *place;
    if (client->phase != SVC_PHASE_READY)
        return message->kind == SVC_CREDIT ? SVC_OK : take_handshake(client, message, size);
    if (message->kind == SVC_CREDIT) {
        client->credit += lower(message->as.credit.points, client->most_credit - client->credit);
        return SVC_OK;
    }
    place = message->id ? place_of(client, message->id) : NULL;
    if (place)
        *place = 0;
    if (message->kind == SVC_FAILURE && svc_is(message->as.failure.name, "NoHandshake"))
        client->phase = SVC_PHASE_IDLE; /* the daemon was started anew */
    if (place)
        keep_challenge(client, message);
    if (place || (!message->id && message->kind == SVC_FAILURE))
        client->answer(client->context, message);
    return SVC_OK;
}

static int is_whole(const uint8_t *frame, size_t held)
{
    uint32_t crc = 0xFFFFFFFFu, wanted = 0;
    if (held <= CRC_SIZE)
        return 0;
    for (size_t i = 0; i < held - CRC_SIZE; i++)
        crc = crc32_of(crc, frame[i]);
    for (size_t i = 0; i < CRC_SIZE; i++)
        wanted |= (uint32_t)frame[held - CRC_SIZE + i] << 8 * i;
    return wanted == ~crc;
}

static void keep(svc_client *client, uint8_t byte)
{
    if (client->held == sizeof client->frame) /* longer than a frame may be: its rest is passed over */
        client->skipping = 1;
    else
        client->frame[client->held++] = byte;
}

static svc_status end_frame(svc_client *client)
{
    svc_message message;
    size_t held = client->held;
    int whole = client->code && !client->left && !client->skipping && is_whole(client->frame, held);
    client->held = 0;
    client->code = client->left = client->skipping = 0;
    if (!whole)
        return SVC_OK;
    if (svc_decode(client->frame, held - CRC_SIZE, &message))
        return SVC_PROTOCOL_ERROR;
    return take_answer(client, &message, held - CRC_SIZE);
}

/* Take a byte of a frame: the length of a block, or one of its bytes. */
static void unstuff(svc_client *client, uint8_t byte)
{
    if (client->skipping)
        return;
    if (client->left) { /* within a block */
        keep(client, byte);
        client->left--;
        return;
    }
    if (client->code && client->code != FULL) /* a block came before, and a zero ended it */
        keep(client, 0);
    client->code = byte;
    client->left = (uint8_t)(byte - 1);
}

svc_status svc_feed(svc_client *client, const uint8_t *bytes, size_t count)
{
    svc_status first = SVC_OK;
    if (client->feeding)
        return SVC_MISUSE;
    client->feeding = 1;
    for (; count--; bytes++) {
        svc_status status = SVC_OK;
        if (*bytes)
            unstuff(client, *bytes);
        else
            status = end_frame(client);
        first = first ? first : status;
    }
    client->feeding = 0;
    return first;
}
