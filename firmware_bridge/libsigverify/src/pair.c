/* Two signatures side by side, along the path that aligns them, for a network that looks at both:
 * sigverify/matching/pair_inputs.py, which says what each number is, and cues/pair.py. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define LARGEST 4.0f     /* inputs are within +-LARGEST, so that int8 has a known range */
#define MOST_AHEAD 3.0f  /* a step in which the reference runs ahead by more counts as this */
#define LARGEST_LOG 8.0f /* of what the network says, either way */
#define UNIT 64          /* 1, in sums of two frames of the series: their unit is half of that of a stored one */

/* Channels, counted through series and detail: those whose difference is given with its sign, and those whose mean is
 * given (PairLayout of sigverify/modality/pen/pen.py). */
static const int with_sign[] = {11, SVI_PRESSURE};
static const int with_mean[] = {0, 1, 2, 9, 11};

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

/* The depth that the header promises is what is written. */
typedef char svi_pair_depth[SV_PAIR_DEPTH == SV_CHANNELS + COUNT(with_sign) + 2 + COUNT(with_mean) + 1 ? 1 : -1];

/* It has room where the functions of time were. */
typedef char svi_pair_fits[SV_PAIR_STEPS * SV_PAIR_DEPTH <= SV_FRAMES * SV_CHANNELS ? 1 : -1];

#define STEPS 8 /* written at once */
#define ROOM 16 /* numbers of a step, with some that are 0: whole vectors */

typedef char svi_steps_fit[SV_CHANNELS <= ROOM && SV_PAIR_STEPS % STEPS == 0 ? 1 : -1];

/* Series and detail of one step, which is two frames, in halves of a stored unit. */
static void read_step(const sv_embedding *embedding, size_t step, int without, int values[ROOM])
{
    const int8_t *series = embedding->series + 2 * step * SV_SERIES_CHANNELS;
    const int8_t *detail = embedding->detail + step * SV_DETAIL_CHANNELS;
    for (int c = 0; c < SV_SERIES_CHANNELS; c++)
        values[c] = series[c] + series[c + SV_SERIES_CHANNELS];
    for (int c = 0; c < SV_DETAIL_CHANNELS; c++)
        values[SV_SERIES_CHANNELS + c] = 2 * detail[c];
    if (without >= 0)
        values[without] = 0;
}

/* The sum of the first and last frame that each of the step's two frames is matched with: eight times the step of the
 * reference, about. */
static int eighths_at(const svi_path *path, size_t step)
{
    return path->first[2 * step] + path->last[2 * step] + path->first[2 * step + 1] + path->last[2 * step + 1];
}

static float within(float value, float low, float high)
{
    return value > low ? value < high ? value : high : low;
}

/* How far the numbers of several steps are apart. In whole numbers up to a division that does not round, and in one
 * loop, of which compilers make vector instructions. */
static void differences(const int *own, const int *other, float *restrict out)
{
    const int largest = (int)LARGEST * UNIT;
    for (int n = 0; n < STEPS * ROOM; n++) {
        int apart = abs(own[n] - other[n]);
        apart = apart < largest ? apart : largest;
        out[n] = (float)apart / UNIT;
    }
}

/* Differences with their sign, and means. */
static void write_others(const int own[ROOM], const int other[ROOM], float *out)
{
    for (int k = 0; k < COUNT(with_sign); k++)
        *out++ = within((float)(own[with_sign[k]] - other[with_sign[k]]) / UNIT, -LARGEST, LARGEST);
    out += 2; /* the path's */
    for (int k = 0; k < COUNT(with_mean); k++)
        *out++ = (float)(own[with_mean[k]] + other[with_mean[k]]) / (2 * UNIT);
}

/* Numbers of several steps: of the probe, of the reference, and how far they are apart. */
typedef struct step_numbers {
    int own[STEPS * ROOM], other[STEPS * ROOM];
    float apart[STEPS * ROOM];
} step_numbers;

static void write_steps(step_numbers *numbers, float *values)
{
    differences(numbers->own, numbers->other, numbers->apart);
    for (size_t k = 0; k < STEPS; k++, values += SV_PAIR_DEPTH) {
        memcpy(values, numbers->apart + k * ROOM, SV_CHANNELS * sizeof *values);
        write_others(numbers->own + k * ROOM, numbers->other + k * ROOM, values + SV_CHANNELS);
    }
}

/* What the path says of each step, and at its end the ratio of the extents. */
static void write_path(const svi_path *path, float ratio, float *values)
{
    int before = eighths_at(path, 0) - 8; /* as if it had advanced by one step */
    for (size_t step = 0; step < SV_PAIR_STEPS; step++, values += SV_PAIR_DEPTH) {
        int eighths = eighths_at(path, step);
        float *along = values + SV_CHANNELS + COUNT(with_sign);
        along[0] = within((float)(eighths - before) / 8 - 1, -1, MOST_AHEAD);
        along[1] = within((float)(eighths - 8 * (int)step) / 256, -LARGEST, LARGEST);
        values[SV_PAIR_DEPTH - 1] = ratio;
        before = eighths;
    }
}

void svi_pair_inputs(const svi_path *path, const sv_embedding *probe, const sv_embedding *reference, int without,
                     float *values)
{
    step_numbers numbers;
    memset(&numbers, 0, sizeof numbers);
    for (size_t step = 0; step < SV_PAIR_STEPS; step++) {
        const size_t k = step % STEPS;
        read_step(probe, step, without, numbers.own + k * ROOM);
        read_step(reference, (size_t)(eighths_at(path, step) >> 3), without, numbers.other + k * ROOM);
        if (k == STEPS - 1)
            write_steps(&numbers, values + (step - k) * SV_PAIR_DEPTH);
    }
    write_path(path, within(2 * svi_log_ratio(probe, reference), -LARGEST, LARGEST), values);
}

int svi_judge(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
              float *distance)
{
    const sv_network *network = &verifier->network;
    float said;
    svi_pair_inputs(&verifier->aligner.path, probe, reference, without, verifier->values);
    svi_store(&verifier->model->pair_input, verifier->values, verifier->pair_input);
    SVI_TRY(network->judge(network->context, verifier->pair_input, verifier->pair_output));
    said = svi_to_real(&verifier->model->pair, verifier->pair_output, 0);
    if (!isfinite(said))
        return SV_MALFORMED_MODEL;
    *distance = expf(within(said, -LARGEST_LOG, LARGEST_LOG));
    return SV_OK;
}

int sv_pair_inputs(const sv_embedding *probe, const sv_embedding *reference, float *values)
{
    svi_shape shape = {SV_FRAMES, SV_SERIES_CHANNELS, 0, 0, 0, 0, 0};
    svi_aligner aligner;
    if (!probe || !reference || !values || !probe->series || !probe->detail || !reference->series ||
        !reference->detail || !svi_extent_is_sound(probe->extent) || !svi_extent_is_sound(reference->extent))
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_aligner_open(&shape, &aligner));
    svi_find_path(&aligner, probe->series, reference->series, SV_FRAMES, SV_SERIES_CHANNELS, SVI_NOTHING);
    svi_pair_inputs(&aligner.path, probe, reference, SVI_NOTHING, values);
    svi_aligner_close(&aligner);
    return SV_OK;
}
