/* How far two signatures lie apart, cue by cue: sigverify/matching/distances.py and cues. */
#include <math.h>

#include "internal.h"

/* Euclidean distance, added up in numpy's order, so that float32 rounds alike. */
float svi_vector_distance(svi_aligner *aligner, const svi_shape *shape, const float *probe, const float *reference)
{
    for (size_t i = 0; i < shape->size; i++) {
        float difference = reference[i] - probe[i];
        aligner->squares[i] = difference * difference;
    }
    return sqrtf(svi_sum_f(aligner->squares, shape->size));
}

float svi_log_ratio(const sv_embedding *probe, const sv_embedding *reference)
{
    return logf(probe->extent / reference->extent);
}

/* Cost a frame, in the units before quantization. Divided in float64 and rounded once, then scaled, as numpy does. */
static float cost_a_frame(int32_t cost, size_t frames, float scale)
{
    return (float)((double)cost / (double)frames) / scale;
}

/* Of a network without a sequence all are alike. */
static float sequence_distance(svi_aligner *aligner, const svi_shape *shape, const sv_embedding *probe,
                               const sv_embedding *reference)
{
    int32_t cost;
    if (!shape->depth)
        return 0.0f;
    cost = svi_align(aligner, probe->sequence, reference->sequence, shape->steps, shape->depth, SVI_NOTHING, 0);
    return cost_a_frame(cost, shape->steps, SVI_SEQUENCE_SCALE);
}

/* Aligned once, whichever of these cues there are. The pair network looks at the path before trimming spoils its
 * costs. */
int svi_compare_series(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
                       float *distances, float *series)
{
    const svi_cues *cues = &verifier->model->cues;
    const svi_shape *shape = &verifier->shape;
    svi_aligner *aligner = &verifier->aligner;
    const int whole = svi_cues_place(cues, SVI_SERIES), trimmed = svi_cues_place(cues, SVI_TRIMMED);
    const int pair = svi_cues_place(cues, SVI_PAIR);
    if (trimmed >= 0 || pair >= 0)
        svi_find_path(aligner, probe->series, reference->series, shape->frames, shape->channels, without);
    else
        aligner->path.total =
            svi_align(aligner, probe->series, reference->series, shape->frames, shape->channels, without, 0);
    *series = cost_a_frame(aligner->path.total, shape->frames, SVI_SERIES_SCALE);
    if (whole >= 0)
        distances[whole] = *series;
    if (pair >= 0)
        SVI_TRY(svi_judge(verifier, probe, reference, without, &distances[pair]));
    if (trimmed >= 0)
        distances[trimmed] = svi_trimmed_distance(aligner, shape->frames);
    return SV_OK;
}

int svi_compare(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, int without,
                float *distances, float *series)
{
    const svi_cues *cues = &verifier->model->cues;
    for (int i = 0; i < cues->count; i++)
        switch (cues->list[i]) {
        case SVI_SEQUENCE:
            distances[i] = sequence_distance(&verifier->aligner, &verifier->shape, probe, reference);
            break;
        case SVI_VECTOR:
            distances[i] =
                svi_vector_distance(&verifier->aligner, &verifier->shape, probe->vector, reference->vector);
            break;
        case SVI_EXTENT: distances[i] = svi_log_ratio(probe, reference); break;
        case SVI_TEMPO: distances[i] = svi_tempo_difference(probe, reference); break;
        case SVI_SERIES:
        case SVI_TRIMMED:
        case SVI_PAIR:
        case SVI_KNOWN_CUES: break; /* the first three together, below */
        }
    return svi_compare_series(verifier, probe, reference, without, distances, series);
}

void svi_put_pair(const svi_cues *cues, float *spread, int count, int row, int column, const float *distances)
{
    float *below = spread + (row * count + column) * cues->count;
    float *above = spread + (column * count + row) * cues->count;
    for (int i = 0; i < cues->count; i++) {
        below[i] = distances[i];
        above[i] = svi_cue_is_signed(cues->list[i]) ? -distances[i] : distances[i];
    }
}

int svi_has_pressure(const svi_shape *shape, const sv_embedding *embedding)
{
    for (size_t i = SVI_PRESSURE; i < shape->frames * shape->channels; i += shape->channels)
        if (embedding->series[i] != 0)
            return 1;
    return 0;
}

int svi_extent_is_sound(float extent)
{
    return isfinite(extent) && extent > 0; /* its logarithm is compared */
}

int sv_compare(sv_verifier *verifier, const sv_embedding *probe, const sv_embedding *reference, float *distances)
{
    const sv_embedding *both[2] = {probe, reference};
    float series;
    if (!verifier || !distances)
        return SV_CONFIG_ERROR;
    for (int i = 0; i < 2; i++)
        if (!both[i] || !both[i]->series || !both[i]->detail || !both[i]->vector ||
            (verifier->shape.depth && !both[i]->sequence) || !svi_extent_is_sound(both[i]->extent) ||
            !svi_are_finite(both[i]->vector, verifier->shape.size))
            return SV_CONFIG_ERROR;
    return svi_compare(verifier, probe, reference, SVI_NOTHING, distances, &series);
}

/* One of several, which is only read. */
static sv_embedding one_of(const svi_shape *shape, const sv_embeddings *all, size_t number)
{
    return (sv_embedding){
        (int8_t *)all->series + number * shape->frames * shape->channels,
        (int8_t *)all->detail + number * (shape->frames / 2) * shape->details,
        (int8_t *)all->sequence + number * shape->steps * shape->depth,
        (float *)all->vector + number * shape->size,
        all->extent[number],
    };
}

/* All arrays are there, and what could be no number is one. */
static int are_whole(const sv_verifier *verifier, const sv_embeddings *all)
{
    if (!verifier || !all || !all->series || !all->detail || !all->vector || !all->extent ||
        (verifier->shape.depth && !all->sequence))
        return 0;
    for (size_t i = 0; i < all->count; i++)
        if (!svi_extent_is_sound(all->extent[i]))
            return 0;
    return svi_are_finite(all->vector, all->count * verifier->shape.size);
}

static int compare_two(sv_verifier *verifier, const sv_embeddings *probes, size_t number,
                       const sv_embeddings *references, size_t other, float *distances)
{
    const sv_embedding probe = one_of(&verifier->shape, probes, number);
    const sv_embedding reference = one_of(&verifier->shape, references, other);
    float series;
    return svi_compare(verifier, &probe, &reference, SVI_NOTHING, distances, &series);
}

int sv_compare_each(sv_verifier *verifier, const sv_embeddings *probes, const sv_embeddings *references,
                    float *distances)
{
    if (!distances || !are_whole(verifier, probes) || !are_whole(verifier, references))
        return SV_CONFIG_ERROR;
    if (probes->count != 1 && probes->count != references->count)
        return SV_CONFIG_ERROR;
    for (size_t i = 0; i < references->count; i++)
        SVI_TRY(compare_two(verifier, probes, probes->count == 1 ? 0 : i, references, i,
                            distances + i * (size_t)verifier->model->cues.count));
    return SV_OK;
}

int sv_compare_all(sv_verifier *verifier, const sv_embeddings *probes, const sv_embeddings *references,
                   float *distances)
{
    if (!distances || !are_whole(verifier, probes) || !are_whole(verifier, references))
        return SV_CONFIG_ERROR;
    for (size_t i = 0; i < probes->count; i++)
        for (size_t j = 0; j < references->count; j++, distances += verifier->model->cues.count)
            SVI_TRY(compare_two(verifier, probes, i, references, j, distances));
    return SV_OK;
}
