/* Embed captures, and write what is kept of each to the standard output: benchmarks/arm.py compiles and runs it.
 *
 * arm MODEL LITERT CAPTURES */
#include "firmware.h"

int main(int count, char **arguments)
{
    size_t size, captures_size, captures_count;
    sv_model *model;
    sv_model_info info;
    sv_litert *litert;
    sv_verifier *verifier;
    sv_embedding its;
    static sv_signature captures[MOST];
    if (count != 4)
        return 2;
    char *data = read_whole(arguments[1], &size), *drawn = read_whole(arguments[3], &captures_size);
    captures_count = read_captures(drawn, drawn + captures_size, captures);
    must(sv_model_open(data, size, &model), "model");
    must(sv_model_describe(model, &info), "model");
    must(sv_litert_open(arguments[2], model, &litert), "LiteRT");
    must(sv_verifier_open(model, sv_litert_network(litert), &verifier), "verifier");
    its.dynamics = malloc(SV_FRAMES * SV_DYNAMICS);
    its.sequence = malloc(info.steps * info.depth + 1);
    its.vector = malloc(info.vector_size * sizeof *its.vector);
    must(its.dynamics && its.sequence && its.vector ? SV_OK : SV_NO_MEMORY, "embedding");
    for (size_t i = 0; i < captures_count; i++) {
        must(sv_embed(verifier, &captures[i], &its), "embed");
        fwrite(its.dynamics, 1, SV_FRAMES * SV_DYNAMICS, stdout);
        fwrite(its.sequence, 1, info.steps * info.depth, stdout);
        fwrite(its.vector, sizeof *its.vector, info.vector_size, stdout);
        fwrite(&its.duration_ms, sizeof its.duration_ms, 1, stdout);
    }
    return 0;
}
