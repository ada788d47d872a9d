/* What a loaded libsigverify computes of scrawls of arithmetic: functions of time, bit by bit, and costs of alignments. */
#include <math.h>
#include <sigverify.h>
#include <stdio.h>

#define SAMPLES 150
#define WRITERS 3

int main(void)
{
    static float values[WRITERS][SV_FRAMES * SV_CHANNELS];
    static int8_t stored[WRITERS][SV_FRAMES * SV_CHANNELS];
    double x[SAMPLES], y[SAMPLES], time_ms[SAMPLES], pressure[SAMPLES];
    for (int writer = 0; writer < WRITERS; writer++) {
        for (int i = 0; i < SAMPLES; i++) {
            double t = (double)i / SAMPLES;
            x[i] = floor(1000 * (40 * sin((14 + 3 * writer) * t) + 15 * cos(31 * t) + 220 * t));
            y[i] = floor(1000 * (50 * sin((17 + writer) * t) + 20 * cos((29 - writer) * t)));
            time_ms[i] = (10 + writer) * i;
            pressure[i] = floor(500 + 300 * sin(9 * t + writer));
        }
        sv_signature signature = {SAMPLES, x, y, time_ms, pressure, NULL};
        int status = sv_features(&signature, values[writer]);
        if (status != SV_OK)
            return fprintf(stderr, "%s\n", sv_status_text(status)), 1;
        for (int i = 0; i < SV_FRAMES * SV_CHANNELS; i++) {
            printf("%a\n", (double)values[writer][i]);
            stored[writer][i] = (int8_t)fmax(-127, fmin(127, rint(32 * (double)values[writer][i])));
        }
    }
    uint32_t costs[WRITERS];
    if (sv_elastic_distances(stored[0], stored[0], WRITERS, SV_FRAMES, SV_CHANNELS, costs) != SV_OK)
        return 1;
    for (int writer = 0; writer < WRITERS; writer++)
        printf("%lu\n", (unsigned long)costs[writer]);
    return 0;
}
