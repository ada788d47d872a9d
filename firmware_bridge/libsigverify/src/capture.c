/* From the samples of a pen to those that count: checked, hover dropped, the time axis repaired.
 *
 * As in sigverify/modality/pen: signature.py has the checks and their reasons, repaired.py the repair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MIN_SAMPLES 8
#define MAX_COORDINATE 1e9   /* the largest that float32 arithmetic on differences survives */
#define MIN_STEP_MS 1e-6     /* no clock has finer steps than a nanosecond: a shorter one is none */
#define ASSUMED_STEP_MS 10.0 /* where no step is usable: most tablets sample at 100 Hz */

static int is_ink(const sv_signature *signature, size_t index)
{
    return !signature->pen_down || signature->pen_down[index];
}

/* Finite, and not larger than MAX_COORDINATE; of stamps only their extent counts, as they may start anywhere. */
static int in_range(const double *values, size_t count, int extent_only)
{
    double low = values[0], high = values[0];
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return 0;
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    if (extent_only)
        return high - low <= MAX_COORDINATE;
    return fabs(low) <= MAX_COORDINATE && fabs(high) <= MAX_COORDINATE;
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
    if (!in_range(signature->x, signature->count, 0) || !in_range(signature->y, signature->count, 0) ||
        !in_range(signature->time_ms, signature->count, 1))
        return 0;
    if (signature->pressure) {
        if (!in_range(signature->pressure, signature->count, 0))
            return 0;
        for (size_t i = 0; i < signature->count; i++)
            if (signature->pressure[i] < 0)
                return 0;
    }
    return has_ink_with_extent(signature);
}

/* The median of the usable steps. */
static double usual_step(const sv_signature *signature, double *scratch)
{
    size_t usable = 0;
    for (size_t i = 1; i < signature->count; i++) {
        double step = signature->time_ms[i] - signature->time_ms[i - 1];
        if (step >= MIN_STEP_MS && step <= SVI_MAX_GAP_MS)
            scratch[usable++] = step;
    }
    return usable ? svi_median(scratch, usable) : ASSUMED_STEP_MS;
}

/* Samples that write, and those from which an ink segment starts, on the repaired time axis. */
static void keep(const sv_signature *from, svi_capture *capture)
{
    double usual = usual_step(from, capture->scratch), time = 0.0;
    for (size_t i = 0; i < from->count; i++) {
        if (i > 0) {
            double step = from->time_ms[i] - from->time_ms[i - 1];
            /* A step backwards or of nothing: the sample was taken, its stamp is wrong. */
            time += step >= MIN_STEP_MS ? (step < SVI_MAX_GAP_MS ? step : SVI_MAX_GAP_MS) : usual;
        }
        if (!is_ink(from, i) && !(i + 1 < from->count && is_ink(from, i + 1)))
            continue;
        capture->time[capture->count] = time;
        capture->x[capture->count] = from->x[i];
        capture->y[capture->count] = from->y[i];
        capture->pressure[capture->count] = from->pressure ? from->pressure[i] : 0.0;
        capture->ink[capture->count++] = (uint8_t)is_ink(from, i);
    }
}

int svi_capture_open(const sv_signature *signature, svi_capture *capture)
{
    size_t room;
    memset(capture, 0, sizeof *capture);
    if (!signature)
        return SV_CONFIG_ERROR;
    if (!is_signature(signature))
        return SV_INVALID_SIGNATURE;
    /* One block: five arrays of doubles, then the bytes. */
    room = signature->count + 1;
    capture->block = malloc(room * (5 * sizeof(double) + 1));
    if (!capture->block)
        return SV_NO_MEMORY;
    capture->time = capture->block;
    capture->x = capture->time + room;
    capture->y = capture->x + room;
    capture->pressure = capture->y + room;
    capture->scratch = capture->pressure + room;
    capture->ink = (uint8_t *)(capture->scratch + room);
    keep(signature, capture);
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
