/* Distances between embeddings: sigverify/matching/distances.py, elastic.py and cues.
 *
 * Elastic distances are computed in integers, so they are those of Python on every machine. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Cost of a cell that no path reaches: more than any path costs (8191 x 129 x 254); added to such a cost it still fits
 * 32 bits. */
#define FAR (1u << 28)

static size_t larger(size_t one, size_t other)
{
    return one > other ? one : other;
}

int svi_aligner_open(const svi_shape *shape, svi_aligner *aligner)
{
    size_t frames = larger(shape->frames, shape->steps);
    /* One block for all, the widest numbers first, so that each part is aligned. */
    size_t cells = larger(shape->frames * shape->channels, shape->steps * shape->depth);
    aligner->block = malloc(2 * (frames + 1) * sizeof *aligner->rows + shape->size * sizeof *aligner->squares +
                            cells * sizeof *aligner->columns + frames * sizeof *aligner->costs);
    if (!aligner->block)
        return SV_NO_MEMORY;
    aligner->rows = aligner->block;
    aligner->squares = (float *)(aligner->rows + 2 * (frames + 1));
    aligner->columns = (int16_t *)(aligner->squares + shape->size);
    aligner->costs = (uint16_t *)(aligner->columns + cells);
    return SV_OK;
}

void svi_aligner_close(svi_aligner *aligner)
{
    free(aligner->block);
    aligner->block = NULL;
}

/* City-block distances of one frame to frames `low` to `high` of the other. Channel by channel, with the frames inside:
 * so the compiler makes vector instructions of the inner loop. */
static void frame_costs(const svi_aligner *aligner, const int8_t *frame, size_t frames, size_t channels, int without,
                        size_t low, size_t high)
{
    uint16_t *restrict costs = aligner->costs;
    memset(costs + low, 0, (high - low + 1) * sizeof *costs);
    for (size_t c = 0; c < channels; c++) {
        const int16_t *restrict column = aligner->columns + c * frames;
        int16_t value = frame[c];
        if ((int)c == without)
            continue;
        for (size_t j = low; j <= high; j++) {
            int16_t difference = (int16_t)(column[j] - value);
            costs[j] = (uint16_t)(costs[j] + (difference < 0 ? -difference : difference));
        }
    }
}

/* Cheapest paths to the cells `low` to `high` of one row. Cell j stands at j + 1 of `before` and `now`, so that there
 * is a cell to the left of the first. */
static void next_row(const uint16_t *restrict costs, const uint32_t *restrict before, uint32_t *restrict now,
                     size_t low, size_t high)
{
    uint32_t best = FAR;
    /* Steps (1, 1) and (1, 0): both come from the row before, so these cells do not wait for each other. */
    for (size_t j = low; j <= high; j++)
        now[j + 1] = before[j] < before[j + 1] ? before[j] : before[j + 1];
    /* No path comes from outside on the left, where in the second row the start of all paths would still stand. */
    now[low] = FAR;
    /* Step (0, 1): from left to right, `best` is the cheapest path to the cell to the left. */
    for (size_t j = low; j <= high; j++) {
        best = (best < now[j + 1] ? best : now[j + 1]) + costs[j];
        now[j + 1] = best;
    }
}

/* Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978:
 * steps (1, 0), (0, 1), (1, 1), a band of a fifth of the frames either side. */
uint32_t svi_align(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                   int without)
{
    size_t band = frames / 5 > 1 ? frames / 5 : 1;
    uint32_t *before = aligner->rows, *now = before + frames + 1, *swap;
    /* The other, turned to lie channel by channel, as frame_costs reads it. */
    for (size_t j = 0; j < frames; j++)
        for (size_t c = 0; c < channels; c++)
            aligner->columns[c * frames + j] = other[j * channels + c];
    /* Nothing is reached yet but the place diagonally before the first cell, where every path begins. */
    for (size_t j = 0; j <= frames; j++)
        before[j] = now[j] = FAR;
    before[0] = 0;
    for (size_t i = 0; i < frames; i++) {
        size_t low = i > band ? i - band : 0, high = i + band < frames ? i + band : frames - 1;
        frame_costs(aligner, one + i * channels, frames, channels, without, low, high);
        next_row(aligner->costs, before, now, low, high);
        swap = before;
        before = now;
        now = swap;
    }
    return before[frames];
}

/* Euclidean distance, added up in numpy's order, so that float32 rounds alike. */
float svi_vector_distance(svi_aligner *aligner, const svi_shape *shape, const float *probe, const float *reference)
{
    for (size_t i = 0; i < shape->size; i++) {
        float difference = reference[i] - probe[i];
        aligner->squares[i] = difference * difference;
    }
    return sqrtf(svi_sum_f(aligner->squares, shape->size, 1));
}

/* Cost a frame, in the units before quantization. Divided in float64 and rounded once, then scaled, as numpy does. */
static float elastic_distance(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames,
                              size_t channels, int without, float scale)
{
    uint32_t cost = svi_align(aligner, one, other, frames, channels, without);
    return (float)((double)cost / (double)frames) / scale;
}

float svi_series_distance(svi_aligner *aligner, const svi_shape *shape, const sv_embedding *probe,
                          const sv_embedding *reference, int without)
{
    return elastic_distance(aligner, probe->series, reference->series, shape->frames, shape->channels, without,
                            SVI_SERIES_SCALE);
}

static float cue_distance(svi_aligner *aligner, const svi_shape *shape, svi_cue cue, const sv_embedding *probe,
                          const sv_embedding *reference, int without)
{
    switch (cue) {
    case SVI_SERIES: return svi_series_distance(aligner, shape, probe, reference, without);
    case SVI_SEQUENCE:
        if (!shape->depth) /* a network without one */
            return 0.0f;
        return elastic_distance(aligner, probe->sequence, reference->sequence, shape->steps, shape->depth,
                                SVI_NOTHING, SVI_SEQUENCE_SCALE);
    case SVI_VECTOR: return svi_vector_distance(aligner, shape, probe->vector, reference->vector);
    case SVI_EXTENT: return fabsf(logf(reference->extent / probe->extent));
    case SVI_KNOWN_CUES: break;
    }
    return 0.0f;
}

void svi_compare(svi_aligner *aligner, const svi_shape *shape, const svi_cues *cues, const sv_embedding *probe,
                 const sv_embedding *reference, int without, float *distances, float *series)
{
    int place = svi_cues_place(cues, SVI_SERIES);
    for (int i = 0; i < cues->count; i++)
        distances[i] = cue_distance(aligner, shape, cues->list[i], probe, reference, without);
    *series = place >= 0 ? distances[place] : svi_series_distance(aligner, shape, probe, reference, without);
}

int svi_has_pressure(const svi_shape *shape, const sv_embedding *embedding)
{
    for (size_t i = SVI_PRESSURE; i < shape->frames * shape->channels; i += shape->channels)
        if (embedding->series[i] != 0)
            return 1;
    return 0;
}

int sv_elastic_distances(const int8_t *probe, const int8_t *references, size_t count, size_t frames, size_t channels,
                         uint32_t *costs)
{
    svi_shape shape = {frames, channels, 0, 0, 0, 0};
    svi_aligner aligner;
    if (!probe || !references || !costs || frames < 1 || frames > SVI_MAX_STEPS || channels > SVI_MAX_DEPTH)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_aligner_open(&shape, &aligner));
    for (size_t i = 0; i < count; i++)
        costs[i] = svi_align(&aligner, probe, references + i * frames * channels, frames, channels, SVI_NOTHING);
    svi_aligner_close(&aligner);
    return SV_OK;
}
