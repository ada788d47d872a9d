/* The cheapest alignment, many cells at once: the numbers of alignment.c and path.c to the last bit, for processors
 * with vector instructions.
 *
 * - Costs: a frame is stored as bytes in words of eight, so that one instruction adds up the absolute differences of
 *   two frames or of four.
 * - Cells: in 16 bits. A path may cost more than they hold, so each cell is entered at `most` or less, and nothing
 *   overflows. Whatever costs less than `most` is exact, and so is the choice between it and what costs more: if the
 *   whole path costs less, it is the one that 32 bits find. Otherwise alignment.c does it again: that takes series
 *   that lie some eight standard deviations apart.
 * - Steps: none are stored, but all cells are, in two bytes each, and the walk back compares them once more. */
#include <string.h>

#include "internal.h"

#if SVI_LANES

#define WORD 8           /* bytes */
#define COPIES 4         /* of each series: one a word behind the other, so that some one is aligned for any frame */
#define ALIGNMENT ((size_t)COPIES * WORD)
#define LANES 16         /* cells computed at once, at most: what lies beyond a diagonal's end is never read */
#define UNREACHED 0xffff /* a cell outside of the band or the square: above `most` */
#define WORST 255        /* that one channel adds to the cost of a cell */
#define KEPT_FRAMES 1024 /* of longer series all cells would take megabytes */
#define RING 3           /* diagonals: one and the two that it is computed from */

/* What is computed: `frames` of each as words, the second backward, so that along a diagonal both are read forward. */
struct svi_lanes_job {
    const uint8_t *rows, *columns;
    ptrdiff_t frames, band, words;
    ptrdiff_t plane;     /* bytes from one word of a frame to its next */
    ptrdiff_t copy;      /* and from one copy to the next */
    ptrdiff_t room;      /* cells from one diagonal to the next */
    ptrdiff_t diagonals; /* that are kept: all, after one in which nothing is reached, or RING */
    uint16_t *cells;  /* cell 0 of a diagonal stands behind one that is unreached, as does what is behind the last */
    int32_t *places;  /* places[s + 2] + i: where the cell of row i stands in diagonal s; NULL where not all are kept */
    uint16_t most;
};

/* The first row of a diagonal, as in alignment.c; 0 of one before the first. */
static inline ptrdiff_t first_row(const svi_lanes_job *job, ptrdiff_t s)
{
    ptrdiff_t in_square = s - (job->frames - 1), in_band = (s - job->band + 1) / 2;
    ptrdiff_t low = in_square > in_band ? in_square : in_band;
    return low > 0 ? low : 0;
}

/* A frame of that copy in which it is aligned: loads from two lines of the cache at once take twice as long. */
static inline const uint8_t *frame_at(const svi_lanes_job *job, const uint8_t *series, ptrdiff_t frame)
{
    const ptrdiff_t copy = -frame & (COPIES - 1);
    return series + copy * job->copy + WORD * (frame + copy);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define NAMED(name) name##_avx2
#define TARGET __attribute__((target("avx2")))
#define LANE_CELLS 16
#define lane __m256i
#define lane_load(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define lane_store(at, value) _mm256_storeu_si256((__m256i *)(void *)(at), value)
#define lane_same(value) _mm256_set1_epi16((short)(value))
#define lane_add _mm256_add_epi16
#define lane_least _mm256_min_epu16

/* Sums of four frames lie in four numbers of 64 bits; packed twice, their pairs are put in order. */
TARGET static inline lane differences_avx2(const uint8_t *rows, const uint8_t *columns)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    lane first = _mm256_sad_epu8(lane_load(rows), lane_load(columns));
    lane second = _mm256_sad_epu8(lane_load(rows + 32), lane_load(columns + 32));
    lane third = _mm256_sad_epu8(lane_load(rows + 64), lane_load(columns + 64));
    lane fourth = _mm256_sad_epu8(lane_load(rows + 96), lane_load(columns + 96));
    lane packed = _mm256_packus_epi32(_mm256_packus_epi32(first, second), _mm256_packus_epi32(third, fourth));
    return _mm256_permutevar8x32_epi32(packed, order);
}

#include "lanes_forward.h"

#define NAMED(name) name##_sse41
#define TARGET __attribute__((target("sse4.1")))
#define LANE_CELLS 8
#define lane __m128i
#define lane_load(at) _mm_loadu_si128((const __m128i *)(const void *)(at))
#define lane_store(at, value) _mm_storeu_si128((__m128i *)(void *)(at), value)
#define lane_same(value) _mm_set1_epi16((short)(value))
#define lane_add _mm_add_epi16
#define lane_least _mm_min_epu16

/* Sums of two frames lie in two numbers of 64 bits. */
TARGET static inline lane differences_sse41(const uint8_t *rows, const uint8_t *columns)
{
    lane first = _mm_sad_epu8(lane_load(rows), lane_load(columns));
    lane second = _mm_sad_epu8(lane_load(rows + 16), lane_load(columns + 16));
    lane third = _mm_sad_epu8(lane_load(rows + 32), lane_load(columns + 32));
    lane fourth = _mm_sad_epu8(lane_load(rows + 48), lane_load(columns + 48));
    return _mm_packus_epi32(_mm_packus_epi32(first, second), _mm_packus_epi32(third, fourth));
}

#include "lanes_forward.h"

/* Whether the system keeps registers of 256 bits apart for each thread. */
static int keeps_wide_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

/* __builtin_cpu_supports would do, but says no to everything where zig compiles. */
static svi_lanes_width ask_processor(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1))
        return SVI_SCALAR;
    if (!(c & bit_OSXSAVE) || !(c & bit_AVX) || !keeps_wide_registers())
        return SVI_128_BITS;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) ? SVI_256_BITS : SVI_128_BITS;
}

/* Asked once: on a virtual machine that takes as long as an alignment. Threads that ask at once are told the same. */
svi_lanes_width svi_processor_width(void)
{
    static int known; /* the width, and one more */
    int width = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!width) {
        width = (int)ask_processor() + 1;
        __atomic_store_n(&known, width, __ATOMIC_RELAXED);
    }
    return (svi_lanes_width)(width - 1);
}

svi_lanes_forward *svi_lanes_of(svi_lanes_width most)
{
    const svi_lanes_width width = svi_processor_width();
    if (most >= SVI_256_BITS && width >= SVI_256_BITS)
        return forward_avx2;
    return most >= SVI_128_BITS && width >= SVI_128_BITS ? forward_sse41 : NULL;
}

#else
#include <arm_neon.h>

#define NAMED(name) name##_neon
#define TARGET
#define LANE_CELLS 8
#define lane uint16x8_t
#define lane_load vld1q_u16
#define lane_store vst1q_u16
#define lane_same vdupq_n_u16
#define lane_add vaddq_u16
#define lane_least vminq_u16

/* Of two frames: each number is the sum of two channels. */
static inline uint16x8_t pairs_of(const uint8_t *rows, const uint8_t *columns)
{
    return vpaddlq_u8(vabdq_u8(vld1q_u8(rows), vld1q_u8(columns)));
}

static inline lane differences_neon(const uint8_t *rows, const uint8_t *columns)
{
    lane first = vpaddq_u16(pairs_of(rows, columns), pairs_of(rows + 16, columns + 16));
    lane second = vpaddq_u16(pairs_of(rows + 32, columns + 32), pairs_of(rows + 48, columns + 48));
    return vpaddq_u16(first, second);
}

#include "lanes_forward.h"

svi_lanes_width svi_processor_width(void)
{
    return SVI_128_BITS;
}

svi_lanes_forward *svi_lanes_of(svi_lanes_width most)
{
    return most >= svi_processor_width() ? forward_neon : NULL;
}
#endif

static size_t words_of(size_t channels)
{
    return (channels + WORD - 1) / WORD;
}

/* All frames of the last copy, and what is read beyond the end of a diagonal. */
static size_t plane_bytes(size_t frames)
{
    return (COPIES - 1 + frames + LANES + COPIES - 1) * WORD / ALIGNMENT * ALIGNMENT;
}

/* A diagonal has band + 1 cells at most; the last lanes of it may be all but one beyond them, and one more is read. */
static size_t diagonal_room(size_t frames)
{
    return 1 + svi_band(frames) + LANES + 1;
}

size_t svi_lanes_cells(size_t frames)
{
    return (frames > 1 && frames <= KEPT_FRAMES ? 2 * frames : RING) * diagonal_room(frames);
}

size_t svi_lanes_places(size_t frames)
{
    return frames <= KEPT_FRAMES ? 2 * frames + 1 : 0;
}

size_t svi_lanes_bytes(size_t frames, size_t channels)
{
    return 2 * COPIES * words_of(channels) * plane_bytes(frames) + ALIGNMENT - 1;
}

/* A word of all bits of the channels that it has; those that are left out, or are not there, become 0 by it. */
static uint64_t mask_of(size_t word, size_t channels, int without)
{
    uint8_t bytes[WORD];
    uint64_t mask;
    for (size_t b = 0; b < WORD; b++)
        bytes[b] = word * WORD + b < channels && (int)(word * WORD + b) != without ? 0xff : 0;
    memcpy(&mask, bytes, sizeof mask);
    return mask;
}

/* Write a word of each frame into all copies, `step` bytes apart, as numbers without sign. */
static void lay_out(const int8_t *values, size_t frames, size_t channels, size_t word, uint64_t mask, uint8_t *out,
                    size_t copy, ptrdiff_t step)
{
    for (size_t i = 0; i < frames; i++, out += step) {
        const size_t from = i * channels + word * WORD, left = frames * channels - from;
        uint64_t whole = 0;
        /* What lies behind a frame's last word is masked; behind the last frame there is nothing. */
        if (left >= WORD)
            memcpy(&whole, values + from, WORD);
        else
            memcpy(&whole, values + from, left);
        whole = (whole ^ 0x8080808080808080u) & mask;
        for (size_t c = 0; c < COPIES; c++)
            memcpy(out + c * (copy + WORD), &whole, WORD);
    }
}

static uint8_t *aligned(uint8_t *at)
{
    return at + (ALIGNMENT - (uintptr_t)at % ALIGNMENT) % ALIGNMENT;
}

static svi_lanes_job job_of(const svi_aligner *aligner, size_t frames, size_t channels, int keeps_cells)
{
    const size_t words = words_of(channels), plane = plane_bytes(frames);
    svi_lanes_job job;
    job.rows = aligned(aligner->words);
    job.columns = job.rows + COPIES * words * plane;
    job.frames = (ptrdiff_t)frames;
    job.band = (ptrdiff_t)svi_band(frames);
    job.words = (ptrdiff_t)words;
    job.plane = (ptrdiff_t)plane;
    job.copy = (ptrdiff_t)(words * plane);
    job.room = (ptrdiff_t)diagonal_room(frames);
    job.diagonals = keeps_cells ? 2 * job.frames : RING;
    job.cells = aligner->kept;
    job.places = keeps_cells ? aligner->places : NULL;
    job.most = (uint16_t)(UNREACHED - WORST * channels);
    return job;
}

int32_t svi_lanes_align(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                        int without, int keeps_cells)
{
    const svi_lanes_job job = job_of(aligner, frames, channels, keeps_cells);
    const size_t plane = plane_bytes(frames), words = words_of(channels), copy = words * plane;
    uint8_t *rows = aligned(aligner->words), *columns = rows + COPIES * copy;
    uint16_t total;
    if (!aligner->forward || channels == 0 || (keeps_cells && frames > KEPT_FRAMES))
        return -1;
    for (size_t w = 0; w < words; w++) {
        uint64_t mask = mask_of(w, channels, without);
        lay_out(one, frames, channels, w, mask, rows + w * plane, copy, WORD);
        lay_out(other, frames, channels, w, mask, columns + w * plane + WORD * (frames - 1), copy, -WORD);
    }
    aligner->forward(&job);
    total = job.cells[(2 * job.frames - 1) % job.diagonals * job.room + 1];
    return total < job.most ? (int32_t)total : -1;
}

/* What a cell cost is what its path costs less than that of the cell it is entered from. */
void svi_lanes_walk(svi_aligner *aligner, size_t frames)
{
    const uint16_t *cells = aligner->kept;
    svi_path *path = &aligner->path;
    ptrdiff_t i = (ptrdiff_t)frames - 1, j = i;
    const int32_t *places = aligner->places + i + j; /* of the diagonals two before, one before, and this one */
    int32_t now = cells[places[2] + i], end = now; /* what the path costs here, and at the end of the row */
    path->last[i] = (int16_t)j;
    while (i > 0 || j > 0) {
        const int32_t left = cells[places[1] + i], up = cells[places[1] + i - 1], across = cells[places[0] + i - 1];
        places--;
        /* Of equals the left comes first and up last, as in alignment.c. */
        if (left <= across && left <= up) {
            now = left;
            j--;
            continue;
        }
        path->first[i] = (int16_t)j;
        if (across <= up)
            j--, places--;
        now = across <= up ? across : up;
        path->cost[i] = end - now;
        end = now;
        path->last[--i] = (int16_t)j;
    }
    path->first[0] = 0;
    path->cost[0] = end;
}
#else
typedef int svi_no_lanes; /* ISO C wants something in every file */
#endif
