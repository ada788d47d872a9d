/* Which samples are writing: sigverify/modality/pen/marks.py, where the rules and their numbers are explained. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* As in marks.py. */
#define SMALL 0.05     /* share of all ink that a touch has at most */
#define LONE_MS 700.0  /* a touch is at least so long apart from the name */
#define LONE_LIFTS 4.0 /* and so many times as long as the median lift */
#define FAR 0.25       /* or so far from all other ink, as share of the diagonal of its box */
#define MOST_STROKES 100 /* with more, no touch is looked for */
#define MOST_TOUCHES 8   /* that are taken off */
#define REST 0.01      /* a pen that moves by less than this share of the diagonal rests */
#define REST_MS 150.0  /* a shorter rest is part of the writing */

/* A run of ink: its first and last sample, and the length of its line. */
typedef struct stroke {
    uint32_t start, end;
    double length;
} stroke;

typedef struct strokes {
    const double *x, *y, *time;
    stroke *list; /* in the room for `numbers`: there is at most one to two samples */
    double *lifts;
    size_t count;
} strokes;

/* A stroke takes two numbers of room. */
typedef char svi_stroke_fits[sizeof(stroke) <= 2 * sizeof(double) ? 1 : -1];

static void find_strokes(const svi_workspace *at, strokes *all)
{
    double line = 0.0;
    for (size_t i = 0; i < at->count; i++) {
        int follows = i + 1 < at->count && at->ink[i + 1];
        if (i > 0 && at->ink[i])
            line += hypot(all->x[i] - all->x[i - 1], all->y[i] - all->y[i - 1]);
        /* The way to the first sample of a stroke carries no ink. */
        if ((follows && !at->ink[i]) || (i == 0 && at->ink[0])) {
            all->list[all->count].start = (uint32_t)i;
            all->list[all->count].length = line;
        }
        if (at->ink[i] && !follows) {
            stroke *ended = &all->list[all->count++];
            ended->end = (uint32_t)i;
            ended->length = line - ended->length;
        }
    }
}

typedef struct box {
    double left, right, bottom, top;
} box;

static void widen(box *around, double x, double y)
{
    around->left = fmin(around->left, x);
    around->right = fmax(around->right, x);
    around->bottom = fmin(around->bottom, y);
    around->top = fmax(around->top, y);
}

static double diagonal(const box *around)
{
    return hypot(around->right - around->left, around->top - around->bottom);
}

/* How far a point lies outside, from `low` to `high` of one axis. */
static double outside(double at, double low, double high)
{
    return fmax(fmax(low - at, at - high), 0.0);
}

/* Whether a stroke lies far from all other ink. Distances are those from the box around it, which is small. */
static int is_far(const strokes *all, size_t number)
{
    const stroke *ours = &all->list[number];
    box own = {INFINITY, -INFINITY, INFINITY, -INFINITY}, others = own;
    double limit;
    for (size_t i = ours->start; i <= ours->end; i++)
        widen(&own, all->x[i], all->y[i]);
    for (size_t k = 0; k < all->count; k++)
        for (size_t i = all->list[k].start; k != number && i <= all->list[k].end; i++)
            widen(&others, all->x[i], all->y[i]);
    limit = FAR * diagonal(&others);
    for (size_t k = 0; k < all->count; k++)
        for (size_t i = all->list[k].start; k != number && i <= all->list[k].end; i++)
            if (hypot(outside(all->x[i], own.left, own.right), outside(all->y[i], own.bottom, own.top)) <= limit)
                return 0;
    return 1;
}

static int compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static int is_small(const strokes *all, size_t number, double total)
{
    return all->list[number].length <= SMALL * total;
}

/* From the end of a stroke to the start of the next one. */
static double lift_after(const strokes *all, size_t number)
{
    return all->time[all->list[number + 1].start] - all->time[all->list[number].end];
}

/* How long the first or the last stroke must be apart from the name to be no part of it: what this hand takes from one
 * part of the name to the next says so; small strokes say nothing of that. */
static double lone_ms(const strokes *all, double total)
{
    size_t count = 0;
    for (size_t k = 0; k + 1 < all->count; k++)
        if (!is_small(all, k, total) && !is_small(all, k + 1, total))
            all->lifts[count++] = lift_after(all, k);
    if (!count)
        return LONE_MS;
    qsort(all->lifts, count, sizeof *all->lifts, compare_doubles);
    return fmax(LONE_MS, LONE_LIFTS * all->lifts[count / 2]);
}

/* The number of a stroke that is a touch; `count`: there is none. */
static size_t find_touch(const strokes *all)
{
    size_t last = all->count - 1;
    double total = 0.0, lone;
    for (size_t k = 0; k < all->count; k++)
        total += all->list[k].length;
    lone = lone_ms(all, total);
    for (size_t k = 0; k < all->count; k++) {
        if (!is_small(all, k, total))
            continue;
        if ((k == 0 && lift_after(all, 0) >= lone) || (k == last && lift_after(all, last - 1) >= lone) ||
            is_far(all, k))
            return k;
    }
    return all->count;
}

/* Each kind of place is said once. */
static void note_touch(svi_repairs *repairs, sv_repair repair)
{
    for (int i = 0; i < repairs->count; i++)
        if (repairs->list[i] == repair)
            return;
    svi_note_repair(repairs, repair);
}

void svi_mark_touches(const double *x, const double *y, const svi_workspace *at)
{
    strokes all = {x, y, at->time, (stroke *)(void *)at->numbers, at->others, 0};
    memset(at->marks, 0, at->count);
    find_strokes(at, &all);
    if (all.count > MOST_STROKES)
        return;
    /* One by one: two touches before the name stand between each other and the name. */
    for (int taken = 0; taken < MOST_TOUCHES && all.count > 1; taken++) {
        size_t touch = find_touch(&all);
        stroke *found = &all.list[touch];
        if (touch == all.count)
            return;
        note_touch(at->repairs, touch == 0               ? SV_MARK_BEFORE
                                : touch == all.count - 1 ? SV_MARK_AFTER
                                                         : SV_MARK_BETWEEN);
        memset(at->marks + found->start, 1, found->end - found->start + 1);
        memmove(found, found + 1, (all.count - 1 - touch) * sizeof *found);
        all.count--;
    }
}

static int is_near(const svi_capture *capture, size_t one, size_t other, double radius)
{
    return hypot(capture->x[one] - capture->x[other], capture->y[one] - capture->y[other]) <= radius;
}

/* Whoever rests is near after REST_MS still: if nobody is, there is no rest. */
static int rests_somewhere(const svi_capture *capture, double radius)
{
    const double *time = capture->time;
    size_t last = capture->count - 1, after = 0;
    for (size_t i = 0; i <= last; i++) {
        size_t later;
        while (after <= last && time[after] <= time[i] + REST_MS)
            after++;
        later = after < last ? after : last;
        if (time[later] - time[i] > REST_MS && is_near(capture, later, i, radius))
            return 1;
    }
    return 0;
}

size_t svi_mark_rests(const svi_capture *capture, uint8_t *marks)
{
    box whole = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    size_t last = capture->count - 1, resting = 0;
    double radius;
    memset(marks, 0, capture->count);
    for (size_t i = 0; i <= last; i++)
        widen(&whole, capture->x[i], capture->y[i]);
    radius = REST * diagonal(&whole);
    if (!rests_somewhere(capture, radius))
        return 0;
    for (size_t start = 0, end; start <= last; start = end + 1) {
        end = start;
        while (end < last && capture->ink[end + 1] && is_near(capture, end + 1, start, radius))
            end++;
        if (!(capture->time[end] - capture->time[start] > REST_MS))
            continue;
        /* At either end only the sample next to the writing stays, within it the first and the last. */
        for (size_t i = start == 0 ? 0 : start + 1; i < (end == last ? end + 1 : end); i++) {
            marks[i] = 1;
            resting++;
        }
    }
    return resting;
}
