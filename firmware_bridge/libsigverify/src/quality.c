/* Whether a capture is good enough: sigverify/modality/pen/assessment.py. */
#include <math.h>
#include <string.h>

#include "internal.h"

/* As in sigverify/modality/pen/assessment.py. */
#define MIN_DURATION_MS 250.0 /* less is a slip of the pen */
#define MIN_RATE_HZ 30.0      /* writing moves at up to 10 Hz or so: sampled more slowly, the strokes are guesses */
#define MAX_LOST 0.5          /* share of the ink's time that may lie in gaps between samples */
#define COMPLEXITY_FLOOR 0.3  /* less is a dash, a tick or a plain loop, which anybody can draw */
#define STEPS 25              /* points to a diagonal: fine enough for letters, too coarse for tremor */
#define TYPICAL_TURN 20.0     /* radians of turning that make a complexity of 1 - 1/e */

sv_addition svi_capture_flaw(const svi_capture *capture)
{
    if (capture->flaw != SV_TAKEN)
        return capture->flaw;
    if (svi_capture_duration(capture) < MIN_DURATION_MS)
        return SV_TOO_SHORT;
    return 1000.0 / capture->interval < MIN_RATE_HZ || capture->lost > MAX_LOST ? SV_BAD_CAPTURE : SV_TAKEN;
}

static double extent(const double *axis, size_t count)
{
    double low = axis[0], high = axis[0];
    for (size_t i = 1; i < count; i++) {
        low = fmin(low, axis[i]);
        high = fmax(high, axis[i]);
    }
    return high - low;
}

/* How much the pen turns: 1 - exp(-radians / TYPICAL_TURN). Of the ink only points are looked at that lie a STEPS-th of
 * the box's diagonal from the one before, so that neither speed nor sampling nor tremor counts. */
double svi_complexity(const svi_capture *capture)
{
    double step = hypot(extent(capture->x, capture->count), extent(capture->y, capture->count)) / STEPS;
    double turning = 0.0, at_x = capture->x[0], at_y = capture->y[0], from_x = 0.0, from_y = 0.0;
    int moves = 0;
    for (size_t i = 0; i < capture->count; i++) {
        double x = capture->x[i] - at_x, y = capture->y[i] - at_y;
        if (!(hypot(x, y) >= step))
            continue; /* not far enough from the last point that counted */
        /* The angle between this move and the one before, by their cross and dot products. */
        if (moves++ > 0)
            turning += fabs(atan2(y * from_x - x * from_y, x * from_x + y * from_y));
        from_x = x;
        from_y = y;
        at_x = capture->x[i];
        at_y = capture->y[i];
    }
    return 1 - exp(-turning / TYPICAL_TURN);
}

sv_addition svi_assess(const svi_capture *capture)
{
    sv_addition flaw = svi_capture_flaw(capture);
    if (flaw != SV_TAKEN)
        return flaw;
    return svi_complexity(capture) < COMPLEXITY_FLOOR ? SV_TOO_SIMPLE : SV_TAKEN;
}

int sv_assess(const sv_signature *signature, sv_quality *quality)
{
    svi_capture capture;
    if (!quality)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_capture_open(signature, &capture));
    memset(quality, 0, sizeof *quality);
    quality->flaw = svi_assess(&capture);
    quality->duration_ms = svi_capture_duration(&capture);
    quality->complexity = svi_complexity(&capture);
    quality->count = capture.repairs.count;
    memcpy(quality->repairs, capture.repairs.list, (size_t)quality->count * sizeof *quality->repairs);
    svi_capture_close(&capture);
    return SV_OK;
}
