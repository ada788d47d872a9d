/* The cheapest alignment of two series of vectors: sigverify/matching/elastic.py.
 *
 * All in integers, so what is found is what Python finds, on every machine. Diagonal by diagonal, as there: row by row,
 * each cell would wait for the one to its left. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Cost of a cell that no path reaches: more than any path costs (8191 x 129 x 254); added to such a cost it still fits
 * 32 bits. */
#define FAR (1 << 28)

#define GROUP 4 /* diagonals whose steps share a byte: two bits each */
#define LANES 8 /* cells computed at once: what lies beyond a diagonal's end is never read */

/* The first of a step's two bits says that it is not from the left, the second that from up is cheaper than from
 * across. */
#define NOT_LEFT 1
#define NOT_ACROSS 2

static size_t larger(size_t one, size_t other)
{
    return one > other ? one : other;
}

/* Half-width of the band, a fifth of the frames. */
size_t svi_band(size_t frames)
{
    return frames / 5 > 1 ? frames / 5 : 1;
}

/* Cells (i, s - i) of diagonal `s` that lie in the square and in the band: from this i ... */
static size_t first_row(size_t frames, size_t s)
{
    size_t band = svi_band(frames), in_square = s < frames ? 0 : s - (frames - 1);
    return larger(in_square, s > band ? (s - band + 1) / 2 : 0);
}

/* ... to this one, which mirrors it. */
static size_t last_row(size_t frames, size_t s)
{
    return s - first_row(frames, s);
}

/* Bytes of the table that a group takes: the first diagonal of it has band + 1 cells at most, and each further one
 * begins no earlier and ends no more than one later. */
static size_t group_bytes(size_t frames)
{
    return svi_band(frames) + GROUP;
}

static size_t table_bytes(size_t frames)
{
    return (2 * frames / GROUP + 1) * group_bytes(frames);
}

int svi_aligner_open(const svi_shape *shape, svi_aligner *aligner)
{
    size_t frames = larger(shape->frames, shape->steps);
    size_t channels = larger(shape->channels, shape->depth);
    /* Room for one cell before the first, and for what is computed beyond the last. */
    size_t cells = frames + 1 + LANES;
    /* One block for all, the widest numbers first, so that each part is aligned. */
    size_t wide = 3 * cells + 2 * shape->frames;
    size_t half = 2 * channels * cells + cells + 2 * shape->frames, kept = 0, places = 0, words = 0;
    if (SVI_LANES) {
        places = svi_lanes_places(shape->frames);
        kept = larger(svi_lanes_cells(shape->frames), svi_lanes_cells(shape->steps));
        words = larger(svi_lanes_bytes(shape->frames, shape->channels), svi_lanes_bytes(shape->steps, shape->depth));
    }
    aligner->block = calloc(1, (wide + places) * sizeof(int32_t) + shape->size * sizeof(float) +
                                   (half + kept) * sizeof(int16_t) + table_bytes(shape->frames) + words);
    if (!aligner->block)
        return SV_NO_MEMORY;
    aligner->cells = aligner->block;
    aligner->smooth = aligner->cells + 3 * cells;
    aligner->path.cost = aligner->smooth + shape->frames;
    aligner->places = aligner->path.cost + shape->frames;
    aligner->squares = (float *)(aligner->places + places);
    aligner->rows = (int16_t *)(aligner->squares + shape->size);
    aligner->columns = aligner->rows + channels * cells;
    aligner->path.first = aligner->columns + channels * cells;
    aligner->path.last = aligner->path.first + shape->frames;
    aligner->costs = (uint16_t *)(aligner->path.last + shape->frames);
    aligner->kept = aligner->costs + cells;
    aligner->table = (uint8_t *)(aligner->kept + kept);
    aligner->words = aligner->table + table_bytes(shape->frames);
    aligner->forward = SVI_LANES ? svi_lanes_of(SVI_256_BITS) : NULL;
    return SV_OK;
}

void svi_aligner_close(svi_aligner *aligner)
{
    free(aligner->block);
    aligner->block = NULL;
}

/* Lay both out channel by channel, the second backward: along a diagonal, both are read forward. */
static void turn(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels)
{
    for (size_t i = 0; i < frames; i++)
        for (size_t c = 0; c < channels; c++) {
            aligner->rows[c * (frames + LANES) + i] = one[i * channels + c];
            aligner->columns[c * (frames + LANES) + frames - 1 - i] = other[i * channels + c];
        }
}

/* City-block distances of `cells` frames of one and of the other. Channel by channel, with the frames inside: so the
 * compiler makes vector instructions of the inner loop. */
static void frame_costs(const int16_t *rows, const int16_t *columns, size_t stride, size_t channels, int without,
                        uint16_t *restrict costs, size_t cells)
{
    memset(costs, 0, cells * sizeof *costs);
    for (size_t c = 0; c < channels; c++) {
        const int16_t *restrict one = rows + c * stride, *restrict other = columns + c * stride;
        if ((int)c == without)
            continue;
        for (size_t k = 0; k < cells; k++) {
            int16_t more = one[k] > other[k] ? one[k] : other[k], less = one[k] < other[k] ? one[k] : other[k];
            costs[k] = (uint16_t)(costs[k] + (uint16_t)(more - less));
        }
    }
}

/* Cheapest paths to the cells of a diagonal, from those before it. Cell k is entered from the left at before[k + 1],
 * from up at before[k] and from across at two_before[k]; none waits for another of the same diagonal. */
static void next_diagonal(const uint16_t *restrict costs, const int32_t *restrict before,
                          const int32_t *restrict two_before, int32_t *restrict now, size_t cells)
{
    for (size_t k = 0; k < cells; k++) {
        int32_t entry = before[k] < two_before[k] ? before[k] : two_before[k];
        entry = before[k + 1] < entry ? before[k + 1] : entry;
        now[k] = entry + costs[k];
    }
}

/* From where each of these cells is entered. Of equals the left comes first and up last: see `Paths`. */
static void find_steps(const int32_t *restrict before, const int32_t *restrict two_before, uint8_t *restrict packed,
                       int shift, size_t cells)
{
    for (size_t k = 0; k < cells; k++) {
        int32_t entry = before[k] < two_before[k] ? before[k] : two_before[k];
        int step = (before[k + 1] > entry ? NOT_LEFT : 0) | (two_before[k] > before[k] ? NOT_ACROSS : 0);
        packed[k] = (uint8_t)(packed[k] | step << shift);
    }
}

static uint8_t *group_of(const svi_aligner *aligner, size_t frames, size_t s)
{
    return aligner->table + s / GROUP * group_bytes(frames);
}

svi_step svi_step_into(const svi_aligner *aligner, size_t frames, size_t row, size_t column)
{
    size_t s = row + column, place = row - first_row(frames, s - s % GROUP);
    int step = group_of(aligner, frames, s)[place] >> 2 * (s % GROUP);
    return !(step & NOT_LEFT) ? SVI_FROM_LEFT : step & NOT_ACROSS ? SVI_FROM_UP : SVI_FROM_ACROSS;
}

/* Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978:
 * steps (1, 0), (0, 1), (1, 1), a band of a fifth of the frames either side. Diagonal by diagonal. */
int32_t svi_align(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                  int without, int keeps_steps)
{
    const size_t stride = frames + LANES, room = stride + 1, last = 2 * frames - 2;
    int32_t total = SVI_LANES && !keeps_steps ? svi_lanes_align(aligner, one, other, frames, channels, without, 0) : -1;
    /* The cell of row i stands at i + 1. */
    int32_t *now = aligner->cells, *before = now + room, *two_before = before + room;
    if (total >= 0)
        return total;
    turn(aligner, one, other, frames, channels);
    /* Nothing is reached yet but the place diagonally before the first cell, where every path begins. */
    for (size_t i = 0; i < room; i++)
        now[i] = before[i] = two_before[i] = FAR;
    two_before[0] = 0;
    for (size_t s = 0; s <= last; s++) {
        size_t low = first_row(frames, s), high = last_row(frames, s), cells = high - low + 1;
        size_t whole = (cells + LANES - 1) / LANES * LANES;
        int32_t *swap = two_before;
        frame_costs(aligner->rows + low, aligner->columns + (frames - 1 + low - s), stride, channels, without,
                    aligner->costs, whole);
        next_diagonal(aligner->costs, before + low, two_before + low, now + low + 1, whole);
        if (keeps_steps) {
            uint8_t *group = group_of(aligner, frames, s);
            if (s % GROUP == 0)
                memset(group, 0, group_bytes(frames));
            find_steps(before + low, two_before + low, group + low - first_row(frames, s - s % GROUP),
                       2 * (int)(s % GROUP), cells);
        }
        /* No path comes from outside of the band or the square. */
        now[low] = FAR;
        now[high + 2] = FAR;
        two_before = before;
        before = now;
        now = swap;
    }
    return before[frames];
}

int sv_elastic_distances(const int8_t *probe, const int8_t *references, size_t count, size_t frames, size_t channels,
                         uint32_t *costs)
{
    svi_shape shape = {frames, channels, 0, 0, 0, 0, 0};
    svi_aligner aligner;
    if (!probe || !references || !costs || frames < 1 || frames > SVI_MAX_STEPS || channels > SVI_MAX_DEPTH)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_aligner_open(&shape, &aligner));
    for (size_t i = 0; i < count; i++)
        costs[i] = (uint32_t)svi_align(&aligner, probe, references + i * frames * channels, frames, channels,
                                       SVI_NOTHING, 0);
    svi_aligner_close(&aligner);
    return SV_OK;
}
