/* Everything that libsigverify does, on scrawls of arithmetic.
 *
 * exercise MODEL: prints what it computed; aborts where something is wrong. Linked with the library's sources, as
 * it sums up what it got by their CRC. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../firmware_bridge/libsigverify/src/internal.h"
#include "../check.h"

#define SAMPLES 150
#define REFERENCES 5
#define PEOPLE 3

typedef struct scrawl {
    double x[SAMPLES], y[SAMPLES], time_ms[SAMPLES], pressure[SAMPLES];
    uint8_t pen_down[SAMPLES];
    sv_signature signature;
} scrawl;

typedef struct context {
    size_t input, vector, sequence, pair_input;
} context;

/* Stands in for a network: sums of the input, the same everywhere. */
static int invoke(void *state, const void *input, void *vector, void *sequence)
{
    const context *sizes = state;
    const int8_t *in = input;
    for (size_t i = 0; i < sizes->vector; i++) {
        int sum = 0;
        for (size_t k = i; k < sizes->input; k += sizes->vector)
            sum += in[k];
        ((int8_t *)vector)[i] = (int8_t)(sum % 120);
    }
    for (size_t i = 0; i < sizes->sequence; i++)
        ((int8_t *)sequence)[i] = (int8_t)(in[i % sizes->input] / 2);
    return SV_OK;
}

/* Stands in for a pair network: the more the two differ the more it says. */
static int judge(void *state, const void *input, void *output)
{
    const context *sizes = state;
    long sum = 0;
    for (size_t i = 0; i < sizes->pair_input; i++)
        sum += abs(((const int8_t *)input)[i]);
    *(int8_t *)output = (int8_t)(sum / 1024 % 120);
    return SV_OK;
}

static void draw(scrawl *drawn, int writer, int repetition)
{
    double shift = 0.13 * repetition, pace = 10 + writer;
    for (int i = 0; i < SAMPLES; i++) {
        double t = (double)i / SAMPLES;
        drawn->x[i] = floor(1000 * (40 * sin((14 + 3 * writer) * t + shift) + 15 * cos(31 * t) + 220 * t));
        drawn->y[i] = floor(1000 * (50 * sin((17 + writer) * t) + 20 * cos((29 - writer) * t + 2 * shift)));
        drawn->time_ms[i] = pace * i;
        drawn->pressure[i] = floor(500 + 300 * sin(9 * t + shift));
        drawn->pen_down[i] = i % 40 != 0;
    }
    drawn->signature = (sv_signature){SAMPLES, drawn->x, drawn->y, drawn->time_ms, drawn->pressure, drawn->pen_down};
}

/* Faults of a device or a hand, each of which is mended on a way of its own. */
static void disturb(scrawl *drawn, int fault)
{
    sv_signature *its = &drawn->signature;
    for (int i = 0; i < SAMPLES; i++) {
        double *time = &drawn->time_ms[i];
        switch (fault) {
        case 0: *time = floor(*time / 60) * 60; break;                              /* a coarse clock */
        case 1: *time = *time - 10 * (i % 5) + 0.125 * (i % 5); break;              /* bursts */
        case 2: *time += floor(3000 * sin(7.0 * i)) / 1000; break;                  /* jitter */
        case 3: *time = fmod(*time + 65000, 65536); break;                          /* a counter that wraps */
        case 4: *time -= 10 * (i - i % 40); break;                                  /* stamps from 0 in each stroke */
        case 5: *time += i > 70 ? 1e6 : 0; break;                                   /* a jump */
        case 6: *time += i > 3 ? 1500 : 0; drawn->pen_down[4] = i < 4; break;       /* a touch before */
        case 7: drawn->x[i] = drawn->x[i < 30 ? 30 : i]; drawn->y[i] = drawn->y[i < 30 ? 30 : i]; break; /* a rest */
        case 8: drawn->pressure[i] = i < 100 ? drawn->pressure[i] : 0; break;       /* pressure that vanishes */
        case 9: *time /= 1000; break;                                               /* seconds */
        default: break;
        }
    }
    its->pressure = fault == 10 ? NULL : its->pressure;
}

static void mend(int writer)
{
    float values[SV_FRAMES * SV_CHANNELS];
    for (int fault = 0; fault <= 10; fault++) {
        scrawl drawn;
        svi_capture capture;
        draw(&drawn, writer, fault);
        disturb(&drawn, fault);
        CHECK(sv_features(&drawn.signature, values) == SV_OK);
        CHECK(svi_capture_open(&drawn.signature, &capture) == SV_OK);
        printf("fault %d: features %08x, %d samples in %.9f ms, flaw %d\n", fault,
               (unsigned)svi_crc32((const uint8_t *)values, sizeof values), (int)capture.count,
               svi_capture_duration(&capture), (int)svi_assess(&capture));
        svi_capture_close(&capture);
    }
}

static uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    CHECK(file && fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size);
    CHECK(data && fread(data, 1, *size, file) == *size);
    fclose(file);
    return data;
}

/* A writer; the last person's second reference has no pressure. */
static sv_template *enroll(sv_verifier *verifier, const char *user, int writer)
{
    static scrawl drawn[REFERENCES];
    sv_signature signatures[REFERENCES];
    sv_addition additions[REFERENCES];
    sv_template *enrolled;
    for (int i = 0; i < REFERENCES; i++) {
        draw(&drawn[i], writer, i);
        if (writer == PEOPLE - 1 && i == 1)
            drawn[i].signature.pressure = NULL;
        signatures[i] = drawn[i].signature;
    }
    CHECK(sv_enroll(verifier, user, 1700000000000, signatures, REFERENCES, SV_RECORD, additions, &enrolled) == SV_OK);
    for (int i = 0; i < REFERENCES; i++)
        printf("%s reference %d: %d\n", user, i, (int)additions[i]);
    return enrolled;
}

static uint8_t *export_whole(const sv_template *enrolled, size_t *size)
{
    uint8_t *data;
    CHECK(sv_template_export(enrolled, NULL, 0, size) == SV_OK);
    data = malloc(*size);
    CHECK(data && sv_template_export(enrolled, data, *size - 1, size) == SV_CONFIG_ERROR);
    CHECK(sv_template_export(enrolled, data, *size, size) == SV_OK);
    return data;
}

static void verify(sv_verifier *verifier, const sv_template *enrolled, int writer, int repetition)
{
    scrawl drawn;
    sv_policy policy = {0.01, 0.1, SV_RANDOM};
    sv_decision decision;
    double score;
    draw(&drawn, writer, repetition);
    CHECK(sv_verify(verifier, enrolled, &drawn.signature, &policy, &decision) == SV_OK);
    CHECK(sv_score(verifier, enrolled, &drawn.signature, &score) == SV_OK);
    CHECK(decision.reason == SV_REPLAY ? isnan(decision.score) : decision.score == score);
    printf("writer %d, %d: outcome %d, reason %d, score %.9f\n", writer, repetition, (int)decision.outcome,
           (int)decision.reason, score);
    drawn.signature.pressure = NULL;
    CHECK(sv_score(verifier, enrolled, &drawn.signature, &score) == SV_OK);
    printf("without pressure: score %.9f\n", score);
    drawn.signature.count = 12; /* a tenth of a second */
    CHECK(sv_verify(verifier, enrolled, &drawn.signature, NULL, &decision) == SV_OK && decision.reason == SV_POOR);
    drawn.signature.count = 7;
    CHECK(sv_verify(verifier, enrolled, &drawn.signature, NULL, &decision) == SV_INVALID_SIGNATURE);
}

static void identify(sv_verifier *verifier, sv_template *const *people)
{
    const sv_template *const templates[PEOPLE] = {people[0], people[1], people[2]};
    scrawl drawn;
    sv_match matches[2];
    size_t found;
    draw(&drawn, 1, 7);
    CHECK(sv_identify(verifier, templates, PEOPLE, &drawn.signature, 0, matches, 2, &found) == SV_OK && found == 2);
    CHECK(matches[0].score >= matches[1].score);
    printf("most alike: %s %.9f\n", sv_template_user(templates[matches[0].index]), matches[0].score);
    CHECK(sv_identify(verifier, templates, PEOPLE, &drawn.signature, 0.01, matches, 1, &found) == SV_OK);
    printf("named at 0.01: %d\n", (int)found);
    CHECK(sv_identify(verifier, NULL, 0, &drawn.signature, 0.01, matches, 1, &found) == SV_OK && found == 0);
}

int main(int count, char **arguments)
{
    size_t size, exported;
    uint8_t *data, *content;
    sv_model *model;
    sv_model_info info;
    sv_verifier *verifier;
    sv_template *people[PEOPLE], *again;
    const char *const names[PEOPLE] = {"alice", "bob", "c\xc3\xa9line"};
    float values[SV_FRAMES * SV_CHANNELS];
    scrawl drawn;
    CHECK(count == 2);
    data = read_whole(arguments[1], &size);
    CHECK(sv_model_open(data, size, &model) == SV_OK && sv_model_describe(model, &info) == SV_OK);
    context sizes = {info.input_bytes, info.vector_bytes, info.sequence_bytes, info.pair_input_bytes};
    sv_network network = {invoke, NULL, &sizes};
    CHECK(sv_verifier_open(model, network, &verifier) == (info.pair_network ? SV_CONFIG_ERROR : SV_OK));
    sv_verifier_close(verifier);
    network.judge = judge;
    CHECK(sv_verifier_open(model, network, &verifier) == SV_OK);
    draw(&drawn, 0, 0);
    CHECK(sv_features(&drawn.signature, values) == SV_OK);
    printf("model %s, features %08x\n", info.id, (unsigned)svi_crc32((const uint8_t *)values, sizeof values));
    mend(0);
    mend(2);
    for (int i = 0; i < PEOPLE; i++)
        people[i] = enroll(verifier, names[i], i);
    content = export_whole(people[2], &exported);
    CHECK(sv_template_import(content, exported, &again) == SV_OK);
    printf("template %08x of %s\n", (unsigned)svi_crc32(content, exported), sv_template_user(again));
    for (int writer = 0; writer < PEOPLE; writer++)
        for (int repetition = 4; repetition < 7; repetition++)
            verify(verifier, people[0], writer, repetition);
    identify(verifier, people);
    for (int i = 0; i < PEOPLE; i++)
        sv_template_close(people[i]);
    sv_template_close(again);
    sv_verifier_close(verifier);
    sv_model_close(model);
    free(content);
    free(data);
    puts("sound");
    return 0;
}
