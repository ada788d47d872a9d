/* From distances to a score, and thresholds: sigverify/matching/scoring.py and search/open_set.py. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define FLOOR 0.02
#define RELATIVE 3 /* cues weighed against the spread of the references */

static void set_steps(svi_table *table)
{
    static const double fmr[3] = {0.1, 0.01, 0.001}, threshold[3] = {0.5, 0.9, 0.99};
    table->count = 3;
    memcpy(table->fmr, fmr, sizeof fmr);
    memcpy(table->threshold, threshold, sizeof threshold);
}

void svi_scoring_default(svi_scoring *scoring)
{
    memset(scoring, 0, sizeof *scoring);
    scoring->count = 2;
    for (int i = 0; i < scoring->count; i++) {
        scoring->rows[i].references = i + 1;
        set_steps(&scoring->rows[i].tables[SV_SKILLED]);
        set_steps(&scoring->rows[i].tables[SV_RANDOM]);
    }
    scoring->rows[0].weights[0] = -8.0;
    scoring->rows[0].bias = 8.8;
    scoring->rows[1].weights[0] = -7.0;
    scoring->rows[1].weights[1] = -13.0;
    scoring->rows[1].weights[2] = -6.0;
    scoring->rows[1].bias = 8.0;
}

/* The row of the most references that are not more than these, or that of the fewest. */
const svi_row *svi_scoring_row(const svi_scoring *scoring, int references)
{
    const svi_row *best = NULL, *least = &scoring->rows[0];
    for (int i = 0; i < scoring->count; i++) {
        const svi_row *row = &scoring->rows[i];
        if (row->references < least->references)
            least = row;
        if (row->references <= references && (!best || row->references > best->references))
            best = row;
    }
    return best ? best : least;
}

/* Mean log distance of reference `i` to the others; 0 for one alone. */
static double log_spread(const float *spread, int references, int i, int cue)
{
    double total = 0.0;
    if (references == 1)
        return 0.0;
    for (int j = 0; j < references; j++)
        total += spread[(i * references + j) * SV_CUES + cue];
    return log(fmax(total / (references - 1), FLOOR));
}

static void evidence(const float *distances, const float *spread, int references, double out[SVI_EVIDENCE])
{
    double durations = 0.0;
    for (int cue = 0; cue < RELATIVE; cue++) {
        double least = INFINITY, ratios = 0.0, level = 0.0;
        for (int i = 0; i < references; i++) {
            double own_level = log_spread(spread, references, i, cue);
            double ratio = log(fmax(distances[i * SV_CUES + cue], FLOOR)) - own_level;
            least = fmin(least, ratio);
            ratios += ratio;
            level += own_level;
        }
        out[3 * cue] = least;
        out[3 * cue + 1] = ratios / references;
        out[3 * cue + 2] = level / references;
    }
    for (int i = 0; i < references; i++)
        durations += distances[i * SV_CUES + RELATIVE];
    out[SVI_EVIDENCE - 1] = durations / references;
}

static double probability(double odds)
{
    return 1 / (1 + exp(-fmin(fmax(odds, -60.0), 60.0)));
}

double svi_score(const svi_scoring *scoring, const float *distances, const float *spread, int references)
{
    const svi_row *row = svi_scoring_row(scoring, references);
    double columns[SVI_EVIDENCE], odds = 0.0;
    evidence(distances, spread, references, columns);
    for (int i = 0; i < SVI_EVIDENCE; i++)
        odds += columns[i] * row->weights[i];
    return probability(odds + row->bias);
}

/* Linear in log FMR between those fitted. */
int svi_threshold(const svi_scoring *scoring, double fmr, sv_impostor impostor, int references, double *threshold)
{
    const svi_table *table;
    if (impostor != SV_SKILLED && impostor != SV_RANDOM)
        return SV_CONFIG_ERROR;
    table = &svi_scoring_row(scoring, references)->tables[impostor];
    if (table->count == 0 || !(fmr >= table->fmr[table->count - 1] && fmr <= table->fmr[0]))
        return SV_CONFIG_ERROR;
    *threshold = table->threshold[0];
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

double svi_confidence(double score, double threshold)
{
    double one = logit(fmin(fmax(score, 1e-15), 1 - 1e-15));
    double other = logit(fmin(fmax(threshold, 1e-15), 1 - 1e-15));
    return 1 / (1 + exp(-fmin(60.0, fabs(one - other))));
}

int sv_score_distances(const sv_model *model, const float *distances, const float *spread, int references,
                       double *score)
{
    if (!model || !distances || !spread || !score || references < 1 || references > SV_MAX_REFERENCES)
        return SV_CONFIG_ERROR;
    *score = svi_score(&model->scoring, distances, spread, references);
    return SV_OK;
}

int sv_model_threshold(const sv_model *model, double fmr, sv_impostor impostor, int references, double *threshold)
{
    if (!model || !threshold)
        return SV_CONFIG_ERROR;
    return svi_threshold(&model->scoring, fmr, impostor, references, threshold);
}
