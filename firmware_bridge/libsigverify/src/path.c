/* The path of the cheapest alignment, walked back from its end: sigverify/matching/elastic.py. */
#include <stdlib.h>

#include "internal.h"

/* What a cell costs. Computed again: the few cells of the path are not worth a table of all. */
static int32_t cell_cost(const int8_t *one, const int8_t *other, size_t channels, int without)
{
    int32_t cost = 0;
    for (size_t c = 0; c < channels; c++)
        if ((int)c != without)
            cost += abs(one[c] - other[c]);
    return cost;
}

void svi_find_path(svi_aligner *aligner, const int8_t *one, const int8_t *other, size_t frames, size_t channels,
                   int without)
{
    svi_path *path = &aligner->path;
    size_t i = frames - 1, j = frames - 1;
    if (SVI_LANES) {
        path->total = svi_lanes_align(aligner, one, other, frames, channels, without, 1);
        if (path->total >= 0) {
            svi_lanes_walk(aligner, frames);
            return;
        }
    }
    path->total = svi_align(aligner, one, other, frames, channels, without, 1);
    path->last[i] = (int16_t)j;
    path->cost[i] = 0;
    for (;;) {
        svi_step step;
        path->first[i] = (int16_t)j; /* until one further left is found */
        path->cost[i] += cell_cost(one + i * channels, other + j * channels, channels, without);
        if (i == 0 && j == 0)
            return;
        step = svi_step_into(aligner, frames, i, j);
        if (step != SVI_FROM_UP)
            j--;
        if (step != SVI_FROM_LEFT) {
            i--;
            path->last[i] = (int16_t)j;
            path->cost[i] = 0;
        }
    }
}

int sv_align(const int8_t *probe, const int8_t *references, size_t count, size_t frames, size_t channels,
             uint32_t *totals, int16_t *first, int16_t *last, int32_t *cost)
{
    svi_shape shape = {frames, channels, 0, 0, 0, 0, 0};
    svi_aligner aligner;
    if (!probe || !references || !totals || !first || !last || !cost || frames < 1 || frames > SVI_MAX_STEPS ||
        channels > SVI_MAX_DEPTH)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_aligner_open(&shape, &aligner));
    for (size_t i = 0; i < count; i++) {
        /* Found where they are wanted, instead of in the aligner's own room. */
        aligner.path.first = first + i * frames;
        aligner.path.last = last + i * frames;
        aligner.path.cost = cost + i * frames;
        svi_find_path(&aligner, probe, references + i * frames * channels, frames, channels, SVI_NOTHING);
        totals[i] = (uint32_t)aligner.path.total;
    }
    svi_aligner_close(&aligner);
    return SV_OK;
}
