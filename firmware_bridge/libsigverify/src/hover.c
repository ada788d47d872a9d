/* Which samples hover, of a recording that does not say when the pen is down: sigverify/modality/pen/hover.py. */
#include <string.h>

#include "internal.h"

/* As in hover.py. */
#define LEAST 3     /* samples in a row without pressure */
#define MOST 0.5    /* share of the samples that hover at most */
#define LEAST_INK 7 /* samples of ink that are left */

static int is_all_ink(const svi_workspace *at)
{
    for (size_t i = 1; i < at->count; i++)
        if (!at->ink[i])
            return 0;
    return 1;
}

/* Mark runs of samples without pressure, and the sample after each, to which no ink leads either; returns how many
 * samples the runs have. */
static size_t mark_runs(const double *pressure, const svi_workspace *at)
{
    size_t hovering = 0, end;
    for (size_t start = 0; start < at->count; start = end + 1) {
        for (end = start; end < at->count && pressure[end] <= 0; end++)
            continue;
        if (end - start < LEAST)
            continue;
        memset(at->marks + start, 1, (end < at->count ? end + 1 : end) - start);
        hovering += end - start;
    }
    return hovering;
}

int svi_mark_hover(const sv_signature *from, const svi_workspace *at)
{
    size_t hovering;
    if (!from->pressure || !is_all_ink(at))
        return 0;
    memset(at->marks, 0, at->count);
    hovering = mark_runs(from->pressure, at);
    return hovering && !((double)hovering > MOST * (double)at->count) && svi_has_ink(from->x, from->y, at, LEAST_INK);
}
