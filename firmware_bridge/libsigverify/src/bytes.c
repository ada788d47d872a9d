/* Little-endian numbers, float16, CRC-32, UTF-8: the same on every machine.
 *
 * A float32 has exponents biased by 127 and 23 bits of fraction, a float16 by 15 and 10. */
#include <string.h>

#include "internal.h"

uint16_t svi_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t svi_u32(const uint8_t *at)
{
    return svi_u16(at) | (uint32_t)svi_u16(at + 2) << 16;
}

uint64_t svi_u64(const uint8_t *at)
{
    return svi_u32(at) | (uint64_t)svi_u32(at + 4) << 32;
}

float svi_f32(const uint8_t *at)
{
    uint32_t bits = svi_u32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint8_t *svi_put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

uint8_t *svi_put_f32(uint8_t *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return svi_put(at, bits, 4);
}

void svi_hex_id(const uint8_t *bytes, char id[SV_MODEL_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < SV_MODEL_ID_SIZE - 1; i++)
        id[i] = digits[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    id[SV_MODEL_ID_SIZE - 1] = '\0';
}

static int hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

uint8_t *svi_put_hex_id(uint8_t *at, const char id[SV_MODEL_ID_SIZE])
{
    for (int i = 0; i < SV_MODEL_ID_SIZE - 1; i += 2)
        *at++ = (uint8_t)(hex_value(id[i]) << 4 | hex_value(id[i + 1]));
    return at;
}

float svi_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023, bits;
    float value;
    if (exponent == 0) { /* zero or subnormal: fraction x 2^-24, exact */
        value = (float)fraction * (1.0f / 16777216.0f);
        return sign ? -value : value;
    }
    /* 112 = 127 - 15; 31 and 255 are infinity and NaN. */
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Round to nearest, ties to even. */
uint16_t svi_float_to_half(float value)
{
    uint32_t bits, sign, exponent, fraction, shift, kept, rest, middle;
    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 16 & 0x8000;
    exponent = bits >> 23 & 255;
    fraction = bits & 0x7fffff;
    if (exponent == 255)
        return (uint16_t)(sign | 0x7c00 | (fraction ? 0x200 : 0));
    if (exponent < 102) /* below half of the least subnormal */
        return (uint16_t)sign;
    if (exponent < 113) { /* becomes subnormal: the leading 1 is written out and shifted right */
        fraction |= 0x800000;
        shift = 126 - exponent;
        kept = fraction >> shift;
    } else {
        shift = 13;
        kept = (exponent - 112) << 10 | fraction >> 13;
    }
    /* What is shifted out decides: above half a step up, below it down, at half to the even one. */
    rest = fraction & ((1u << shift) - 1);
    middle = 1u << (shift - 1);
    if (rest > middle || (rest == middle && (kept & 1)))
        kept++; /* may carry into the exponent, which is right */
    return (uint16_t)(sign | (kept > 0x7c00 ? 0x7c00 : kept));
}

/* Nibble by nibble: a table of 64 bytes. */
static uint32_t crc_of(uint32_t crc, const uint8_t *data, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#if SVI_LANES
#define SLICES 4          /* bytes at once */
#define WORTH_A_TABLE 2048 /* bytes: with fewer, making it takes longer than it saves */

/* Slice by slice: tables of 4 kB, made here, as nothing is kept from call to call. Source: M. Kounavis, F. Berry, "A
 * systematic approach to building high performance software-based CRC generators", 2005. */
static uint32_t crc_by_slices(uint32_t crc, const uint8_t *data, size_t size)
{
    uint32_t table[SLICES][256];
    for (uint32_t i = 0; i < 256; i++) {
        const uint8_t byte = (uint8_t)i;
        table[0][i] = crc_of(0, &byte, 1);
    }
    for (int k = 1; k < SLICES; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    for (; size >= SLICES; data += SLICES, size -= SLICES) {
        crc ^= svi_u32(data);
        crc = table[3][crc & 255] ^ table[2][crc >> 8 & 255] ^ table[1][crc >> 16 & 255] ^ table[0][crc >> 24];
    }
    return crc_of(crc, data, size);
}
#endif

uint32_t svi_crc32(const uint8_t *data, size_t size)
{
#if SVI_LANES
    if (size >= WORTH_A_TABLE)
        return ~crc_by_slices(0xffffffff, data, size);
#endif
    return ~crc_of(0xffffffff, data, size);
}

/* Bytes that follow a first byte, and the least value that needs so many; -1: no first byte. */
static int followers(uint8_t first, uint32_t *least, uint32_t *code)
{
    static const uint32_t floors[4] = {0, 0x80, 0x800, 0x10000};
    int count = first < 0x80             ? 0
                : (first & 0xe0) == 0xc0 ? 1
                : (first & 0xf0) == 0xe0 ? 2
                : (first & 0xf8) == 0xf0 ? 3
                                         : -1;
    if (count < 0)
        return -1;
    *least = floors[count];
    *code = count ? first & (0x3fu >> count) : first;
    return count;
}

size_t svi_utf8_length(const uint8_t *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; length++) {
        uint32_t least, code;
        int count = followers(text[i++], &least, &code);
        if (count < 0 || (size_t)count > size - i)
            return SIZE_MAX;
        for (; count > 0; count--, i++) {
            if ((text[i] & 0xc0) != 0x80)
                return SIZE_MAX;
            code = code << 6 | (text[i] & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return SIZE_MAX;
    }
    return length;
}
