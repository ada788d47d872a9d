/* Embed, verify and identify: sigverify/matcher.py and sigverify/verification.py, without a store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define TINY 1e-12       /* a vector shorter than this has no direction */
#define ALIGNMENT 16     /* of each tensor, whatever its type: enough for any number, and for vector instructions */

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The next `size` bytes of a block; where that is NULL, they are only counted. */
static void *take(uint8_t *block, size_t *used, size_t size)
{
    uint8_t *taken = block ? block + *used : NULL;
    *used += aligned(size);
    return taken;
}

/* Lay everything that a call needs out in a block; returns how many bytes that takes. */
static size_t lay_out(sv_verifier *verifier, const sv_model_info *info, uint8_t *block)
{
    size_t used = 0;
    verifier->input = take(block, &used, info->input_bytes);
    verifier->vector = take(block, &used, info->vector_bytes);
    verifier->sequence = info->sequence_bytes ? take(block, &used, info->sequence_bytes) : NULL;
    verifier->pair_input = take(block, &used, info->pair_input_bytes);
    verifier->pair_output = take(block, &used, info->pair_output_bytes);
    verifier->probe.series = take(block, &used, SV_FRAMES * SV_SERIES_CHANNELS);
    verifier->probe.detail = take(block, &used, SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS);
    verifier->probe.sequence = take(block, &used, verifier->shape.steps * verifier->shape.depth);
    verifier->probe.vector = take(block, &used, verifier->shape.size * sizeof(float));
    return used;
}

/* One block, so that calls allocate only for the samples they are given. */
static int make_room(sv_verifier *verifier, const sv_model_info *info)
{
    verifier->block = calloc(1, lay_out(verifier, info, NULL));
    if (!verifier->block)
        return SV_NO_MEMORY;
    (void)lay_out(verifier, info, verifier->block);
    return svi_aligner_open(&verifier->shape, &verifier->aligner);
}

int sv_verifier_open(const sv_model *model, sv_network network, sv_verifier **verifier)
{
    sv_model_info info;
    sv_verifier *fresh;
    int status;
    if (!model || !network.invoke || !verifier)
        return SV_CONFIG_ERROR;
    *verifier = NULL;
    SVI_TRY(sv_model_describe(model, &info));
    if (info.pair_network && !network.judge)
        return SV_CONFIG_ERROR;
    fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return SV_NO_MEMORY;
    fresh->model = model;
    fresh->network = network;
    fresh->shape = (svi_shape){SV_FRAMES,    SV_SERIES_CHANNELS, SV_DETAIL_CHANNELS,        model->steps,
                               model->depth, model->vector_size, (size_t)model->cues.count};
    status = make_room(fresh, &info);
    if (status != SV_OK) {
        sv_verifier_close(fresh);
        return status;
    }
    *verifier = fresh;
    return SV_OK;
}

void sv_verifier_close(sv_verifier *verifier)
{
    if (verifier) {
        svi_aligner_close(&verifier->aligner);
        free(verifier->block);
    }
    free(verifier);
}

static int8_t quantize(float value, float scale)
{
    float stored = value * scale;
    return (int8_t)svi_rounded(stored < -127 ? -127 : stored > 127 ? 127 : stored);
}

/* Scale to length 1; a zero vector stays zero. */
static int read_vector(const sv_verifier *verifier, float *vector)
{
    double square = 0.0;
    float length;
    for (size_t i = 0; i < verifier->shape.size; i++) {
        vector[i] = svi_to_real(&verifier->model->vector, verifier->vector, i);
        square += (double)vector[i] * vector[i];
    }
    length = (float)sqrt(square);
    if (!isfinite(length))
        return SV_MALFORMED_MODEL;
    for (size_t i = 0; i < verifier->shape.size; i++)
        vector[i] = length > TINY ? vector[i] / length : 0.0f;
    return SV_OK;
}

static int read_sequence(const sv_verifier *verifier, int8_t *sequence)
{
    for (size_t i = 0; i < verifier->shape.steps * verifier->shape.depth; i++) {
        float real = svi_to_real(&verifier->model->sequence, verifier->sequence, i);
        if (!isfinite(real))
            return SV_MALFORMED_MODEL;
        sequence[i] = quantize(real < -1 ? -1.0f : real > 1 ? 1.0f : real, SVI_SEQUENCE_SCALE);
    }
    return SV_OK;
}

/* The first functions as they are, the others averaged over two frames. */
static void read_functions(const float *values, sv_embedding *embedding)
{
    for (int i = 0; i < SV_FRAMES; i++)
        for (int c = 0; c < SV_SERIES_CHANNELS; c++)
            embedding->series[i * SV_SERIES_CHANNELS + c] = quantize(values[i * SV_CHANNELS + c], SVI_SERIES_SCALE);
    for (int i = 0; i < SV_DETAIL_FRAMES; i++)
        for (int c = 0; c < SV_DETAIL_CHANNELS; c++) {
            const float *first = values + 2 * i * SV_CHANNELS + SV_SERIES_CHANNELS + c;
            embedding->detail[i * SV_DETAIL_CHANNELS + c] =
                quantize((first[0] + first[SV_CHANNELS]) / 2, SVI_SERIES_SCALE);
        }
}

int svi_embed(sv_verifier *verifier, svi_capture *capture, sv_embedding *embedding)
{
    svi_features(capture, verifier->values);
    read_functions(verifier->values, embedding);
    embedding->extent = (float)svi_capture_duration(capture);
    svi_store(&verifier->model->input, verifier->values, verifier->input);
    SVI_TRY(verifier->network.invoke(verifier->network.context, verifier->input, verifier->vector,
                                     verifier->sequence));
    SVI_TRY(read_vector(verifier, embedding->vector));
    return read_sequence(verifier, embedding->sequence);
}

int svi_can_hold(const sv_verifier *verifier, const sv_embedding *embedding)
{
    return verifier && embedding && embedding->series && embedding->detail && embedding->vector &&
           (!verifier->shape.depth || embedding->sequence);
}

int sv_embed(sv_verifier *verifier, const sv_signature *signature, sv_embedding *embedding)
{
    svi_capture capture;
    int status;
    if (!svi_can_hold(verifier, embedding))
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_capture_open(signature, &capture));
    status = svi_embed(verifier, &capture, embedding);
    svi_capture_close(&capture);
    return status;
}

/* The probe into `verifier->probe`; `poor` (or NULL) says whether there is too little to compare. */
static int embed_probe(sv_verifier *verifier, const sv_signature *signature, sv_addition *flaw)
{
    svi_capture capture;
    int status;
    SVI_TRY(svi_capture_open(signature, &capture));
    if (flaw)
        *flaw = svi_capture_flaw(&capture);
    status = svi_embed(verifier, &capture, &verifier->probe);
    svi_capture_close(&capture);
    return status;
}

/* Whether the template is of this verifier's model. Its id says so; the shapes are compared as well, since anybody can
 * write an id, and arrays of other sizes would be read out of bounds. */
static int fits(const sv_verifier *verifier, const sv_template *enrolled)
{
    const svi_shape *one = &verifier->shape, *other = &enrolled->shape;
    return strcmp(verifier->model->id, enrolled->model_id) == 0 && one->frames == other->frames &&
           one->channels == other->channels && one->details == other->details && one->steps == other->steps &&
           one->depth == other->depth && one->size == other->size && one->cues == other->cues;
}

/* A probe against a template. */
typedef struct comparison {
    const svi_row *row; /* by which it is scored */
    double score;
    int is_reduced; /* compared without pressure */
    float nearest; /* least distance of the series, by which a copy is recognized */
} comparison;

/* Whether pressure has to be left out: some side lacks it. `measured`: some reference has it, so the template's spread
 * was measured with it. */
static int lacks_pressure(const sv_verifier *verifier, const sv_template *enrolled, int *measured)
{
    int lacks = !svi_has_pressure(&verifier->shape, &verifier->probe);
    *measured = 0;
    for (int i = 0; i < enrolled->references; i++)
        if (svi_has_pressure(&verifier->shape, &enrolled->each[i]))
            *measured = 1;
        else
            lacks = 1;
    return lacks;
}

/* No other cue depends on pressure. */
int svi_measure_spread(sv_verifier *verifier, const sv_template *enrolled, float *spread)
{
    const svi_cues *cues = &verifier->model->cues;
    const int count = enrolled->references;
    memcpy(spread, enrolled->spread, (size_t)(count * count * cues->count) * sizeof *spread);
    for (int row = 1; row < count; row++)
        for (int column = 0; column < row; column++) {
            float distances[SVI_KNOWN_CUES], series;
            memcpy(distances, spread + (row * count + column) * cues->count, (size_t)cues->count * sizeof *distances);
            SVI_TRY(svi_compare_series(verifier, &enrolled->each[row], &enrolled->each[column], SVI_PRESSURE,
                                       distances, &series));
            svi_put_pair(cues, spread, count, row, column, distances);
        }
    return SV_OK;
}

/* Compare the probe by what both sides have. */
static int compare(sv_verifier *verifier, const sv_template *enrolled, comparison *compared)
{
    const svi_cues *cues = &verifier->model->cues;
    const int count = enrolled->references;
    float distances[SV_MAX_REFERENCES * SVI_KNOWN_CUES], series;
    float anew[SV_MAX_REFERENCES * SV_MAX_REFERENCES * SVI_KNOWN_CUES];
    const float *spread = enrolled->spread;
    int measured, lacks = lacks_pressure(verifier, enrolled, &measured);
    if (lacks && measured) {
        SVI_TRY(svi_measure_spread(verifier, enrolled, anew));
        spread = anew;
    }
    compared->nearest = INFINITY;
    for (int i = 0; i < count; i++) {
        SVI_TRY(svi_compare(verifier, &verifier->probe, &enrolled->each[i], lacks ? SVI_PRESSURE : SVI_NOTHING,
                            distances + i * cues->count, &series));
        compared->nearest = series < compared->nearest ? series : compared->nearest;
    }
    compared->is_reduced = lacks;
    compared->row = svi_scoring_row(&verifier->model->scoring, count, lacks);
    compared->score = svi_score(verifier->model, distances, spread, count, lacks);
    return SV_OK;
}

static int thresholds(const comparison *compared, const sv_template *enrolled, const sv_policy *policy,
                      double *accept, double *refer)
{
    svi_row own;
    double fmr = policy && policy->fmr != 0 ? policy->fmr : SV_FMR_BALANCED;
    double refer_fmr = policy ? policy->refer_fmr : 0;
    sv_impostor impostor = policy ? policy->impostor : SV_SKILLED;
    *refer = INFINITY;
    if (refer_fmr != 0 && !(refer_fmr > fmr))
        return SV_CONFIG_ERROR;
    own = *compared->row;
    if (impostor == SV_RANDOM)
        svi_raise(&own, enrolled, compared->is_reduced);
    SVI_TRY(svi_threshold(&own, fmr, impostor, accept));
    if (refer_fmr == 0)
        return SV_OK;
    return svi_threshold(&own, refer_fmr, impostor, refer);
}

static void reject(sv_decision *decision, sv_reason reason)
{
    decision->accepted = 0;
    decision->outcome = SV_REJECT;
    decision->reason = reason;
    decision->score = decision->threshold = decision->confidence = NAN;
    decision->flaw = SV_TAKEN;
    decision->without_pressure = 0;
}

static void judge(const comparison *compared, double accept, double refer, sv_decision *decision)
{
    const double score = compared->score;
    decision->accepted = score >= accept;
    decision->outcome = score >= accept ? SV_ACCEPT : score >= refer ? SV_REFER : SV_REJECT;
    decision->reason = score >= accept ? SV_ALIKE : score >= refer ? SV_UNSURE : SV_UNLIKE;
    decision->score = score;
    decision->threshold = accept;
    decision->confidence = svi_confidence(score, accept);
    decision->flaw = SV_TAKEN;
    decision->without_pressure = compared->is_reduced;
}

int sv_verify(sv_verifier *verifier, const sv_template *enrolled, const sv_signature *signature,
              const sv_policy *policy, sv_decision *decision)
{
    double accept, refer;
    comparison compared;
    sv_addition flaw;
    if (decision)
        reject(decision, SV_UNLIKE); /* what is left behind by every failure below */
    if (!verifier || !enrolled || !signature || !decision)
        return SV_CONFIG_ERROR;
    if (!fits(verifier, enrolled))
        return SV_MALFORMED_TEMPLATE;
    SVI_TRY(embed_probe(verifier, signature, &flaw));
    SVI_TRY(compare(verifier, enrolled, &compared));
    SVI_TRY(thresholds(&compared, enrolled, policy, &accept, &refer));
    if (flaw != SV_TAKEN) {
        reject(decision, SV_POOR);
        decision->flaw = flaw;
    } else if (compared.nearest < SVI_COPY_DISTANCE) {
        reject(decision, SV_REPLAY);
    } else {
        judge(&compared, accept, refer, decision);
    }
    return SV_OK;
}

int sv_score(sv_verifier *verifier, const sv_template *enrolled, const sv_signature *signature, double *score)
{
    comparison compared;
    if (!verifier || !enrolled || !signature || !score)
        return SV_CONFIG_ERROR;
    if (!fits(verifier, enrolled))
        return SV_MALFORMED_TEMPLATE;
    SVI_TRY(embed_probe(verifier, signature, NULL));
    SVI_TRY(compare(verifier, enrolled, &compared));
    *score = compared.score;
    return SV_OK;
}

/* Better: a higher score, of equals the user id that sorts first. */
static int is_better(const sv_template *const *templates, const sv_match *one, const sv_match *other)
{
    if (one->score != other->score)
        return one->score > other->score;
    return strcmp(templates[one->index]->user, templates[other->index]->user) < 0;
}

/* Keep `matches` sorted, the best first, and no more than `capacity`. */
static void insert(const sv_template *const *templates, sv_match match, sv_match *matches, size_t capacity,
                   size_t *found)
{
    size_t place = *found;
    while (place > 0 && is_better(templates, &match, &matches[place - 1]))
        place--;
    if (place == capacity)
        return;
    if (*found < capacity)
        (*found)++;
    memmove(matches + place + 1, matches + place, (*found - 1 - place) * sizeof *matches);
    matches[place] = match;
}

int sv_identify(sv_verifier *verifier, const sv_template *const *templates, size_t count,
                const sv_signature *signature, double fpir, sv_match *matches, size_t capacity, size_t *found)
{
    sv_addition flaw = SV_TAKEN;
    if (!verifier || (count && !templates) || !signature || !matches || capacity < 1 || !found)
        return SV_CONFIG_ERROR;
    if (!(fpir >= 0 && fpir < 1)) /* or a NaN; among nobody no threshold is asked for below */
        return SV_CONFIG_ERROR;
    for (size_t i = 0; i < count; i++)
        if (!templates[i] || !fits(verifier, templates[i]))
            return SV_MALFORMED_TEMPLATE;
    *found = 0;
    SVI_TRY(embed_probe(verifier, signature, &flaw));
    for (size_t i = 0; flaw == SV_TAKEN && i < count; i++) {
        comparison compared;
        sv_match match = {i, 0.0};
        double threshold = 0.0;
        SVI_TRY(compare(verifier, templates[i], &compared));
        match.score = compared.score;
        if (fpir != 0) {
            svi_row own = *compared.row;
            svi_raise(&own, templates[i], compared.is_reduced);
            SVI_TRY(svi_open_set_threshold(&own, fpir, count, &threshold));
        }
        if (match.score >= threshold)
            insert(templates, match, matches, capacity, found);
    }
    return SV_OK;
}
