/* Many vectors against one: what a search of 1:N spends its time on. Whole numbers, so every way to add them up gives
 * the same. */
#include "internal.h"

#define MOST_DIMENSIONS 131071 /* products of two int8 are at most 2^14: so many still fit an int32 */

typedef void products_of(const int8_t *vectors, size_t count, size_t size, const int8_t *probe, int32_t *products);

static int32_t product(const int8_t *one, const int8_t *other, size_t size)
{
    int32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += one[i] * other[i];
    return sum;
}

#if !SVI_LANES || defined(__x86_64__) /* 64-bit ARM always has what is below */
static void products_plain(const int8_t *vectors, size_t count, size_t size, const int8_t *probe, int32_t *products)
{
    for (size_t k = 0; k < count; k++)
        products[k] = product(vectors + k * size, probe, size);
}
#endif

#if SVI_LANES && defined(__x86_64__)
#include <immintrin.h>

#define STEP 16 /* dimensions at once */

/* Two products of 16 bits each are added to one number of 32. */
__attribute__((target("avx2"))) static void products_avx2(const int8_t *vectors, size_t count, size_t size,
                                                          const int8_t *probe, int32_t *products)
{
    const size_t whole = size - size % STEP;
    for (size_t k = 0; k < count; k++) {
        const int8_t *own = vectors + k * size;
        __m256i sums = _mm256_setzero_si256();
        for (size_t i = 0; i < whole; i += STEP) {
            __m256i one = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(own + i)));
            __m256i other = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(probe + i)));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(one, other));
        }
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
        products[k] = _mm_cvtsi128_si32(four) + product(own + whole, probe + whole, size - whole);
    }
}

static products_of *fastest(void)
{
    return svi_processor_width() >= SVI_256_BITS ? products_avx2 : products_plain;
}

#elif SVI_LANES
#include <arm_neon.h>

#define STEP 16 /* dimensions at once */

static void products_neon(const int8_t *vectors, size_t count, size_t size, const int8_t *probe, int32_t *products)
{
    const size_t whole = size - size % STEP;
    for (size_t k = 0; k < count; k++) {
        const int8_t *own = vectors + k * size;
        int32x4_t sums = vdupq_n_s32(0);
        for (size_t i = 0; i < whole; i += STEP) {
            int8x16_t one = vld1q_s8(own + i), other = vld1q_s8(probe + i);
            sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(one), vget_low_s8(other)));
            sums = vpadalq_s16(sums, vmull_high_s8(one, other));
        }
        products[k] = vaddvq_s32(sums) + product(own + whole, probe + whole, size - whole);
    }
}

static products_of *fastest(void)
{
    return products_neon;
}

#else

static products_of *fastest(void)
{
    return products_plain;
}
#endif

int sv_products(const int8_t *vectors, size_t count, size_t size, const int8_t *vector, int32_t *products)
{
    if (!vectors || !vector || !products || !size || size > MOST_DIMENSIONS)
        return SV_CONFIG_ERROR;
    fastest()(vectors, count, size, vector, products);
    return SV_OK;
}
