/* From distances to a score, and thresholds: sigverify/matching/scoring.py and sigverify/search/open_set.py. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define FLOOR 0.02    /* a distance below counts as this: no logarithm of the 0 between a signature and itself */
#define MOST_ODDS 60.0 /* e^-60 is far below any threshold, and no exponential overflows */

/* Thresholds that were not fitted: mere steps. */
static void set_steps(svi_table *table)
{
    static const double fmr[3] = {0.1, 0.01, 0.001}, threshold[3] = {0.5, 0.9, 0.99};
    table->count = 3;
    memcpy(table->fmr, fmr, sizeof fmr);
    memcpy(table->threshold, threshold, sizeof threshold);
}

/* By the series alone, uncalibrated: the numbers of Scoring.default. */
int svi_scoring_default(svi_scoring *scoring, const svi_cues *cues)
{
    int series = svi_cues_place(cues, SVI_SERIES);
    double *alone, *several;
    memset(scoring, 0, sizeof *scoring);
    if (series < 0)
        return 0;
    scoring->count = 2;
    for (int i = 0; i < scoring->count; i++) {
        scoring->rows[i].references = i + 1;
        set_steps(&scoring->rows[i].tables[SV_SKILLED]);
        set_steps(&scoring->rows[i].tables[SV_RANDOM]);
    }
    alone = scoring->rows[0].weights + svi_cues_first_column(cues, series);
    several = scoring->rows[1].weights + svi_cues_first_column(cues, series);
    alone[0] = -8.0;
    scoring->rows[0].bias = 8.8;
    several[0] = -7.0;
    several[1] = -13.0;
    several[2] = -6.0;
    scoring->rows[1].bias = 8.0;
    return 1;
}

static int has_rows(const svi_scoring *scoring, int is_reduced)
{
    for (int i = 0; i < scoring->count; i++)
        if (scoring->rows[i].is_reduced == is_reduced)
            return 1;
    return 0;
}

/* The row of the most references that are not more than these, or that of the fewest. A model that was not fitted for
 * reduced comparisons scores them as any other. */
const svi_row *svi_scoring_row(const svi_scoring *scoring, int references, int is_reduced)
{
    const svi_row *best = NULL, *least = NULL;
    is_reduced = is_reduced && has_rows(scoring, 1);
    for (int i = 0; i < scoring->count; i++) {
        const svi_row *row = &scoring->rows[i];
        if (row->is_reduced != is_reduced)
            continue;
        if (!least || row->references < least->references)
            least = row;
        if (row->references <= references && (!best || row->references > best->references))
            best = row;
    }
    return best ? best : least;
}

/* One cue's distances: to `references` of them and between these, `cues` numbers for each. */
typedef struct one_cue {
    const float *distances, *spread;
    int cues, references;
} one_cue;

/* Log of the mean distance of reference `i` to the others; 0 for one alone. */
static double log_level(const one_cue *cue, int i)
{
    double total = 0.0;
    if (cue->references == 1)
        return 0.0;
    for (int j = 0; j < cue->references; j++) /* its distance to itself is 0 */
        total += cue->spread[(i * cue->references + j) * cue->cues];
    return log(fmax(total / (cue->references - 1), FLOOR));
}

static void relative_evidence(const one_cue *cue, double *column)
{
    double least = INFINITY, ratios = 0.0, levels = 0.0;
    for (int i = 0; i < cue->references; i++) {
        /* How far the probe lies from reference i, beside how far the other references lie from it. */
        double level = log_level(cue, i);
        double ratio = log(fmax(cue->distances[i * cue->cues], FLOOR)) - level;
        least = fmin(least, ratio);
        ratios += ratio;
        levels += level;
    }
    column[0] = least;
    column[1] = ratios / cue->references;
    column[2] = levels / cue->references;
}

/* Of a signed cue also how large the mean is, in whichever direction. */
static void absolute_evidence(const one_cue *cue, int is_signed, double *column)
{
    double total = 0.0;
    for (int i = 0; i < cue->references; i++)
        total += cue->distances[i * cue->cues];
    column[0] = total / cue->references;
    if (is_signed)
        column[1] = fabs(column[0]);
}

/* A relative cue has three columns: least log ratio, mean log ratio, mean log level; an absolute one its mean, and a
 * signed one that and its size. They follow each other in the order of the cues. */
static void evidence(const svi_cues *cues, const float *distances, const float *spread, int references,
                     double columns[SVI_EVIDENCE])
{
    for (int place = 0; place < cues->count; place++) {
        one_cue cue = {distances + place, spread + place, cues->count, references};
        double *first = columns + svi_cues_first_column(cues, place);
        if (svi_cue_is_relative(cues->list[place]))
            relative_evidence(&cue, first);
        else
            absolute_evidence(&cue, svi_cue_is_signed(cues->list[place]), first);
    }
}

double svi_odds(const sv_model *model, const float *distances, const float *spread, int references, int is_reduced)
{
    const svi_row *row = svi_scoring_row(&model->scoring, references, is_reduced);
    double columns[SVI_EVIDENCE], odds = 0.0;
    int count = svi_cues_first_column(&model->cues, model->cues.count);
    evidence(&model->cues, distances, spread, references, columns);
    for (int i = 0; i < count; i++)
        odds += columns[i] * row->weights[i];
    return fmin(fmax(odds + row->bias, -MOST_ODDS), MOST_ODDS);
}

double svi_score(const sv_model *model, const float *distances, const float *spread, int references, int is_reduced)
{
    return 1 / (1 + exp(-svi_odds(model, distances, spread, references, is_reduced)));
}

/* Linear in log FMR between the rates that were fitted; fmr falls along the table, the threshold rises. */
int svi_threshold(const svi_row *row, double fmr, sv_impostor impostor, double *threshold)
{
    const svi_table *table;
    if (impostor != SV_SKILLED && impostor != SV_RANDOM)
        return SV_CONFIG_ERROR;
    table = &row->tables[impostor];
    if (table->count == 0 || !(fmr >= table->fmr[table->count - 1] && fmr <= table->fmr[0]))
        return SV_CONFIG_ERROR;
    *threshold = table->threshold[0]; /* what a table of one rate has */
    for (int i = 0; i + 1 < table->count; i++) {
        double above = table->fmr[i], below = table->fmr[i + 1], low = table->threshold[i];
        if (below <= fmr && fmr <= above) {
            double share = log(above / fmr) / log(above / below);
            *threshold = low + share * (table->threshold[i + 1] - low);
            break;
        }
    }
    return SV_OK;
}

static double logit(double score)
{
    return log(score / (1 - score));
}

/* Log odds of the threshold at a log rate; below the lowest go on with the mean slope, above the highest stay. */
static double odds_at(const svi_table *table, double rate)
{
    int last = table->count - 1;
    double highest = log(table->fmr[0]), lowest = log(table->fmr[last]);
    double low = logit(table->threshold[0]), high = logit(table->threshold[last]);
    if (rate >= highest)
        return low;
    if (rate < lowest)
        return high + (lowest - rate) * (high - low) / (highest - lowest);
    for (int i = 0; i < last; i++) {
        /* Between two fitted rates: linear in both logarithms. */
        double above = log(table->fmr[i]), below = log(table->fmr[i + 1]);
        double start = logit(table->threshold[i]), end = logit(table->threshold[i + 1]);
        if (below <= rate)
            return start + (above - rate) / (above - below) * (end - start);
    }
    return high;
}

/* FPIR = 1 - (1 - FMR)^n, turned around. Source: ISO/IEC 19795-1. */
int svi_open_set_threshold(const svi_row *row, double fpir, size_t people, double *threshold)
{
    const svi_table *table = &row->tables[SV_RANDOM];
    if (!(fpir > 0 && fpir < 1) || table->count < 2)
        return SV_CONFIG_ERROR;
    *threshold = 1 / (1 + exp(-odds_at(table, log(-expm1(log1p(-fpir) / (double)people)))));
    return SV_OK;
}

/* How far the score lies from the threshold, in log odds, as a probability from 0.5. Both are kept a little away from 0
 * and 1, where the odds are infinite. */
double svi_confidence(double score, double threshold)
{
    double one = logit(fmin(fmax(score, 1e-15), 1 - 1e-15));
    double other = logit(fmin(fmax(threshold, 1e-15), 1 - 1e-15));
    return 1 / (1 + exp(-fmin(MOST_ODDS, fabs(one - other))));
}

int sv_score_distances(const sv_model *model, const float *distances, const float *spread, int references,
                       double *score)
{
    const size_t count = (size_t)references;
    size_t cues;
    if (!model || !distances || !spread || !score || references < 1 || references > SV_MAX_REFERENCES)
        return SV_CONFIG_ERROR;
    cues = (size_t)model->cues.count;
    /* fmax takes the other number for a NaN: it would count as FLOOR, the distance of two that are identical. */
    if (!svi_are_finite(distances, count * cues) || !svi_are_finite(spread, count * count * cues))
        return SV_CONFIG_ERROR;
    *score = svi_score(model, distances, spread, references, 0);
    return SV_OK;
}

int sv_model_threshold(const sv_model *model, double fmr, sv_impostor impostor, int references, double *threshold)
{
    if (!model || !threshold || references < 1 || references > SV_MAX_REFERENCES)
        return SV_CONFIG_ERROR;
    return svi_threshold(svi_scoring_row(&model->scoring, references, 0), fmr, impostor, threshold);
}
