/* What the programs here share that play firmware: they end at the first failure, and read captures as native.py
 * packs them. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <sigverify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 256

static void must(int status, const char *what)
{
    if (status == SV_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, sv_status_text(status));
    exit(1);
}

static char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data;
    must(file && fseek(file, 0, SEEK_END) == 0 ? SV_OK : SV_ERROR, path);
    *size = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size);
    must(data && fread(data, 1, *size, file) == *size ? SV_OK : SV_ERROR, path);
    fclose(file);
    return data;
}

/* For each signature a count (uint64) and then x, y, time_ms and pressure as double and pen_down as bytes, padded
 * to 8. */
static size_t read_captures(const char *at, const char *end, sv_signature *captures)
{
    size_t count = 0;
    while (at < end && count < MOST) {
        uint64_t samples;
        const double *columns = (const double *)(const void *)(at + 8);
        memcpy(&samples, at, 8);
        captures[count++] = (sv_signature){samples,
                                         columns,
                                         columns + samples,
                                         columns + 2 * samples,
                                         columns + 3 * samples,
                                         (const uint8_t *)(columns + 4 * samples)};
        at += 8 + 32 * samples + (samples + 7) / 8 * 8;
    }
    return count;
}

/* The networks without anything around them. */
typedef struct bare {
    sv_network network;
    void *input, *vector, *sequence, *pair_input, *pair_output;
} bare;

static inline void *room(size_t bytes)
{
    void *block = calloc(1, bytes + 1);
    must(block ? SV_OK : SV_NO_MEMORY, "room");
    return block;
}

static inline bare bare_networks(const sv_model *model, sv_litert *litert)
{
    sv_model_info info;
    must(sv_model_describe(model, &info), "model");
    return (bare){sv_litert_network(litert),  room(info.input_bytes),      room(info.vector_bytes),
                  room(info.sequence_bytes), room(info.pair_input_bytes), room(info.pair_output_bytes)};
}

/* What a verification runs of them. */
static inline void run_networks(const bare *its, int references)
{
    const sv_network *network = &its->network;
    must(network->invoke(network->context, its->input, its->vector, its->sequence), "network");
    for (int i = 0; i < references && network->judge; i++)
        must(network->judge(network->context, its->pair_input, its->pair_output), "pair network");
}

#endif
