/* From the samples of a pen to those that count: checked, the time axis mended, touches, rests and hover dropped.
 *
 * As in sigverify/modality/pen: signature.py has the checks and their reasons, repaired.py the repair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MIN_SAMPLES 8
#define MAX_COORDINATE 1e9   /* the largest that float32 arithmetic on differences survives */
#define MAX_STAMP 1e20       /* nanoseconds since 1970 are below 2e18, and sums of steps stay finite */
#define LOST_PRESSURE 0.1    /* share of the ink that may have no pressure */
#define CLIPPED_PRESSURE 0.45 /* share of the ink that may have the largest pressure of all */
#define STEADY_PRESSURE 0.025 /* standard deviation, of the mean, of pressure that says nothing */

static int is_ink(const sv_signature *signature, size_t index)
{
    return !signature->pen_down || signature->pen_down[index];
}

/* Finite, and no larger than `most`. */
static int in_range(const double *values, size_t count, double most)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(values[i]) <= most))
            return 0;
    return 1;
}

static int has_ink_with_extent(const sv_signature *signature)
{
    size_t inked = 0, first = 0;
    int extended = 0;
    for (size_t i = 0; i < signature->count; i++) {
        if (signature->pen_down && signature->pen_down[i] > 1)
            return 0;
        if (!is_ink(signature, i))
            continue;
        if (inked++ == 0)
            first = i;
        extended |= signature->x[i] != signature->x[first] || signature->y[i] != signature->y[first];
    }
    return inked >= MIN_SAMPLES - 1 && extended;
}

static int is_signature(const sv_signature *signature)
{
    if (signature->count < MIN_SAMPLES || signature->count > SV_MAX_SAMPLES)
        return 0;
    if (!signature->x || !signature->y || !signature->time_ms)
        return 0;
    if (!in_range(signature->x, signature->count, MAX_COORDINATE) ||
        !in_range(signature->y, signature->count, MAX_COORDINATE) ||
        !in_range(signature->time_ms, signature->count, MAX_STAMP))
        return 0;
    if (signature->pressure) {
        if (!in_range(signature->pressure, signature->count, MAX_COORDINATE))
            return 0;
        for (size_t i = 0; i < signature->count; i++)
            if (signature->pressure[i] < 0)
                return 0;
    }
    return has_ink_with_extent(signature);
}

/* Share of the ink's time in steps longer than SVI_MAX_GAP_MS. */
static double lost_share(const svi_workspace *at)
{
    double total = 0.0, gaps = 0.0;
    for (size_t i = 1; i < at->count; i++) {
        double step = at->time[i] - at->time[i - 1];
        if (!at->ink[i])
            continue;
        total += step;
        if (step > SVI_MAX_GAP_MS)
            gaps += step;
    }
    return total > 0 ? gaps / total : 0.0;
}

/* Keep what writes, and the samples that lines start from, without touches. */
static void keep_writing(const sv_signature *from, const uint8_t *touches, svi_capture *capture)
{
    /* What is kept is written where nothing is read any more. */
    for (size_t i = 0; i < from->count; i++) {
        const uint8_t ink = capture->ink[i];
        if (touches[i] || !(ink || (i + 1 < from->count && capture->ink[i + 1])))
            continue;
        capture->time[capture->count] = capture->time[i];
        capture->x[capture->count] = from->x[i];
        capture->y[capture->count] = from->y[i];
        capture->pressure[capture->count] = from->pressure ? from->pressure[i] : 0.0;
        capture->ink[capture->count++] = ink;
    }
}

static void drop_rests(svi_capture *capture, uint8_t *marks)
{
    size_t resting = svi_mark_rests(capture, marks), kept = 0;
    if (resting)
        svi_note_repair(&capture->repairs, SV_PEN_RESTED);
    if (capture->count < resting + 2) /* two samples are the least that a line needs */
        return;
    for (size_t i = 0; i < capture->count; i++) {
        if (marks[i])
            continue;
        capture->time[kept] = capture->time[i];
        capture->x[kept] = capture->x[i];
        capture->y[kept] = capture->y[i];
        capture->pressure[kept] = capture->pressure[i];
        capture->ink[kept++] = capture->ink[i];
    }
    capture->count = kept;
}

/* Whether pressure hardly varies: standardized, as it is compared, it would be noise. Added up as in Python. */
static int is_steady(const svi_capture *capture, size_t written)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < capture->count; i++)
        if (capture->ink[i])
            sum += capture->pressure[i];
    double mean = sum / (double)written, most = STEADY_PRESSURE * mean;
    for (size_t i = 0; i < capture->count; i++)
        if (capture->ink[i]) {
            double away = capture->pressure[i] - mean;
            squares += away * away;
        }
    return squares / (double)written < most * most;
}

/* Pressure that varies, is there throughout and is not cut off: 1. Any other becomes 0, as where there is none. */
static int check_pressure(svi_capture *capture)
{
    double low = INFINITY, high = -INFINITY;
    size_t written = 0, lost = 0, clipped = 0;
    for (size_t i = 0; i < capture->count; i++)
        if (capture->ink[i]) {
            low = fmin(low, capture->pressure[i]);
            high = fmax(high, capture->pressure[i]);
            lost += capture->pressure[i] <= 0;
            written++;
        }
    for (size_t i = 0; i < capture->count; i++)
        clipped += capture->ink[i] && capture->pressure[i] == high;
    if (written && high - low != 0 && !((double)lost > LOST_PRESSURE * (double)written) &&
        !((double)clipped > CLIPPED_PRESSURE * (double)written) && !is_steady(capture, written))
        return 1;
    memset(capture->pressure, 0, capture->count * sizeof *capture->pressure);
    return 0;
}

/* Let gaps between kept samples be no longer than SVI_MAX_GAP_MS. */
static void shorten(svi_capture *capture)
{
    double before = capture->time[0], time = 0.0;
    capture->time[0] = 0.0;
    for (size_t i = 1; i < capture->count; i++) {
        double step = capture->time[i] - before;
        before = capture->time[i];
        time += step < SVI_MAX_GAP_MS ? step : SVI_MAX_GAP_MS;
        capture->time[i] = time;
    }
}

void svi_note_repair(svi_repairs *repairs, sv_repair repair)
{
    repairs->list[repairs->count++] = repair;
}

static void repair(const sv_signature *from, const svi_workspace *at, svi_capture *capture)
{
    capture->flaw = svi_clock_flaw(from->time_ms, at);
    capture->interval = svi_clock_mend(from->time_ms, at);
    capture->lost = lost_share(at);
    svi_mark_touches(from->x, from->y, at);
    keep_writing(from, at->marks, capture);
    drop_rests(capture, at->marks);
    if (!check_pressure(capture) && from->pressure)
        svi_note_repair(&capture->repairs, SV_PRESSURE_LOST);
    shorten(capture);
}

/* Take the ways from and to samples that hover out of the ink, where nobody said when the pen is down. */
static void drop_hover(const sv_signature *from, const svi_workspace *at, svi_capture *capture)
{
    if (!svi_mark_hover(from, at))
        return;
    svi_note_repair(&capture->repairs, SV_HOVER_UNSAID);
    for (size_t i = 0; i < from->count; i++)
        capture->ink[i] = capture->ink[i] && !at->marks[i];
}

/* Copy the samples that are not marked; the caller frees `rest->x`. A stroke begins with its first sample in a right
 * place: the way to it carries no ink. */
static int without_strays(const sv_signature *from, const uint8_t *written, const uint8_t *strays, sv_signature *rest)
{
    double *columns = malloc(from->count * (4 * sizeof(double) + 1));
    uint8_t *ink = (uint8_t *)(columns + 4 * from->count);
    size_t count = 0;
    int begins = 0;
    if (!columns)
        return SV_NO_MEMORY;
    for (size_t i = 0; i < from->count; i++) {
        begins |= !written[i];
        if (strays[i]) {
            begins |= i == 0;
            continue;
        }
        columns[count] = from->x[i];
        columns[from->count + count] = from->y[i];
        columns[2 * from->count + count] = from->time_ms[i];
        columns[3 * from->count + count] = from->pressure ? from->pressure[i] : 0.0;
        ink[count++] = written[i] && !begins;
        begins = 0;
    }
    *rest = (sv_signature){count,
                           columns,
                           columns + from->count,
                           columns + 2 * from->count,
                           from->pressure ? columns + 3 * from->count : NULL,
                           ink};
    return SV_OK;
}

/* Repair a recording some of whose samples lie where the pen never was: they are marked in the workspace. */
static int repair_without_strays(const sv_signature *from, svi_workspace *at, svi_capture *capture)
{
    sv_signature rest;
    int status = without_strays(from, at->ink, at->marks, &rest);
    if (status)
        return status;
    svi_note_repair(&capture->repairs, SV_STRAY_POSITION);
    memcpy(capture->ink, rest.pen_down, rest.count);
    at->count = rest.count;
    repair(&rest, at, capture);
    free((void *)rest.x);
    return SV_OK;
}

int svi_capture_open(const sv_signature *signature, svi_capture *capture)
{
    svi_workspace workspace;
    size_t room;
    memset(capture, 0, sizeof *capture);
    if (!signature)
        return SV_CONFIG_ERROR;
    if (!is_signature(signature))
        return SV_INVALID_SIGNATURE;
    /* One block: four arrays of doubles, then two of bytes. */
    room = signature->count + 1;
    capture->block = malloc(room * (4 * sizeof(double) + 2));
    if (!capture->block)
        return SV_NO_MEMORY;
    capture->time = capture->block;
    capture->x = capture->time + room;
    capture->y = capture->x + room;
    capture->pressure = capture->y + room;
    capture->ink = (uint8_t *)(capture->pressure + room);
    for (size_t i = 0; i < signature->count; i++)
        capture->ink[i] = (uint8_t)is_ink(signature, i);
    /* Until positions are kept, their room is for whatever a repair needs. */
    workspace = (svi_workspace){signature->count, capture->ink, capture->time, capture->x, capture->y,
                                capture->ink + room,  &capture->repairs};
    drop_hover(signature, &workspace, capture);
    if (svi_mark_strays(signature->x, signature->y, &workspace)) {
        int status = repair_without_strays(signature, &workspace, capture);
        if (status)
            svi_capture_close(capture);
        return status;
    }
    repair(signature, &workspace, capture);
    return SV_OK;
}

void svi_capture_close(svi_capture *capture)
{
    free(capture->block);
    capture->block = NULL;
}

double svi_capture_duration(const svi_capture *capture)
{
    return capture->time[capture->count - 1] - capture->time[0];
}
