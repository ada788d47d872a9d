/* From a capture to functions of time: sigverify/modality/pen/features.py, operation by operation.
 *
 * Every intermediate result is rounded to float32 where numpy rounds it, and nothing may be contracted to fused
 * multiply-adds (-ffp-contract=off), so that the network is given the same bytes as by Python. */
#include <float.h>
#include <math.h>

#include "internal.h"

#if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2)
#error "float is computed with more digits than it has: on 32-bit x86 add -msse2 -mfpmath=sse"
#endif

#define TINY 1e-6f /* keeps a division by a speed or a deviation of 0 from giving infinity */
#define CLIP 4.0f  /* standard deviations, so that int8 has a known range */
#define MIDDLE_SPEED 0.05f /* at which the pace is 0 */

typedef float frames[SV_FRAMES];

enum { DX, DY, SPEED, COS, SIN, ACCELERATION, PRESSURE, X, Y, INK, TURN, PACE };

/* One axis at the times of `grid`. */
static void resample(const svi_capture *from, const double *axis, const double *grid, double *out)
{
    svi_resample(from->time, axis, from->count, grid, SV_FRAMES, out);
}

/* The segment that a grid point lies in carries ink when the sample at its end does. */
static void resample_ink(const svi_capture *from, const double *grid, float *out)
{
    size_t at = 0, last = from->count - 1; /* 0 where touches were all but one sample */
    for (size_t i = 0; i < SV_FRAMES; i++) {
        size_t end;
        while (at <= last && from->time[at] < grid[i])
            at++;
        end = at < 1 ? 1 : at;
        out[i] = from->ink[end < last ? end : last] ? 1.0f : 0.0f;
    }
}

/* Subtract the mean. Added up one after the other, as numpy adds along the first of two axes. */
static void center(double *axis)
{
    double total = 0.0;
    for (int i = 0; i < SV_FRAMES; i++)
        total += axis[i];
    total /= SV_FRAMES;
    for (int i = 0; i < SV_FRAMES; i++)
        axis[i] -= total;
}

/* Center on the ink and scale to a root-mean-square radius of 1. */
static void unit_radius(double *x, double *y, float *unit_x, float *unit_y)
{
    double squares[SV_FRAMES], largest = 0.0, smallest, radius;
    for (int i = 0; i < SV_FRAMES; i++)
        largest = fmax(largest, fmax(fabs(x[i]), fabs(y[i])));
    center(x);
    center(y);
    for (int i = 0; i < SV_FRAMES; i++)
        squares[i] = x[i] * x[i] + y[i] * y[i];
    radius = sqrt(svi_sum_d(squares, SV_FRAMES) / SV_FRAMES);
    /* Ink of no extent beside its distance from the origin is rounding: it is not blown up. */
    smallest = 1e-6 * largest + DBL_MIN;
    radius = radius > smallest ? radius : smallest;
    for (int i = 0; i < SV_FRAMES; i++) {
        unit_x[i] = (float)(x[i] / radius);
        unit_y[i] = (float)(y[i] / radius);
    }
}

static void scale_pressure(const svi_capture *from, const double *grid, float *out)
{
    double values[SV_FRAMES], most = 0.0;
    for (size_t i = 0; i < from->count; i++)
        most = fmax(most, from->pressure[i]);
    resample(from, from->pressure, grid, values);
    for (int i = 0; i < SV_FRAMES; i++)
        out[i] = most > 0 ? (float)(values[i] / most) : 0.0f;
}

/* Per-frame slope by central differences, one-sided at the ends. */
static void slope(const float *values, float *out)
{
    const int last = SV_FRAMES - 1;
    float before = 2 * values[0] - values[1], after = 2 * values[last] - values[last - 1];
    out[0] = (values[1] - before) / 2;
    for (int i = 1; i < last; i++)
        out[i] = (values[i + 1] - values[i - 1]) / 2;
    out[last] = (after - values[last - 1]) / 2;
}

/* Mean 0 and deviation 1; what does not vary becomes 0. */
static void standardize(float *values)
{
    float squares[SV_FRAMES], mean = svi_sum_f(values, SV_FRAMES) / SV_FRAMES, deviation;
    for (int i = 0; i < SV_FRAMES; i++) {
        values[i] -= mean;
        squares[i] = values[i] * values[i];
    }
    deviation = sqrtf(svi_sum_f(squares, SV_FRAMES) / SV_FRAMES);
    for (int i = 0; i < SV_FRAMES; i++)
        values[i] = deviation > TINY ? values[i] / deviation : 0.0f;
}

static void directions(frames *f)
{
    for (int i = 0; i < SV_FRAMES; i++) {
        double dx = f[DX][i], dy = f[DY][i];
        f[SPEED][i] = (float)sqrt(dx * dx + dy * dy);
        f[COS][i] = f[DX][i] / (f[SPEED][i] + TINY);
        f[SIN][i] = f[DY][i] / (f[SPEED][i] + TINY);
    }
}

/* Change of the direction, without the jump that its angle would have at 180 degrees. */
static void turning(frames *f)
{
    frames of_sin, of_cos;
    slope(f[SIN], of_sin);
    slope(f[COS], of_cos);
    for (int i = 0; i < SV_FRAMES; i++)
        f[TURN][i] = f[COS][i] * of_sin[i] - f[SIN][i] * of_cos[i];
}

/* The speed itself, squeezed into +-2; near the middle speed it is a logarithm. */
static void pacing(frames *f)
{
    for (int i = 0; i < SV_FRAMES; i++)
        f[PACE][i] = 2 * (f[SPEED][i] - MIDDLE_SPEED) / (f[SPEED][i] + MIDDLE_SPEED);
}

static void trace(const svi_capture *from, frames *f)
{
    double grid[SV_FRAMES], x[SV_FRAMES], y[SV_FRAMES];
    svi_spread(from->time[0], from->time[from->count - 1], grid, SV_FRAMES);
    resample(from, from->x, grid, x);
    resample(from, from->y, grid, y);
    unit_radius(x, y, f[X], f[Y]);
    scale_pressure(from, grid, f[PRESSURE]);
    resample_ink(from, grid, f[INK]);
}

static float clip(float value)
{
    return value < -CLIP ? -CLIP : value > CLIP ? CLIP : value;
}

void svi_features(const svi_capture *capture, float *values)
{
    frames f[SV_CHANNELS];
    /* Place, pressure and ink, evenly in time; then what the pen does there. */
    trace(capture, f);
    slope(f[X], f[DX]);
    slope(f[Y], f[DY]);
    directions(f);
    slope(f[SPEED], f[ACCELERATION]);
    turning(f);
    pacing(f);
    /* Ink is +-1 and the pace within +-2, the others of mean 0 and deviation 1, so that all weigh alike. */
    for (int i = 0; i < SV_FRAMES; i++)
        f[INK][i] = 2 * f[INK][i] - 1;
    for (int c = 0; c < SV_CHANNELS; c++)
        if (c != INK && c != PACE)
            standardize(f[c]);
    for (int i = 0; i < SV_FRAMES; i++)
        for (int c = 0; c < SV_CHANNELS; c++)
            values[i * SV_CHANNELS + c] = clip(f[c][i]);
}

int sv_features(const sv_signature *signature, float *values)
{
    svi_capture capture;
    if (!values)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_capture_open(signature, &capture));
    svi_features(&capture, values);
    svi_capture_close(&capture);
    return SV_OK;
}
