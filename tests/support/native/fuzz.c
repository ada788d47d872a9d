/* Hostile templates, model files and recordings, the first two with their checksums mended, so that they are read and
 * not only refused.
 *
 * The first letter of the input says what the rest is: `T` a template; `M` a model file; `P` a manifest, after its
 * length in two bytes, and a template, which is made one of that model: then somebody is enrolled and compared; `S` the
 * samples of a recording. Linked with the library's sources. Beside the bounds, which the sanitizers watch: what is
 * read is written again as it was, it is finite, scores are between 0 and 1, and time runs forward. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../firmware_bridge/libsigverify/src/internal.h"
#include "../check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 40, HASH = 32, CRC = 4, NETWORK = 16, SIGNS_AT = 9, ID_AT = 38, ID = 8, SAMPLES = 100 };
enum { LARGEST = 1 << 17 };

typedef struct context {
    size_t input, vector, sequence, pair_input, pair_output;
} context;

/* Stands in for a network: bytes of the input, stirred, so that a tensor of floats has any floats. */
static int invoke(void *state, const void *input, void *vector, void *sequence)
{
    const context *sizes = state;
    for (size_t i = 0; i < sizes->vector; i++)
        ((uint8_t *)vector)[i] = ((const uint8_t *)input)[5 * i % sizes->input];
    for (size_t i = 0; i < sizes->sequence; i++)
        ((uint8_t *)sequence)[i] = ((const uint8_t *)input)[7 * i % sizes->input];
    return SV_OK;
}

static int judge(void *state, const void *input, void *output)
{
    const context *sizes = state;
    for (size_t i = 0; i < sizes->pair_output; i++)
        ((uint8_t *)output)[i] = ((const uint8_t *)input)[11 * i % sizes->pair_input];
    return SV_OK;
}

static const sv_signature *scrawl(void)
{
    static double x[SAMPLES], y[SAMPLES], time_ms[SAMPLES];
    static sv_signature signature = {SAMPLES, x, y, time_ms, NULL, NULL};
    for (int i = 0; i < SAMPLES; i++) {
        x[i] = floor(3 * i + 100 * sin(0.3 * i));
        y[i] = floor(120 * sin(0.21 * i));
        time_ms[i] = 12.0 * i;
    }
    return &signature;
}

/* Bytes of exactly that size, so that one byte too far is noticed. */
static uint8_t *copied(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    CHECK(copy);
    memcpy(copy, data, size);
    return copy;
}

/* ------------------------------------------------------------------------------------------ templates */

static void mend_template(uint8_t *data, size_t size)
{
    if (size > CRC)
        svi_put(data + size - CRC, svi_crc32(data, size - CRC), CRC);
}

static void check_export(const sv_template *enrolled, const uint8_t *data, size_t size)
{
    size_t again = 0;
    uint8_t *same;
    CHECK(sv_template_export(enrolled, NULL, 0, &again) == SV_OK && again == size);
    same = malloc(size);
    CHECK(same && sv_template_export(enrolled, same, size - 1, &again) == SV_CONFIG_ERROR);
    CHECK(sv_template_export(enrolled, same, size, &again) == SV_OK);
    /* A cue that is 0 throughout has no sign, whatever the header says of it. */
    CHECK((same[SIGNS_AT] & ~data[SIGNS_AT]) == 0);
    if (same[SIGNS_AT] == data[SIGNS_AT])
        CHECK(memcmp(same, data, size) == 0);
    free(same);
    CHECK(strlen(sv_template_user(enrolled)) && strlen(sv_template_model_id(enrolled)) == SV_MODEL_ID_SIZE - 1);
}

static void check_finite(const sv_template *enrolled)
{
    for (int i = 0; i < enrolled->references; i++) {
        CHECK(isfinite(enrolled->each[i].extent));
        for (size_t k = 0; k < enrolled->shape.size; k++)
            CHECK(isfinite(enrolled->each[i].vector[k]));
    }
    for (int i = 0; i < 2; i++)
        CHECK(isfinite(enrolled->strangers[i].mean) && enrolled->strangers[i].deviation >= 0);
}

static sv_template *read_template(const uint8_t *data, size_t size)
{
    sv_template *enrolled = NULL;
    int status = sv_template_import(data, size, &enrolled);
    CHECK((status == SV_OK) == (enrolled != NULL));
    if (enrolled) {
        check_export(enrolled, data, size);
        check_finite(enrolled);
    }
    return enrolled;
}

static void try_template(const uint8_t *data, size_t size)
{
    uint8_t *copy = copied(data, size);
    sv_template_close(read_template(copy, size));
    mend_template(copy, size);
    sv_template_close(read_template(copy, size));
    free(copy);
}

/* --------------------------------------------------------------------------------------------- models */

static void mend_model(uint8_t *data, size_t size)
{
    svi_sha256 hash;
    if (size < HASH)
        return;
    svi_sha256_begin(&hash);
    svi_sha256_add(&hash, data, size - HASH);
    svi_sha256_end(&hash, data + size - HASH);
}

static void check_score(int status, double score)
{
    CHECK(status != SV_OK || (score >= 0 && score <= 1));
}

static void enroll_and_verify(sv_verifier *verifier)
{
    const sv_signature *signature = scrawl();
    sv_signature two[2] = {*signature, *signature};
    sv_addition additions[2];
    sv_template *enrolled = NULL;
    int status = sv_enroll(verifier, "ann", 0, two, 2, SV_RECORD, additions, &enrolled);
    double score = 0;
    CHECK((status == SV_OK) == (enrolled != NULL));
    if (enrolled) {
        CHECK(enrolled->has_strangers == (verifier->model->people > 0));
        check_finite(enrolled);
        check_score(sv_score(verifier, enrolled, signature, &score), score);
    }
    sv_template_close(enrolled);
}

static void compare(sv_verifier *verifier, const sv_template *enrolled)
{
    sv_policy policy = {0.01, 0.05, SV_RANDOM};
    sv_decision decision;
    sv_match match;
    sv_strangers strangers;
    size_t found = 0;
    double score = 0;
    int status = sv_score(verifier, enrolled, scrawl(), &score);
    check_score(status, score);
    if (sv_verify(verifier, enrolled, scrawl(), &policy, &decision) == SV_OK && !isnan(decision.score))
        check_score(SV_OK, decision.score);
    (void)sv_identify(verifier, &enrolled, 1, scrawl(), 0.01, &match, 1, &found);
    if (sv_expected_strangers(verifier->model, enrolled, &policy, &strangers) == SV_OK)
        CHECK(isnan(strangers.share) || (strangers.share >= 0 && strangers.share <= 1));
}

static void use(const sv_model *model, const sv_template *enrolled)
{
    sv_model_info info;
    sv_verifier *verifier = NULL;
    double threshold;
    for (int references = 1; references <= SV_MAX_REFERENCES; references++)
        (void)sv_model_threshold(model, 0.01, SV_SKILLED, references, &threshold);
    if (sv_model_describe(model, &info) != SV_OK || info.vector_bytes + info.sequence_bytes > LARGEST)
        return; /* larger ones only take longer */
    context sizes = {info.input_bytes, info.vector_bytes, info.sequence_bytes, info.pair_input_bytes,
                     info.pair_output_bytes};
    sv_network network = {invoke, judge, &sizes};
    CHECK(sv_verifier_open(model, network, &verifier) == SV_OK);
    enroll_and_verify(verifier);
    if (enrolled)
        compare(verifier, enrolled);
    sv_verifier_close(verifier);
}

static void try_model(const uint8_t *data, size_t size)
{
    uint8_t *copy = copied(data, size);
    sv_model *model = NULL;
    for (int mended = 0; mended < 2; mended++) {
        CHECK((sv_model_open(copy, size, &model) == SV_OK) == (model != NULL));
        if (model)
            use(model, NULL);
        sv_model_close(model);
        mend_model(copy, size);
    }
    free(copy);
}

/* ----------------------------------------------------------------------------------------- recordings */

static double number_at(const uint8_t *at)
{
    return (double)(int16_t)svi_u16(at);
}

/* Some steps are scaled, so that stamps wrap and jump, and lie closer than any clock's. */
static double step_of(double number, uint8_t kind)
{
    static const double scales[] = {1.0, 1.0 / 1024, 1e4, 1e15, 1e-9, 65536.0 / 1e4, 1e5, 1.0};
    return number * scales[kind >> 1 & 7];
}

/* What is kept lies on a rising axis of time, with no gap. */
static void check_capture(const svi_capture *capture)
{
    CHECK(capture->count >= 1 && capture->interval > 0 && capture->lost >= 0 && capture->lost <= 1);
    for (size_t i = 1; i < capture->count; i++)
        CHECK(capture->time[i] >= capture->time[i - 1] &&
              capture->time[i] - capture->time[i - 1] <= SVI_MAX_GAP_MS * (1 + 1e-9));
    CHECK(svi_complexity(capture) >= 0);
    (void)svi_assess(capture);
}

/* Nine bytes a sample: x, y, pressure, step in two each, then whether it is ink and how the step is scaled. */
static void try_recording(const uint8_t *data, size_t size)
{
    size_t count = size / 9;
    double *columns = malloc((4 * count + 1) * sizeof *columns), time = 0.0;
    uint8_t *ink = malloc(count + 1);
    sv_signature signature = {count, columns, columns + count, columns + 2 * count, columns + 3 * count, ink};
    float values[SV_FRAMES * SV_CHANNELS];
    svi_capture capture;
    CHECK(columns && ink);
    for (size_t i = 0; i < count; i++, data += 9) {
        columns[i] = number_at(data);
        columns[count + i] = number_at(data + 2);
        time += step_of(number_at(data + 6), data[8]);
        columns[2 * count + i] = time;
        columns[3 * count + i] = fabs(number_at(data + 4));
        ink[i] = data[8] & 1;
    }
    if (svi_capture_open(&signature, &capture) == SV_OK) {
        check_capture(&capture);
        svi_capture_close(&capture);
        CHECK(sv_features(&signature, values) == SV_OK);
        for (int i = 0; i < SV_FRAMES * SV_CHANNELS; i++)
            CHECK(values[i] >= -4 && values[i] <= 4);
    }
    free(columns);
    free(ink);
}

/* ---------------------------------------------------------------------------------------- both at once */

/* Whether a manifest lists the cue of the pair network, and so its file must have one. */
static int has_pair(const uint8_t *manifest, size_t size)
{
    static const char name[] = "\"name\":\"pair\"";
    for (size_t i = 0; i + sizeof name <= size; i++)
        if (memcmp(manifest + i, name, sizeof name - 1) == 0)
            return 1;
    return 0;
}

static uint8_t *wrapped(const uint8_t *manifest, size_t manifest_size, size_t *size)
{
    size_t start = (HEADER + manifest_size + 15) / 16 * 16, pair = has_pair(manifest, manifest_size) ? NETWORK : 0;
    uint8_t *file = calloc(1, *size = start + NETWORK + pair + HASH);
    CHECK(file);
    memcpy(file, "SIGMODEL", 8);
    svi_put(file + 8, SVI_FILE_VERSION, 4);
    svi_put(file + 12, manifest_size, 4);
    svi_put(file + 16, NETWORK, 8);
    svi_put(file + 24, pair, 8);
    memcpy(file + HEADER, manifest, manifest_size);
    mend_model(file, *size);
    return file;
}

/* The first bytes of the hash of the whole file are the id by which a template names its model. */
static void adopt(uint8_t *data, size_t size, const uint8_t *file, size_t file_size)
{
    svi_sha256 hash;
    uint8_t digest[HASH];
    svi_sha256_begin(&hash);
    svi_sha256_add(&hash, file, file_size);
    svi_sha256_end(&hash, digest);
    if (size >= ID_AT + ID)
        memcpy(data + ID_AT, digest, ID);
    mend_template(data, size);
}

/* Give a model two people, of the bytes at hand; perhaps these cannot be any. They must outlive it. */
static uint8_t *bring_cohort(sv_model *model, const uint8_t *data, size_t size)
{
    size_t each = sizeof(float) + SV_FRAMES * SV_SERIES_CHANNELS + SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS +
                  model->steps * model->depth + 2 * model->vector_size;
    uint8_t *people = malloc(2 * each);
    CHECK(people);
    for (size_t i = 0; i < 2 * each; i++)
        people[i] = size ? data[i % size] : 1;
    for (size_t i = 0; i < 2; i++)
        if (people[i * each + 4] & 1) /* half of them are sound more often */
            svi_put_f32(people + i * each, 900);
    CHECK((svi_cohort_open(people, 2 * each, model) == SV_OK) == (model->people == 2));
    CHECK(svi_cohort_open(people, 2 * each - 1, model) == SV_MALFORMED_MODEL && model->people == 0);
    (void)svi_cohort_open(people, 2 * each, model);
    return people;
}

static void try_both(const uint8_t *data, size_t size)
{
    size_t manifest_size = size < 2 ? 0 : svi_u16(data), file_size;
    uint8_t *file, *copy, *people = NULL;
    sv_model *model = NULL;
    sv_template *enrolled;
    if (size < 2 || manifest_size > size - 2)
        return;
    file = wrapped(data + 2, manifest_size, &file_size);
    size -= 2 + manifest_size;
    copy = copied(data + 2 + manifest_size, size);
    adopt(copy, size, file, file_size);
    enrolled = read_template(copy, size);
    if (sv_model_open(file, file_size, &model) == SV_OK) {
        use(model, enrolled);
        people = bring_cohort(model, copy, size);
        use(model, enrolled);
    }
    if (model && getenv("SIGVERIFY_FUZZ_TRACE"))
        printf("opened%s\n", enrolled ? " both" : "");
    sv_template_close(enrolled);
    sv_model_close(model);
    free(people);
    free(copy);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && *data == 'T')
        try_template(data + 1, size - 1);
    else if (size && *data == 'M')
        try_model(data + 1, size - 1);
    else if (size && *data == 'S')
        try_recording(data + 1, size - 1);
    else if (size && *data == 'P')
        try_both(data + 1, size - 1);
    return 0;
}
