/* How near strangers come to one person, and the threshold of their own: sigverify/matching/strangers.py, cohort.py. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define MOST_ODDS 60.0 /* log odds beyond count as this */
#define HIGHEST 30.0   /* log odds of a raised threshold: of 37 the score would round to 1 */
#define WIDEST 8.0     /* deviations from the mean: less than 1e-15 of a normal distribution lies beyond */
#define HALVINGS 60

/* One person of the cohort, as the model file has them. */
static size_t person_size(const sv_model *model)
{
    return sizeof(float) + SV_FRAMES * SV_SERIES_CHANNELS + SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS +
           model->steps * model->depth + 2 * model->vector_size;
}

/* -128 would be further away than the alignment has room for. */
static int are_sound(const uint8_t *at, size_t bytes, size_t halves)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] == 0x80)
            return 0;
    for (size_t i = 0; i < halves; i++)
        if (!isfinite(svi_half_to_float(svi_u16(at + bytes + 2 * i))))
            return 0;
    return 1;
}

int svi_cohort_open(const uint8_t *data, size_t size, sv_model *model)
{
    const size_t each = person_size(model), halves = model->vector_size;
    model->people = 0;
    if (size == 0)
        return SV_OK;
    if (size % each != 0 || size / each < SVI_MIN_COHORT || size / each > SVI_MAX_COHORT)
        return SV_MALFORMED_MODEL;
    for (const uint8_t *at = data; at < data + size; at += each) {
        float extent = svi_f32(at);
        if (!(svi_extent_is_sound(extent) &&
              are_sound(at + sizeof extent, each - sizeof extent - 2 * halves, halves)))
            return SV_MALFORMED_MODEL;
    }
    model->cohort = data;
    model->people = size / each;
    return SV_OK;
}

static void read_person(const sv_verifier *verifier, size_t number, sv_embedding *person)
{
    const sv_model *model = verifier->model;
    const uint8_t *at = model->cohort + number * person_size(model);
    const size_t series = SV_FRAMES * SV_SERIES_CHANNELS, detail = SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS;
    const size_t sequence = model->steps * model->depth;
    person->extent = svi_f32(at);
    memcpy(person->series, at += sizeof(float), series);
    memcpy(person->detail, at += series, detail);
    memcpy(person->sequence, at += detail, sequence);
    at += sequence;
    for (size_t i = 0; i < model->vector_size; i++)
        person->vector[i] = svi_half_to_float(svi_u16(at + 2 * i));
}

int svi_fit_is_sound(const svi_fit *fit)
{
    return fabs(fit->mean) <= MOST_ODDS && fit->deviation >= 0 && fit->deviation <= MOST_ODDS; /* not of a NaN */
}

/* Mean and deviation in numpy's order, rounded as a template holds them. Spoils `odds`. */
static svi_fit fit_of(double *odds, size_t count)
{
    svi_fit fit;
    double mean = svi_sum_d(odds, count) / (double)count;
    for (size_t i = 0; i < count; i++)
        odds[i] = (odds[i] - mean) * (odds[i] - mean);
    fit.mean = (float)mean;
    fit.deviation = (float)sqrt(svi_sum_d(odds, count) / (double)count);
    return fit;
}

/* Compare all of the cohort with the references, without pressure where it `is_reduced` or a person lacks it; how far
 * the references lie apart without it says `spread`. The probe's room is free: nobody is being verified. */
static int meet(sv_verifier *verifier, const sv_template *enrolled, int is_reduced, const float *spread, svi_fit *fit)
{
    const int count = enrolled->references, cues = verifier->model->cues.count;
    double odds[SVI_MAX_COHORT] = {0};
    for (size_t k = 0; k < verifier->model->people; k++) {
        float distances[SV_MAX_REFERENCES * SVI_KNOWN_CUES], series;
        int lacks;
        read_person(verifier, k, &verifier->probe);
        lacks = is_reduced || !svi_has_pressure(&verifier->shape, &verifier->probe);
        for (int i = 0; i < count; i++)
            SVI_TRY(svi_compare(verifier, &verifier->probe, &enrolled->each[i], lacks ? SVI_PRESSURE : SVI_NOTHING,
                                distances + i * cues, &series));
        odds[k] = svi_odds(verifier->model, distances, lacks ? spread : enrolled->spread, count, lacks);
    }
    *fit = fit_of(odds, verifier->model->people);
    return SV_OK;
}

int svi_meet_strangers(sv_verifier *verifier, sv_template *enrolled)
{
    float anew[SV_MAX_REFERENCES * SV_MAX_REFERENCES * SVI_KNOWN_CUES];
    const float *spread = enrolled->spread;
    int measured = svi_has_pressure(&verifier->shape, &enrolled->each[0]); /* all of them, or none */
    enrolled->has_strangers = verifier->model->people > 0;
    if (!enrolled->has_strangers)
        return SV_OK;
    if (measured) {
        SVI_TRY(svi_measure_spread(verifier, enrolled, anew));
        spread = anew;
    }
    SVI_TRY(meet(verifier, enrolled, 1, spread, &enrolled->strangers[1]));
    enrolled->strangers[0] = enrolled->strangers[1];
    return measured ? meet(verifier, enrolled, 0, spread, &enrolled->strangers[0]) : SV_OK;
}

/* How many deviations above the mean this share of a normal distribution lies. */
static double deviate(double share)
{
    double low = -WIDEST, high = WIDEST;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (erfc(middle / sqrt(2.0)) / 2 > share)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

void svi_raise(svi_row *row, const sv_template *enrolled, int is_reduced)
{
    const svi_fit *fit = &enrolled->strangers[is_reduced != 0];
    svi_table *table = &row->tables[SV_RANDOM];
    for (int i = 0; enrolled->has_strangers && i < table->count; i++) {
        double odds = fit->mean + deviate(table->fmr[i]) * fit->deviation;
        double score = 1 / (1 + exp(-fmin(fmax(odds, -HIGHEST), HIGHEST)));
        table->threshold[i] = fmax(table->threshold[i], score);
    }
}

static double share_above(const svi_fit *fit, double score)
{
    double beyond = log(score / (1 - score)) - fit->mean;
    if (fit->deviation == 0)
        return beyond <= 0;
    return erfc(beyond / fit->deviation / sqrt(2.0)) / 2;
}

int sv_expected_strangers(const sv_model *model, const sv_template *enrolled, const sv_policy *policy,
                          sv_strangers *strangers)
{
    const double fmr = policy && policy->fmr != 0 ? policy->fmr : SV_FMR_BALANCED;
    double threshold;
    int lacks = 0;
    if (!model || !enrolled || !strangers)
        return SV_CONFIG_ERROR;
    if (strcmp(model->id, enrolled->model_id) != 0)
        return SV_MALFORMED_TEMPLATE;
    for (int i = 0; i < enrolled->references; i++)
        lacks |= !svi_has_pressure(&enrolled->shape, &enrolled->each[i]);
    SVI_TRY(svi_threshold(svi_scoring_row(&model->scoring, enrolled->references, lacks), fmr,
                          policy ? policy->impostor : SV_SKILLED, &threshold));
    strangers->share = enrolled->has_strangers ? share_above(&enrolled->strangers[lacks], threshold) : NAN;
    strangers->too_many = strangers->share > SV_MOST_TIMES * fmr; /* not of a NAN */
    return SV_OK;
}
