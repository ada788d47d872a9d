/* Templates as bytes, laid out as sigverify/template.py says at its top. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define HEAD 46   /* bytes before the user id */
#define CRC 4     /* bytes of the checksum at the end */
#define VERSION 4 /* older ones lack the strangers; who has one must enroll again */
#define MIN_YEAR_MS (-62135596800000LL) /* years 1 to 9999: what Python's datetime holds */
#define MAX_YEAR_MS 253402300799999LL

/* The only modality whose templates are read here, and its length in the low seven bits of the flags. */
static const char modality[] = "pen";
#define MODALITY ((int)sizeof modality - 1)
#define STRANGERS 0x80 /* the flag that four numbers of strangers are there */
#define STRANGERS_SIZE (4 * sizeof(float))

/* Numbers beside the series of one reference: a frame of the detail stands for two of the series. */
static size_t detail_size(const svi_shape *shape)
{
    return shape->frames / 2 * shape->details;
}

/* Bytes of the whole. In 64 bits: the sizes in a forged header may be 65535 each, and their products do not fit 32. */
static uint64_t whole_size(const svi_shape *shape, int references, int has_strangers, size_t user_size)
{
    uint64_t count = (uint64_t)references, pairs = count * (count - 1) / 2;
    uint64_t series = (uint64_t)shape->frames * shape->channels, sequence = (uint64_t)shape->steps * shape->depth;
    uint64_t detail = (uint64_t)(shape->frames / 2) * shape->details;
    uint64_t each = sizeof(float) + series + detail + sequence + 2 * (uint64_t)shape->size;
    user_size += has_strangers ? STRANGERS_SIZE : 0;
    return HEAD + user_size + MODALITY + pairs * shape->cues * sizeof(float) + count * each + CRC;
}

int svi_user_is_valid(const char *user, size_t size)
{
    size_t length = svi_utf8_length((const uint8_t *)user, size);
    return length >= 1 && length <= SVI_MAX_USER && !memchr(user, '\0', size);
}

int svi_created_is_valid(int64_t created_ms)
{
    return created_ms >= MIN_YEAR_MS && created_ms <= MAX_YEAR_MS;
}

/* One block for everything: the floats first, as what follows them needs no alignment. */
int svi_template_new(const char *user, size_t user_size, const svi_shape *shape, int references, sv_template **enrolled)
{
    size_t spread = (size_t)(references * references) * shape->cues;
    size_t floats = spread + (size_t)references * shape->size;
    size_t each = shape->frames * shape->channels + detail_size(shape) + shape->steps * shape->depth;
    size_t bytes = (size_t)references * each;
    sv_template *fresh = calloc(1, sizeof *fresh);
    float *at_float;
    int8_t *at_byte;
    if (!fresh)
        return SV_NO_MEMORY;
    fresh->block = calloc(1, floats * sizeof(float) + bytes + user_size + 1);
    if (!fresh->block) {
        free(fresh);
        return SV_NO_MEMORY;
    }
    fresh->shape = *shape;
    fresh->references = references;
    fresh->spread = fresh->block;
    at_float = fresh->spread + spread;
    at_byte = (int8_t *)((float *)fresh->block + floats);
    for (int i = 0; i < references; i++) {
        fresh->each[i].vector = at_float;
        at_float += shape->size;
        fresh->each[i].series = at_byte;
        at_byte += shape->frames * shape->channels;
        fresh->each[i].detail = at_byte;
        at_byte += detail_size(shape);
        fresh->each[i].sequence = at_byte;
        at_byte += shape->steps * shape->depth;
    }
    fresh->user = (char *)at_byte;
    fresh->user_size = user_size;
    memcpy(fresh->user, user, user_size);
    *enrolled = fresh;
    return SV_OK;
}

void sv_template_close(sv_template *enrolled)
{
    if (enrolled)
        free(enrolled->block);
    free(enrolled);
}

static int read_head(const uint8_t *data, size_t size, svi_shape *shape, int *references, size_t *user_size)
{
    if (size < HEAD + CRC || memcmp(data, "SIGT", 4) != 0 || svi_u16(data + 4) != VERSION ||
        (data[8] & ~STRANGERS) != MODALITY)
        return SV_MALFORMED_TEMPLATE;
    *references = svi_u16(data + 6);
    shape->frames = svi_u16(data + 14);
    shape->channels = svi_u16(data + 16);
    shape->details = svi_u16(data + 18);
    shape->steps = svi_u16(data + 20);
    shape->depth = svi_u16(data + 22);
    shape->size = svi_u16(data + 24);
    shape->cues = svi_u16(data + 26);
    *user_size = svi_u16(data + 28);
    /* The numbers that size arrays of this library. */
    if (*references < 1 || *references > SV_MAX_REFERENCES || shape->cues < 1 || shape->cues > SV_MAX_CUES)
        return SV_MALFORMED_TEMPLATE;
    /* What is read and allocated after this is covered by the bytes that are there. */
    if (svi_u32(data + 10) != size || whole_size(shape, *references, data[8] & STRANGERS, *user_size) != size)
        return SV_MALFORMED_TEMPLATE;
    if (svi_u32(data + size - CRC) != svi_crc32(data, size - CRC))
        return SV_MALFORMED_TEMPLATE;
    return SV_OK;
}

/* Read floats, of two bytes each if `half`; `sound` becomes 0 where one is not finite. */
static const uint8_t *take_floats(const uint8_t *at, size_t count, int half, float *out, int *sound)
{
    for (size_t i = 0; i < count; i++, at += half ? 2 : 4) {
        out[i] = half ? svi_half_to_float(svi_u16(at)) : svi_f32(at);
        *sound &= isfinite(out[i]) != 0;
    }
    return at;
}

/* Mean and deviation, compared by all and without pressure, in a template that has them. */
static const uint8_t *take_strangers(const uint8_t *at, sv_template *enrolled, int *sound)
{
    for (int i = 0; enrolled->has_strangers && i < 2; i++) {
        float numbers[2];
        at = take_floats(at, 2, 0, numbers, sound);
        enrolled->strangers[i] = (svi_fit){numbers[0], numbers[1]};
        *sound &= svi_fit_is_sound(&enrolled->strangers[i]);
    }
    return at;
}

/* The file has what lies below the diagonal. Above it is the same, of a signed cue its negative, and on it 0. */
static const uint8_t *take_spread(const uint8_t *at, int is_signed, sv_template *enrolled, int *sound)
{
    size_t r = (size_t)enrolled->references, cues = enrolled->shape.cues;
    for (size_t row = 1; row < r; row++)
        for (size_t column = 0; column < row; column++) {
            float *below = enrolled->spread + (row * r + column) * cues;
            float *above = enrolled->spread + (column * r + row) * cues;
            at = take_floats(at, cues, 0, below, sound);
            for (size_t k = 0; k < cues; k++)
                above[k] = is_signed >> k & 1 ? -below[k] : below[k];
        }
    return at;
}

/* The parts in the order of the file: strangers, spread, extents, series, details, sequences, vectors. */
static int take_body(const uint8_t *at, int is_signed, sv_template *enrolled)
{
    const svi_shape *shape = &enrolled->shape;
    size_t series = shape->frames * shape->channels, sequence = shape->steps * shape->depth;
    size_t detail = detail_size(shape);
    int sound = 1;
    at = take_spread(take_strangers(at, enrolled, &sound), is_signed, enrolled, &sound);
    for (int i = 0; i < enrolled->references; i++) {
        at = take_floats(at, 1, 0, &enrolled->each[i].extent, &sound);
        sound &= svi_extent_is_sound(enrolled->each[i].extent);
    }
    for (int i = 0; i < enrolled->references; i++, at += series)
        memcpy(enrolled->each[i].series, at, series);
    for (int i = 0; i < enrolled->references; i++, at += detail)
        memcpy(enrolled->each[i].detail, at, detail);
    for (int i = 0; i < enrolled->references; i++, at += sequence)
        memcpy(enrolled->each[i].sequence, at, sequence);
    for (int i = 0; i < enrolled->references; i++)
        at = take_floats(at, enrolled->shape.size, 1, enrolled->each[i].vector, &sound);
    return sound ? SV_OK : SV_MALFORMED_TEMPLATE;
}

int sv_template_import(const void *bytes, size_t size, sv_template **enrolled)
{
    const uint8_t *data = bytes, *body;
    svi_shape shape;
    sv_template *fresh;
    size_t user_size;
    int references, status;
    if (!data || !enrolled)
        return SV_CONFIG_ERROR;
    *enrolled = NULL;
    /* Nothing is allocated before the header fits the size and the checksum is right. */
    SVI_TRY(read_head(data, size, &shape, &references, &user_size));
    body = data + HEAD + user_size + MODALITY;
    if (!svi_user_is_valid((const char *)data + HEAD, user_size) || memcmp(body - MODALITY, modality, MODALITY) != 0)
        return SV_MALFORMED_TEMPLATE;
    SVI_TRY(svi_template_new((const char *)data + HEAD, user_size, &shape, references, &fresh));
    fresh->created_ms = (int64_t)svi_u64(data + 30);
    svi_hex_id(data + 38, fresh->model_id);
    fresh->has_strangers = (data[8] & STRANGERS) != 0;
    status = take_body(body, data[9], fresh);
    if (!svi_created_is_valid(fresh->created_ms))
        status = SV_MALFORMED_TEMPLATE;
    if (status != SV_OK) {
        sv_template_close(fresh);
        return status;
    }
    *enrolled = fresh;
    return SV_OK;
}

/* Bit k: cue k is signed. Read off the spread, as Python does it: where it is 0 throughout, a cue has no sign. */
static int signed_cues(const sv_template *enrolled)
{
    size_t r = (size_t)enrolled->references, cues = enrolled->shape.cues;
    int bits = 0;
    for (size_t row = 1; row < r; row++)
        for (size_t column = 0; column < row; column++)
            for (size_t k = 0; k < cues; k++)
                if (enrolled->spread[(row * r + column) * cues + k] != enrolled->spread[(column * r + row) * cues + k])
                    bits |= 1 << k;
    return bits;
}

static uint8_t *put_head(uint8_t *at, const sv_template *enrolled, size_t size)
{
    memcpy(at, "SIGT", 4);
    at = svi_put(at + 4, VERSION, 2);
    at = svi_put(at, (uint64_t)enrolled->references, 2);
    at = svi_put(at, (uint64_t)(MODALITY | (enrolled->has_strangers ? STRANGERS : 0)), 1);
    at = svi_put(at, (uint64_t)signed_cues(enrolled), 1);
    at = svi_put(at, size, 4);
    at = svi_put(at, enrolled->shape.frames, 2);
    at = svi_put(at, enrolled->shape.channels, 2);
    at = svi_put(at, enrolled->shape.details, 2);
    at = svi_put(at, enrolled->shape.steps, 2);
    at = svi_put(at, enrolled->shape.depth, 2);
    at = svi_put(at, enrolled->shape.size, 2);
    at = svi_put(at, enrolled->shape.cues, 2);
    at = svi_put(at, enrolled->user_size, 2);
    at = svi_put(at, (uint64_t)enrolled->created_ms, 8);
    at = svi_put_hex_id(at, enrolled->model_id);
    memcpy(at, enrolled->user, enrolled->user_size);
    memcpy(at + enrolled->user_size, modality, MODALITY);
    return at + enrolled->user_size + MODALITY;
}

static uint8_t *put_body(uint8_t *at, const sv_template *enrolled)
{
    const svi_shape *shape = &enrolled->shape;
    size_t series = shape->frames * shape->channels, sequence = shape->steps * shape->depth;
    size_t detail = detail_size(shape), r = (size_t)enrolled->references, cues = shape->cues;
    for (int i = 0; enrolled->has_strangers && i < 2; i++) {
        at = svi_put_f32(at, (float)enrolled->strangers[i].mean);
        at = svi_put_f32(at, (float)enrolled->strangers[i].deviation);
    }
    for (size_t row = 1; row < r; row++)
        for (size_t i = 0; i < row * cues; i++)
            at = svi_put_f32(at, enrolled->spread[row * r * cues + i]);
    for (size_t i = 0; i < r; i++)
        at = svi_put_f32(at, enrolled->each[i].extent);
    for (size_t i = 0; i < r; i++, at += series)
        memcpy(at, enrolled->each[i].series, series);
    for (size_t i = 0; i < r; i++, at += detail)
        memcpy(at, enrolled->each[i].detail, detail);
    for (size_t i = 0; i < r; i++, at += sequence)
        memcpy(at, enrolled->each[i].sequence, sequence);
    for (size_t i = 0; i < r; i++)
        for (size_t k = 0; k < enrolled->shape.size; k++)
            at = svi_put(at, svi_float_to_half(enrolled->each[i].vector[k]), 2);
    return at;
}

int sv_template_export(const sv_template *enrolled, void *data, size_t capacity, size_t *size)
{
    uint8_t *at = data;
    if (!enrolled || !size)
        return SV_CONFIG_ERROR;
    *size = (size_t)whole_size(&enrolled->shape, enrolled->references, enrolled->has_strangers, enrolled->user_size);
    if (!data && capacity == 0)
        return SV_OK;
    if (!data || capacity < *size)
        return SV_CONFIG_ERROR;
    at = put_body(put_head(at, enrolled, *size), enrolled);
    svi_put(at, svi_crc32(data, *size - CRC), CRC);
    return SV_OK;
}

const char *sv_template_user(const sv_template *enrolled)
{
    return enrolled ? enrolled->user : "";
}

const char *sv_template_model_id(const sv_template *enrolled)
{
    return enrolled ? enrolled->model_id : "";
}

int sv_template_references(const sv_template *enrolled)
{
    return enrolled ? enrolled->references : 0;
}

int64_t sv_template_created_ms(const sv_template *enrolled)
{
    return enrolled ? enrolled->created_ms : 0;
}
