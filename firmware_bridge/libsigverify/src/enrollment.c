/* Enrollment: which signatures belong together (sigverify/enrollment/enrollment.py), and the template made of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* As in sigverify/enrollment, chosen on synthetic writers and SigComp 2009. */
#define LINK 0.1 /* two that score less against each other do not belong together */
#define COPY 0.0055 /* two whose outlines are nearer, in radii, are of one line */
#define ODD 0.04 /* of three or more, one that scores less against the others is left out */

/* Some of the signatures: their numbers, in order. */
typedef struct group {
    int count;
    int numbers[SV_MAX_REFERENCES];
} group;

/* Distances of all signatures from each other: `count` x `count` x cues. */
typedef struct pairs {
    const sv_model *model;
    const float *distances;
    int count;
    int is_reduced; /* without pressure, which one of them lacks */
} pairs;

static const float *between(const pairs *all, int one, int other)
{
    return all->distances + (one * all->count + other) * all->model->cues.count;
}

/* Score one against the others of a group, as if these were a template. */
static double against(const pairs *all, int one, const group *members)
{
    float distances[SV_MAX_REFERENCES * SVI_KNOWN_CUES];
    float spread[SV_MAX_REFERENCES * SV_MAX_REFERENCES * SVI_KNOWN_CUES];
    const int cues = all->model->cues.count;
    const size_t size = (size_t)cues * sizeof(float);
    group others = {0, {0}};
    for (int i = 0; i < members->count; i++)
        if (members->numbers[i] != one)
            others.numbers[others.count++] = members->numbers[i];
    for (int i = 0; i < others.count; i++) {
        const int number = others.numbers[i];
        memcpy(distances + i * cues, between(all, one, number), size);
        for (int j = 0; j < others.count; j++)
            memcpy(spread + (i * others.count + j) * cues, between(all, number, others.numbers[j]), size);
    }
    return svi_score(all->model, distances, spread, others.count, all->is_reduced);
}

/* All that are linked with `first`, directly or through others, taken out of `left`. The group grows while it is
 * walked, so that the links of every member are followed once. */
static group linked_with(const pairs *all, int first, uint8_t *left)
{
    group members = {1, {first}};
    left[first] = 0;
    for (int reached = 0; reached < members.count; reached++)
        for (int other = 0; other < all->count; other++) {
            group alone = {1, {other}};
            if (left[other] && against(all, members.numbers[reached], &alone) >= LINK) {
                left[other] = 0;
                members.numbers[members.count++] = other;
            }
        }
    return members;
}

/* Of sets of the same size the one with the earliest signature. */
static group largest_linked(const pairs *all, const sv_addition *additions)
{
    uint8_t left[SV_MAX_REFERENCES];
    group best = {0, {0}};
    for (int i = 0; i < all->count; i++)
        left[i] = additions[i] == SV_TAKEN;
    for (int i = 0; i < all->count; i++)
        if (left[i]) {
            group members = linked_with(all, i, left);
            best = members.count > best.count ? members : best;
        }
    return best;
}

/* The place in the group of the one that scores least against the others, if that is below ODD, or -1. Of equals the
 * earliest signature, as in Python. */
static int odd_one(const pairs *all, const group *members)
{
    double worst = ODD;
    int odd = -1;
    for (int i = 0; i < members->count; i++) {
        double score = against(all, members->numbers[i], members);
        if (score < worst || (odd >= 0 && score == worst && members->numbers[i] < members->numbers[odd])) {
            worst = score;
            odd = i;
        }
    }
    return odd;
}

void svi_screen(const sv_model *model, const float *distances, int count, int is_reduced, sv_addition *additions)
{
    const pairs all = {model, distances, count, is_reduced};
    group members = largest_linked(&all, additions);
    int odd;
    /* One at a time, the worst first: without it the others may fit each other. */
    while (members.count > 2 && (odd = odd_one(&all, &members)) >= 0)
        members.numbers[odd] = members.numbers[--members.count];
    for (int i = 0; i < count; i++) {
        int together = 0;
        for (int j = 0; j < members.count; j++)
            together |= members.numbers[j] == i;
        if (additions[i] == SV_TAKEN && !together)
            additions[i] = SV_UNLIKE_OTHERS;
    }
}

/* Outlines of all signatures: SV_OUTLINES each. Where the library is built small there are none. */
#if defined(SV_SMALL)
#define OUTLINE_BYTES 0

static int follow(const svi_capture *capture, int8_t *outlines)
{
    (void)capture, (void)outlines;
    return SV_OK;
}

static int runs_along(const int8_t *one, const int8_t *other)
{
    (void)one, (void)other;
    return 0;
}
#else
#define OUTLINE_BYTES (SV_OUTLINES * 2 * SV_OUTLINE_STEPS)

static int follow(const svi_capture *capture, int8_t *outlines)
{
    return svi_outlines(capture, outlines);
}

/* Whether one is a copy of another in another time, of a part, or with little beside it. */
static int runs_along(const int8_t *one, const int8_t *other)
{
    double apart = INFINITY, core = INFINITY;
    sv_outlines_apart(one, other, 1, &apart);
    sv_outlines_apart(one + 2 * SV_OUTLINE_STEPS, other, 1, &core);
    return apart < COPY || core < COPY;
}
#endif

static int embed_one(sv_verifier *verifier, const sv_signature *signature, sv_embedding *embedding, int8_t *outlines,
                     sv_addition *flaw)
{
    svi_capture capture;
    int status;
    SVI_TRY(svi_capture_open(signature, &capture));
    *flaw = svi_assess(&capture);
    status = svi_embed(verifier, &capture, embedding);
    if (status == SV_OK)
        status = follow(&capture, outlines);
    svi_capture_close(&capture);
    return status;
}

/* Compare one with another, the later as the probe; `series` (or NULL) gets the distance of their series. */
static int compare_pair(sv_verifier *verifier, const sv_template *enrolled, int row, int column, int without,
                        float *spread, float *series)
{
    const svi_cues *cues = &verifier->model->cues;
    float distances[SVI_KNOWN_CUES], own;
    SVI_TRY(svi_compare(verifier, &enrolled->each[row], &enrolled->each[column], without, distances,
                        series ? series : &own));
    svi_put_pair(cues, spread, enrolled->references, row, column, distances);
    return SV_OK;
}

/* Of two that are copies the later is said to be one. Pressure is compared until a usable one lacks it. */
static int find_copies(sv_verifier *verifier, const sv_template *enrolled, const int8_t *outlines, float *pairs,
                       sv_addition *additions)
{
    int without = SVI_NOTHING;
    for (int row = 0; row < enrolled->references; row++) {
        int is_copy = 0, against;
        if (additions[row] != SV_TAKEN)
            continue;
        against = svi_has_pressure(&enrolled->shape, &enrolled->each[row]) ? without : SVI_PRESSURE;
        for (int column = 0; column < row; column++) {
            float series;
            if (additions[column] != SV_TAKEN)
                continue;
            SVI_TRY(compare_pair(verifier, enrolled, row, column, against, pairs, &series));
            is_copy |= series < SVI_COPY_DISTANCE ||
                       runs_along(outlines + row * OUTLINE_BYTES, outlines + column * OUTLINE_BYTES);
        }
        if (is_copy)
            additions[row] = SV_COPY;
        else
            without = against;
    }
    return SV_OK;
}

/* Say of each whether it belongs to the others, by what all that are usable have. */
static int screen(sv_verifier *verifier, const sv_template *enrolled, const int8_t *outlines, sv_addition *additions)
{
    const int count = enrolled->references;
    float pairs[SV_MAX_REFERENCES * SV_MAX_REFERENCES * SVI_KNOWN_CUES] = {0};
    int lacking = 0, having = 0;
    SVI_TRY(find_copies(verifier, enrolled, outlines, pairs, additions));
    for (int i = 0; i < count; i++)
        if (additions[i] == SV_TAKEN) {
            int has = svi_has_pressure(&enrolled->shape, &enrolled->each[i]);
            having |= has;
            lacking |= !has;
        }
    for (int row = 1; lacking && having && row < count; row++)
        for (int column = 0; column < row; column++)
            if (additions[row] == SV_TAKEN && additions[column] == SV_TAKEN)
                SVI_TRY(compare_pair(verifier, enrolled, row, column, SVI_PRESSURE, pairs, NULL));
    svi_screen(verifier->model, pairs, count, lacking, additions);
    return SV_OK;
}

/* Leave pressure out of all where one lacks it, and measure what the template keeps: the spread, and how near strangers
 * come. */
static int settle(sv_verifier *verifier, sv_template *enrolled)
{
    const svi_shape *shape = &enrolled->shape;
    int lacking = 0;
    for (int i = 0; i < enrolled->references; i++)
        lacking |= !svi_has_pressure(shape, &enrolled->each[i]);
    for (int i = 0; lacking && i < enrolled->references; i++)
        for (size_t k = SVI_PRESSURE; k < shape->frames * shape->channels; k += shape->channels)
            enrolled->each[i].series[k] = 0;
    for (int row = 1; row < enrolled->references; row++)
        for (int column = 0; column < row; column++)
            SVI_TRY(compare_pair(verifier, enrolled, row, column, SVI_NOTHING, enrolled->spread, NULL));
    return svi_meet_strangers(verifier, enrolled);
}

/* Round as storing rounds, so that scores are the same before and after. Only the vectors lose anything. */
static void round_as_stored(sv_template *enrolled)
{
    for (int i = 0; i < enrolled->references; i++)
        for (size_t k = 0; k < enrolled->shape.size; k++)
            enrolled->each[i].vector[k] = svi_half_to_float(svi_float_to_half(enrolled->each[i].vector[k]));
}

/* Embed all, and say of each whether it is one of them. */
static int judge(sv_verifier *verifier, const sv_signature *signatures, int8_t *outlines, sv_addition *additions,
                 sv_template *enrolled)
{
    for (int i = 0; i < enrolled->references; i++)
        SVI_TRY(embed_one(verifier, &signatures[i], &enrolled->each[i], outlines + i * OUTLINE_BYTES, &additions[i]));
    return screen(verifier, enrolled, outlines, additions);
}

static int fill(sv_verifier *verifier, const sv_signature *signatures, sv_screening screening,
                sv_addition *additions, sv_template *enrolled)
{
    int8_t *outlines = malloc((size_t)enrolled->references * OUTLINE_BYTES + 1);
    int status = outlines ? judge(verifier, signatures, outlines, additions, enrolled) : SV_NO_MEMORY;
    free(outlines);
    if (status != SV_OK)
        return status;
    for (int i = 0; i < enrolled->references; i++)
        if (screening == SV_ENFORCE && additions[i] != SV_TAKEN)
            return SV_ENROLLMENT_ERROR;
    round_as_stored(enrolled); /* the spread is measured of what is kept */
    return settle(verifier, enrolled);
}

int sv_enroll(sv_verifier *verifier, const char *user, int64_t created_ms, const sv_signature *signatures,
              size_t count, sv_screening screening, sv_addition *additions, sv_template **enrolled)
{
    sv_addition reasons[SV_MAX_REFERENCES] = {SV_TAKEN};
    sv_template *fresh;
    int status;
    if (!verifier || !user || !signatures || !enrolled)
        return SV_CONFIG_ERROR;
    *enrolled = NULL;
    if (screening != SV_ENFORCE && screening != SV_RECORD) /* a mistaken number must not let every set in */
        return SV_CONFIG_ERROR;
    if (!svi_user_is_valid(user, strlen(user)) || !svi_created_is_valid(created_ms))
        return SV_CONFIG_ERROR;
    if (count < 1 || count > SV_MAX_REFERENCES)
        return SV_ENROLLMENT_ERROR;
    SVI_TRY(svi_template_new(user, strlen(user), &verifier->shape, (int)count, &fresh));
    memcpy(fresh->model_id, verifier->model->id, sizeof fresh->model_id);
    fresh->created_ms = created_ms;
    status = fill(verifier, signatures, screening, reasons, fresh);
    if (additions)
        memcpy(additions, reasons, count * sizeof *additions);
    if (status != SV_OK) {
        sv_template_close(fresh);
        return status;
    }
    *enrolled = fresh;
    return SV_OK;
}
