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
    sv_embedding embedding;
    static sv_signature captures[MOST];
    if (count != 4)
        return 2;
    char *data = read_whole(arguments[1], &size), *drawn = read_whole(arguments[3], &captures_size);
    captures_count = read_captures(drawn, drawn + captures_size, captures);
    must(sv_model_open(data, size, &model), "model");
    must(sv_model_describe(model, &info), "model");
    must(sv_litert_open(arguments[2], model, &litert), "LiteRT");
    must(sv_verifier_open(model, sv_litert_network(litert), &verifier), "verifier");
    embedding.series = malloc(SV_FRAMES * SV_SERIES_CHANNELS);
    embedding.detail = malloc(SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS);
    embedding.sequence = malloc(info.steps * info.depth + 1);
    embedding.vector = malloc(info.vector_size * sizeof *embedding.vector);
    must(embedding.series && embedding.detail && embedding.sequence && embedding.vector ? SV_OK : SV_NO_MEMORY, "embedding");
    for (size_t i = 0; i < captures_count; i++) {
        must(sv_embed(verifier, &captures[i], &embedding), "embed");
        fwrite(embedding.series, 1, SV_FRAMES * SV_SERIES_CHANNELS, stdout);
        fwrite(embedding.detail, 1, SV_DETAIL_FRAMES * SV_DETAIL_CHANNELS, stdout);
        fwrite(embedding.sequence, 1, info.steps * info.depth, stdout);
        fwrite(embedding.vector, sizeof *embedding.vector, info.vector_size, stdout);
        fwrite(&embedding.extent, sizeof embedding.extent, 1, stdout);
    }
    return 0;
}
