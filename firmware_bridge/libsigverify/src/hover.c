/* Which samples hover, of a recording that does not say when the pen is down: sigverify/modality/pen/hover.py. */
#include <string.h>

#include "internal.h"

/* As in hover.py. */
#define LEAST 3     /* samples in a row without pressure */
#define MOST 0.5    /* share of the samples that hover at most */
#define LEAST_INK 7 /* samples of ink that are left */

static int is_all_ink(const uint8_t *ink, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!ink[i])
            return 0;
    return 1;
}

/* Mark runs of samples without pressure; returns how many samples these have. */
static size_t mark_runs(const double *pressure, size_t count, uint8_t *marks)
{
    size_t marked = 0, end;
    for (size_t start = 0; start < count; start = end) {
        for (end = start; end < count && pressure[end] <= 0; end++)
            continue;
        if (end - start >= LEAST) {
            memset(marks + start, 1, end - start);
            marked += end - start;
        }
        end += end == start;
    }
    return marked;
}

/* Whether a signature is left without the ways from and to samples that are marked. */
static int leaves_ink(const sv_signature *from, const uint8_t *ink, const uint8_t *marks)
{
    size_t inked = 0, first = 0;
    int extended = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (!ink[i] || marks[i] || (i > 0 && marks[i - 1]))
            continue;
        if (inked++ == 0)
            first = i;
        extended |= from->x[i] != from->x[first] || from->y[i] != from->y[first];
    }
    return inked >= LEAST_INK && extended;
}

size_t svi_mark_hover(const sv_signature *from, const uint8_t *ink, uint8_t *marks)
{
    size_t marked;
    if (!from->pressure || !is_all_ink(ink, from->count))
        return 0;
    memset(marks, 0, from->count);
    marked = mark_runs(from->pressure, from->count, marks);
    if (!marked || (double)marked > MOST * (double)from->count || !leaves_ink(from, ink, marks))
        return 0;
    return marked;
}
