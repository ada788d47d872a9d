/* Enrollment: which signatures belong together (sigverify/enrollment/enrollment.py), and the template made of them. */
#include <string.h>

#include "internal.h"

#define LINK 0.1
#define ODD 0.01

/* Some of the signatures: their numbers, in order. */
typedef struct group {
    int count;
    int numbers[SV_MAX_REFERENCES];
} group;

static const float *between(const float *apart, int count, int one, int other)
{
    return apart + (one * count + other) * SV_CUES;
}

/* Score one against the others of a group. */
static double against(const svi_scoring *scoring, const float *apart, int count, int one, const group *its)
{
    float distances[SV_MAX_REFERENCES * SV_CUES], spread[SV_MAX_REFERENCES * SV_MAX_REFERENCES * SV_CUES];
    group others = {0, {0}};
    for (int i = 0; i < its->count; i++)
        if (its->numbers[i] != one)
            others.numbers[others.count++] = its->numbers[i];
    for (int i = 0; i < others.count; i++) {
        memcpy(distances + i * SV_CUES, between(apart, count, one, others.numbers[i]), SV_CUES * sizeof(float));
        for (int j = 0; j < others.count; j++)
            memcpy(spread + (i * others.count + j) * SV_CUES,
                   between(apart, count, others.numbers[i], others.numbers[j]), SV_CUES * sizeof(float));
    }
    return svi_score(scoring, distances, spread, others.count);
}

static int is_copy(const float *apart, int count, int number, const sv_addition *additions)
{
    for (int earlier = 0; earlier < number; earlier++)
        if (additions[earlier] == SV_TAKEN && between(apart, count, number, earlier)[0] < SVI_COPY_DISTANCE)
            return 1;
    return 0;
}

/* All that are linked with `first`, directly or by others, taken out of `left`. */
static group linked_with(const svi_scoring *scoring, const float *apart, int count, int first, uint8_t *left)
{
    group its = {1, {first}};
    left[first] = 0;
    for (int reached = 0; reached < its.count; reached++)
        for (int other = 0; other < count; other++) {
            group alone = {1, {other}};
            if (left[other] && against(scoring, apart, count, its.numbers[reached], &alone) >= LINK) {
                left[other] = 0;
                its.numbers[its.count++] = other;
            }
        }
    return its;
}

static group largest_linked(const svi_scoring *scoring, const float *apart, int count, const sv_addition *additions)
{
    uint8_t left[SV_MAX_REFERENCES];
    group best = {0, {0}};
    for (int i = 0; i < count; i++)
        left[i] = additions[i] == SV_TAKEN;
    for (int i = 0; i < count; i++)
        if (left[i]) {
            group its = linked_with(scoring, apart, count, i, left);
            best = its.count > best.count ? its : best;
        }
    return best;
}

/* The place of the odd one of three or more, or -1. Of equals the earliest signature. */
static int odd_one(const svi_scoring *scoring, const float *apart, int count, const group *its)
{
    double worst = ODD;
    int odd = -1;
    for (int i = 0; i < its->count; i++) {
        double score = against(scoring, apart, count, its->numbers[i], its);
        if (score < worst || (odd >= 0 && score == worst && its->numbers[i] < its->numbers[odd])) {
            worst = score;
            odd = i;
        }
    }
    return odd;
}

void svi_screen(const svi_scoring *scoring, const float *apart, int count, sv_addition *additions)
{
    group its;
    int odd;
    for (int i = 0; i < count; i++)
        if (additions[i] == SV_TAKEN && is_copy(apart, count, i, additions))
            additions[i] = SV_COPY;
    its = largest_linked(scoring, apart, count, additions);
    while (its.count > 2 && (odd = odd_one(scoring, apart, count, &its)) >= 0)
        its.numbers[odd] = its.numbers[--its.count];
    for (int i = 0; i < count; i++) {
        int together = 0;
        for (int j = 0; j < its.count; j++)
            together |= its.numbers[j] == i;
        if (additions[i] == SV_TAKEN && !together)
            additions[i] = SV_UNLIKE_OTHERS;
    }
}

static int embed_one(sv_verifier *verifier, const sv_signature *signature, sv_embedding *its, sv_addition *flaw)
{
    svi_capture capture;
    int status;
    SVI_TRY(svi_capture_open(signature, &capture));
    *flaw = svi_assess(signature, &capture);
    status = svi_embed(verifier, &capture, its);
    svi_capture_close(&capture);
    return status;
}

/* Compare all with each other, the later as the probe. */
static void compare_all(sv_verifier *verifier, sv_template *its)
{
    for (int row = 1; row < its->references; row++)
        for (int column = 0; column < row; column++) {
            float *apart = its->spread + (row * its->references + column) * SV_CUES;
            svi_compare(&verifier->aligner, &its->shape, &its->each[row], &its->each[column], apart);
            memcpy(its->spread + (column * its->references + row) * SV_CUES, apart, SV_CUES * sizeof *apart);
        }
}

/* Round as storing rounds, so that scores are the same before and after. Only the vectors lose anything. */
static void round_as_stored(sv_verifier *verifier, sv_template *its)
{
    for (int i = 0; i < its->references; i++)
        for (size_t k = 0; k < its->shape.size; k++)
            its->each[i].vector[k] = svi_half_to_float(svi_float_to_half(its->each[i].vector[k]));
    for (int row = 1; row < its->references; row++)
        for (int column = 0; column < row; column++) {
            float apart = svi_vector_distance(&verifier->aligner, &its->shape, its->each[row].vector,
                                              its->each[column].vector);
            its->spread[(row * its->references + column) * SV_CUES + 2] = apart;
            its->spread[(column * its->references + row) * SV_CUES + 2] = apart;
        }
}

static int fill(sv_verifier *verifier, const sv_signature *signatures, sv_screening screening,
                sv_addition *additions, sv_template *its)
{
    for (int i = 0; i < its->references; i++)
        SVI_TRY(embed_one(verifier, &signatures[i], &its->each[i], &additions[i]));
    compare_all(verifier, its);
    svi_screen(&verifier->model->scoring, its->spread, its->references, additions);
    for (int i = 0; i < its->references; i++)
        if (screening == SV_ENFORCE && additions[i] != SV_TAKEN)
            return SV_ENROLLMENT_ERROR;
    round_as_stored(verifier, its);
    return SV_OK;
}

int sv_enroll(sv_verifier *verifier, const char *user, int64_t created_ms, const sv_signature *signatures,
              size_t count, sv_screening screening, sv_addition *additions, sv_template **its)
{
    sv_addition reasons[SV_MAX_REFERENCES] = {SV_TAKEN};
    sv_template *fresh;
    int status;
    if (!verifier || !user || !signatures || !its)
        return SV_CONFIG_ERROR;
    *its = NULL;
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
    *its = fresh;
    return SV_OK;
}
