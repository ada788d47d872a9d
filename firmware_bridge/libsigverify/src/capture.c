/* From the samples a pen gave to those that count: checked, hover dropped, the time axis repaired.
 * sigverify/modality/pen/signature.py (checks) and sigverify/modality/pen/features.py (repair) say why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MIN_SAMPLES 8
#define MAX_COORDINATE 1e9
#define MIN_STEP_MS 1e-6

static int is_ink(const sv_signature *signature, size_t index)
{
    return !signature->pen_down || signature->pen_down[index];
}

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

static int is_signature(const sv_signature *its)
{
    if (its->count < MIN_SAMPLES || its->count > SV_MAX_SAMPLES || !its->x || !its->y || !its->time_ms)
        return 0;
    if (!in_range(its->x, its->count, 0) || !in_range(its->y, its->count, 0) ||
        !in_range(its->time_ms, its->count, 1))
        return 0;
    if (its->pressure) {
        if (!in_range(its->pressure, its->count, 0))
            return 0;
        for (size_t i = 0; i < its->count; i++)
            if (its->pressure[i] < 0)
                return 0;
    }
    return has_ink_with_extent(its);
}

/* The median of the usable steps, or 10 ms. */
static double usual_step(const sv_signature *signature, double *scratch)
{
    size_t usable = 0;
    for (size_t i = 1; i < signature->count; i++) {
        double step = signature->time_ms[i] - signature->time_ms[i - 1];
        if (step >= MIN_STEP_MS && step <= SVI_MAX_GAP_MS)
            scratch[usable++] = step;
    }
    return usable ? svi_median(scratch, usable) : 10.0;
}

/* Samples that write, and those from which an ink segment starts, on the repaired time axis. */
static void keep(const sv_signature *from, svi_capture *its)
{
    double usual = usual_step(from, its->scratch), time = 0.0;
    for (size_t i = 0; i < from->count; i++) {
        if (i > 0) {
            double step = from->time_ms[i] - from->time_ms[i - 1];
            time += step >= MIN_STEP_MS ? (step < SVI_MAX_GAP_MS ? step : SVI_MAX_GAP_MS) : usual;
        }
        if (!is_ink(from, i) && !(i + 1 < from->count && is_ink(from, i + 1)))
            continue;
        its->time[its->count] = time;
        its->x[its->count] = from->x[i];
        its->y[its->count] = from->y[i];
        its->pressure[its->count] = from->pressure ? from->pressure[i] : 0.0;
        its->ink[its->count++] = (uint8_t)is_ink(from, i);
    }
}

int svi_capture_open(const sv_signature *signature, svi_capture *its)
{
    size_t room;
    memset(its, 0, sizeof *its);
    if (!signature)
        return SV_CONFIG_ERROR;
    if (!is_signature(signature))
        return SV_INVALID_SIGNATURE;
    room = signature->count + 1;
    its->block = malloc(room * (5 * sizeof(double) + 1));
    if (!its->block)
        return SV_NO_MEMORY;
    its->time = its->block;
    its->x = its->time + room;
    its->y = its->x + room;
    its->pressure = its->y + room;
    its->scratch = its->pressure + room;
    its->ink = (uint8_t *)(its->scratch + room);
    keep(signature, its);
    return SV_OK;
}

void svi_capture_close(svi_capture *its)
{
    free(its->block);
    its->block = NULL;
}

double svi_capture_duration(const svi_capture *its)
{
    return its->time[its->count - 1] - its->time[0];
}
