/* The distance of two series where they agree best: sigverify/matching/cues/trimmed.py.
 *
 * Whole numbers up to the last division, so that the sum is Python's. */
#include "internal.h"

#define KEPT_PERCENT 62
#define SMOOTHED 9  /* frames averaged */
#define FRACTION 16 /* a frame's mean cost is rounded down to a sixteenth */

/* Sums of the mean costs of so many frames around each; beyond the ends a frame costs what the last one does. */
static void smooth_costs(svi_aligner *aligner, size_t frames)
{
    const svi_path *path = &aligner->path;
    const ptrdiff_t last = (ptrdiff_t)frames - 1, half = SMOOTHED / 2;
    int32_t sum = 0;
    for (size_t i = 0; i < frames; i++)
        path->cost[i] = FRACTION * path->cost[i] / (path->last[i] - path->first[i] + 1);
    for (ptrdiff_t i = -half; i <= half; i++)
        sum += path->cost[i < 0 ? 0 : i > last ? last : i];
    for (ptrdiff_t i = 0; i <= last; i++) {
        /* The window moves on by a frame. */
        ptrdiff_t next = i + half + 1, gone = i - half;
        aligner->smooth[i] = sum;
        sum += path->cost[next > last ? last : next] - path->cost[gone < 0 ? 0 : gone];
    }
}

/* Put the lowest `kept` numbers in front, in any order. Source: C. A. R. Hoare, "Algorithm 65: FIND", 1961. */
static void select_lowest(int32_t *values, ptrdiff_t count, ptrdiff_t kept)
{
    ptrdiff_t low = 0, high = count - 1, wanted = kept - 1;
    while (low < high) {
        ptrdiff_t i = low, j = high;
        int32_t middle = values[wanted];
        while (i <= j) {
            while (values[i] < middle)
                i++;
            while (values[j] > middle)
                j--;
            if (i <= j) {
                int32_t swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        if (j < wanted)
            low = i;
        if (i > wanted)
            high = j;
    }
}

float svi_trimmed_distance(svi_aligner *aligner, size_t frames)
{
    size_t kept = frames * KEPT_PERCENT / 100;
    int64_t lowest = 0;
    smooth_costs(aligner, frames);
    select_lowest(aligner->smooth, (ptrdiff_t)frames, (ptrdiff_t)kept);
    for (size_t i = 0; i < kept; i++)
        lowest += aligner->smooth[i];
    return (float)((double)lowest / (double)(kept * SMOOTHED * FRACTION)) / SVI_SERIES_SCALE;
}
