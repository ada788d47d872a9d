/* How fast a signature is written for its size: sigverify/modality/pen/tempo.py. */
#include <math.h>

#include "internal.h"

enum { INK = 2, PACE = 4 }; /* channels of the detail */

#define FULL 64    /* a pace of 2, which stands for a speed without end, in stored units */
#define FASTEST 63 /* the largest pace that has a speed */

/* Logarithm of the length of ink over the duration, but for a constant. */
static double tempo(const sv_embedding *embedding)
{
    double speed[SV_DETAIL_FRAMES], length;
    for (int i = 0; i < SV_DETAIL_FRAMES; i++) {
        const int8_t *detail = embedding->detail + i * SV_DETAIL_CHANNELS;
        int pace = detail[PACE] > FASTEST ? FASTEST : detail[PACE] < -FASTEST ? -FASTEST : detail[PACE];
        speed[i] = detail[INK] > 0 ? (double)(FULL + pace) / (FULL - pace) : 0.0;
    }
    length = svi_sum_d(speed, SV_DETAIL_FRAMES);
    return log(fmax(length, 1.0) / (double)embedding->extent);
}

float svi_tempo_difference(const sv_embedding *probe, const sv_embedding *reference)
{
    return (float)(tempo(probe) - tempo(reference));
}
