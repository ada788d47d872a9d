/* Which samples lie where the pen never was: sigverify/modality/pen/strays.py, where the rule is explained. */
#include <string.h>

#include "internal.h"

/* As in strays.py. */
#define MOST 3          /* samples in one place that are left out, at most */
#define STEPS 4.0       /* a jump is longer than so many times all but a few steps of the ink */
#define SHARE 0.1       /* and than this share of the diagonal of the writing */
#define SUDDEN 3.0      /* and than so many times a step beside it */
#define FEW_STEPS 0.05  /* share of the steps that are "a few" */
#define FEW_PLACES 0.02 /* share of the ink at each side that is left out as the diagonal is measured */

static double square(double value)
{
    return value * value;
}

/* Squares of the steps of the ink, in `numbers`; those in a lift are 0. */
static void measure(const double *x, const double *y, const svi_workspace *at)
{
    at->numbers[0] = 0.0;
    for (size_t i = 1; i < at->count; i++)
        at->numbers[i] = at->ink[i] ? square(x[i] - x[i - 1]) + square(y[i] - y[i - 1]) : 0.0;
}

/* Copy the values from sample `first` on that have ink to `others`, and count them. */
static size_t take_ink(const double *values, const svi_workspace *at, size_t first)
{
    size_t count = 0;
    for (size_t i = first; i < at->count; i++)
        if (at->ink[i])
            at->others[count++] = values[i];
    return count;
}

/* How far most of the ink spreads along an axis. */
static double spread(const double *values, const svi_workspace *at)
{
    size_t count = take_ink(values, at, 0), few = (size_t)(FEW_PLACES * (double)count);
    double high = svi_select(at->others, count, count - 1 - few);
    return high - svi_select(at->others, count, few);
}

/* The square of the length beyond which a step is a jump. */
static double limit_of(const double *x, const double *y, const svi_workspace *at)
{
    size_t count = take_ink(at->numbers, at, 1), few = (size_t)(FEW_STEPS * (double)count);
    double usual = svi_select(at->others, count, count - 1 - few);
    double diagonal = square(spread(x, at)) + square(spread(y, at));
    double by_steps = STEPS * STEPS * usual, by_share = SHARE * SHARE * diagonal;
    return by_steps > by_share ? by_steps : by_share;
}

/* Whether a step goes on from another one, to sample `i`, in the same stroke. */
static int has_before(const svi_workspace *at, size_t i)
{
    return i > 1 && at->ink[i - 1];
}

static int has_after(const svi_workspace *at, size_t i)
{
    return i + 1 < at->count && at->ink[i + 1];
}

/* Whether the step to sample `i` is long, and comes out of nothing: a hand hurries step by step. */
static int is_sudden(const svi_workspace *at, size_t i, double limit)
{
    const double step = at->numbers[i], much = SUDDEN * SUDDEN;
    if (!at->ink[i] || !(step > limit))
        return 0;
    return (has_before(at, i) && much * at->numbers[i - 1] < step) ||
           (has_after(at, i) && much * at->numbers[i + 1] < step);
}

/* So is one to the second sample of a stroke, or from the last but one, when that lies in a wrong place. */
static int is_jump(const svi_workspace *at, size_t i, double limit)
{
    if (is_sudden(at, i, limit))
        return 1;
    if (!at->ink[i] || !(at->numbers[i] > limit) || has_before(at, i) == has_after(at, i))
        return 0;
    return has_after(at, i) ? is_sudden(at, i + 1, limit) : is_sudden(at, i - 1, limit);
}

/* Behind the part of a stroke that begins with sample `start`: up to a jump, or to the stroke's end. */
static size_t part_end(const svi_workspace *at, size_t start, size_t stroke_end, double limit)
{
    size_t end = start + 1;
    while (end < stroke_end && !is_jump(at, end, limit))
        end++;
    return end;
}

/* Whether a part goes on in long steps: such a one was written. */
static int is_hurried(const svi_workspace *at, size_t start, size_t end, double limit)
{
    for (size_t i = start + 1; i < end; i++)
        if (at->numbers[i] > limit)
            return 1;
    return 0;
}

/* Mark the small parts of a stroke, if there is a larger one; returns how many samples these have. */
static size_t mark_small(const svi_workspace *at, size_t stroke_start, size_t stroke_end, double limit)
{
    size_t largest = 0, marked = 0, end;
    for (size_t start = stroke_start; start < stroke_end; start = end) {
        end = part_end(at, start, stroke_end, limit);
        largest = end - start > largest ? end - start : largest;
    }
    for (size_t start = stroke_start; start < stroke_end; start = end) {
        end = part_end(at, start, stroke_end, limit);
        if (end - start <= MOST && end - start < largest && !is_hurried(at, start, end, limit)) {
            memset(at->marks + start, 1, end - start);
            marked += end - start;
        }
    }
    return marked;
}

int svi_has_ink(const double *x, const double *y, const svi_workspace *at, size_t least)
{
    size_t inked = 0, first = 0;
    int extended = 0;
    for (size_t i = 0; i < at->count; i++) {
        if (!at->ink[i] || at->marks[i])
            continue;
        if (inked++ == 0)
            first = i;
        extended |= x[i] != x[first] || y[i] != y[first];
    }
    return inked >= least && extended;
}

size_t svi_mark_strays(const double *x, const double *y, const svi_workspace *at)
{
    size_t marked = 0, end;
    double limit;
    memset(at->marks, 0, at->count);
    measure(x, y, at);
    limit = limit_of(x, y, at);
    for (size_t start = 0; start < at->count; start = end) {
        /* The way to the first sample of a stroke carries no ink. */
        for (end = start + 1; end < at->count && at->ink[end]; end++)
            continue;
        marked += mark_small(at, start, end, limit);
    }
    return marked && svi_has_ink(x, y, at, 1) ? marked : 0;
}
