/* A firmware's whole life, timed: benchmarks/native.py compiles and runs it.
 *
 * native MODEL LITERT TEMPLATE PROBES ROUNDS. Prints one JSON object. */
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

int main(int count, char **arguments)
{
    size_t size, content_size, probes_size, probes_count;
    double start = now_ms(), first, *features_ms, *verify_ms, *import_ms;
    sv_model *model;
    sv_litert *litert;
    sv_verifier *verifier;
    sv_template *enrolled;
    sv_signature probes[MOST];
    sv_decision decision;
    static float values[SV_FRAMES * SV_CHANNELS];
    if (count != 6)
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
    must(features_ms && verify_ms && import_ms ? SV_OK : SV_NO_MEMORY, "rounds");
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
    }
    printf("{\"first_ms\": %.3f, \"features_ms\": %.4f, \"import_ms\": %.4f, \"verify_ms\": %.4f, ", first,
           median(features_ms, rounds), median(import_ms, rounds), median(verify_ms, rounds));
    printf("\"accepted\": %d, \"resident_kb\": %ld}\n", accepted, resident_kb());
    sv_template_close(enrolled);
    sv_verifier_close(verifier);
    sv_litert_close(litert);
    sv_model_close(model);
    return 0;
}
