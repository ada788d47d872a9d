/* A firmware's whole life, timed: benchmarks/native.py compiles and runs it.
 *
 * native MODEL LITERT TEMPLATE PROBES ROUNDS BARE. Prints one JSON object. BARE is the model without its cohort. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "firmware.h"

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static long resident_kb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes;
}

static double used_ms(void)
{
    return 1e3 * (double)clock() / CLOCKS_PER_SEC;
}

/* Median milliseconds of the processor's time to enroll somebody by the first five, with a model file of its own: it
 * takes long enough to be interrupted. */
static double enrolling_ms(const char *file, const char *library, const sv_signature *signatures, int rounds)
{
    size_t size;
    char *data = read_whole(file, &size);
    double *took = malloc((size_t)rounds * sizeof *took), found;
    sv_model *model;
    sv_litert *litert;
    sv_verifier *verifier;
    must(took ? SV_OK : SV_NO_MEMORY, "rounds");
    must(sv_model_open(data, size, &model), file);
    must(sv_litert_open(library, model, &litert), "LiteRT");
    must(sv_verifier_open(model, sv_litert_network(litert), &verifier), "verifier");
    for (int i = 0; i < rounds; i++) {
        sv_template *enrolled;
        double before = used_ms();
        must(sv_enroll(verifier, "ann", 0, signatures, 5, SV_RECORD, NULL, &enrolled), "enroll");
        took[i] = used_ms() - before;
        sv_template_close(enrolled);
    }
    found = median(took, rounds);
    sv_verifier_close(verifier);
    sv_litert_close(litert);
    sv_model_close(model);
    free(took);
    free(data);
    return found;
}

int main(int count, char **arguments)
{
    size_t size, content_size, probes_size, probes_count;
    double start = now_ms(), first, *features_ms, *verify_ms, *import_ms, *networks_ms;
    sv_model *model;
    sv_litert *litert;
    sv_verifier *verifier;
    sv_template *enrolled;
    sv_signature probes[MOST];
    sv_decision decision;
    static float values[SV_FRAMES * SV_CHANNELS];
    if (count != 7)
        return 2;
    int rounds = atoi(arguments[5]), accepted = 0;
    char *data = read_whole(arguments[1], &size), *content = read_whole(arguments[3], &content_size);
    char *drawn = read_whole(arguments[4], &probes_size);
    probes_count = read_captures(drawn, drawn + probes_size, probes);
    must(sv_model_open(data, size, &model), "model");
    must(sv_litert_open(arguments[2], model, &litert), "LiteRT");
    must(sv_verifier_open(model, sv_litert_network(litert), &verifier), "verifier");
    must(sv_template_import(content, content_size, &enrolled), "template");
    must(sv_verify(verifier, enrolled, &probes[0], NULL, &decision), "verify");
    first = now_ms() - start;
    features_ms = malloc((size_t)rounds * sizeof *features_ms);
    verify_ms = malloc((size_t)rounds * sizeof *verify_ms);
    import_ms = malloc((size_t)rounds * sizeof *import_ms);
    networks_ms = malloc((size_t)rounds * sizeof *networks_ms);
    const bare networks = bare_networks(model, litert);
    must(features_ms && verify_ms && import_ms && networks_ms ? SV_OK : SV_NO_MEMORY, "rounds");
    for (int i = 0; i < rounds; i++) {
        const sv_signature *probe = &probes[(size_t)i % probes_count];
        sv_template *again;
        double before = now_ms();
        must(sv_features(probe, values), "features");
        features_ms[i] = now_ms() - before;
        before = now_ms();
        must(sv_template_import(content, content_size, &again), "template");
        import_ms[i] = now_ms() - before;
        sv_template_close(again);
        before = now_ms();
        must(sv_verify(verifier, enrolled, probe, NULL, &decision), "verify");
        verify_ms[i] = now_ms() - before;
        accepted += decision.accepted;
        before = now_ms();
        run_networks(&networks, sv_template_references(enrolled));
        networks_ms[i] = now_ms() - before;
    }
    const long resident = resident_kb();
    printf("{\"first_ms\": %.3f, \"features_ms\": %.4f, \"import_ms\": %.4f, \"verify_ms\": %.4f, ", first,
           median(features_ms, rounds), median(import_ms, rounds), median(verify_ms, rounds));
    printf("\"enroll_ms\": %.4f, \"enroll_bare_ms\": %.4f, ",
           enrolling_ms(arguments[1], arguments[2], probes, rounds / 10 + 1),
           enrolling_ms(arguments[6], arguments[2], probes, rounds / 10 + 1));
    printf("\"networks_ms\": %.4f, \"accepted\": %d, \"resident_kb\": %ld}\n", median(networks_ms, rounds), accepted,
           resident);
    sv_template_close(enrolled);
    sv_verifier_close(verifier);
    sv_litert_close(litert);
    sv_model_close(model);
    return 0;
}
