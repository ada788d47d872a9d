/* Model files, laid out as sigverify/model_file.py says at its top. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define HEADER 40    /* bytes before the manifest */
#define ALIGNMENT 16 /* of the networks, so that TFLite can read it where it lies */
#define HASH 32      /* bytes of SHA-256 at the end */
#define MAX_MANIFEST (1u << 20) /* a manifest is a few kB */
#define MAX_NETWORK (64u << 20) /* a hundred times the models that ship */
#define MAX_COHORT (16u << 20)  /* hundreds of times that of the model that ships */

typedef struct layout {
    size_t manifest, start, network; /* bytes of the manifest; where the network lies, and its bytes */
    size_t pair_start, pair_network; /* the same of the pair network */
    size_t cohort_start, cohort;     /* and of the cohort, behind which the hash begins */
} layout;

static size_t aligned(size_t place)
{
    return (place + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int is_zero(const uint8_t *data, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (data[i] != 0)
            return 0;
    return 1;
}

static int read_layout(const uint8_t *data, size_t size, layout *file)
{
    uint64_t network, pair_network, cohort;
    if (size < HEADER || memcmp(data, "SIGMODEL", 8) != 0)
        return SV_MALFORMED_MODEL;
    if (svi_u32(data + 8) != SVI_FILE_VERSION)
        return SV_INCOMPATIBLE_MODEL;
    file->manifest = svi_u32(data + 12);
    network = svi_u64(data + 16);
    pair_network = svi_u64(data + 24);
    cohort = svi_u64(data + 32);
    if (file->manifest < 1 || file->manifest > MAX_MANIFEST || network < 1 || network > MAX_NETWORK ||
        pair_network > MAX_NETWORK || cohort > MAX_COHORT)
        return SV_MALFORMED_MODEL;
    file->start = aligned(HEADER + file->manifest);
    file->network = (size_t)network;
    file->pair_start = aligned(file->start + file->network);
    file->pair_network = (size_t)pair_network;
    file->cohort_start = file->pair_start + file->pair_network;
    file->cohort = (size_t)cohort;
    if (size != file->cohort_start + file->cohort + HASH ||
        !is_zero(data, HEADER + file->manifest, file->start) ||
        !is_zero(data, file->start + file->network, file->pair_start))
        return SV_MALFORMED_MODEL;
    return SV_OK;
}

/* Check the hash at the end, and name the file by the hash of the whole, which continues the first. */
static int identify_file(const uint8_t *data, size_t end, char id[SV_MODEL_ID_SIZE])
{
    svi_sha256 body, whole;
    uint8_t digest[HASH];
    svi_sha256_begin(&body);
    svi_sha256_add(&body, data, end);
    whole = body;
    svi_sha256_end(&body, digest);
    if (memcmp(digest, data + end, HASH) != 0)
        return SV_MALFORMED_MODEL;
    svi_sha256_add(&whole, data + end, HASH);
    svi_sha256_end(&whole, digest);
    svi_hex_id(digest, id);
    return SV_OK;
}

static int fill(const uint8_t *data, const layout *file, sv_model *model)
{
    SVI_TRY(identify_file(data, file->cohort_start + file->cohort, model->id));
    SVI_TRY(svi_manifest_read((const char *)data + HEADER, file->manifest, model));
    /* A cue without the network that computes it, or a network that nobody asks. */
    if ((svi_cues_place(&model->cues, SVI_PAIR) >= 0) != (file->pair_network > 0))
        return SV_MALFORMED_MODEL;
    SVI_TRY(svi_cohort_open(data + file->cohort_start, file->cohort, model));
    model->network = data + file->start;
    model->network_size = file->network;
    model->pair_network = file->pair_network ? data + file->pair_start : NULL;
    model->pair_network_size = file->pair_network;
    if (model->vector_size > SVI_MAX_STEPS)
        return SV_MODEL_ERROR; /* well formed, but more than this library makes room for */
    model->input.elements = SV_FRAMES * SV_CHANNELS;
    model->vector.elements = model->vector_size;
    model->sequence.elements = model->steps * model->depth;
    model->pair_input.elements = SV_PAIR_STEPS * SV_PAIR_DEPTH;
    model->pair.elements = 1;
    return SV_OK;
}

int sv_model_open(const void *data, size_t size, sv_model **model)
{
    layout file;
    sv_model *fresh;
    int status;
    if (!data || !model)
        return SV_CONFIG_ERROR;
    *model = NULL;
    SVI_TRY(read_layout(data, size, &file));
    fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return SV_NO_MEMORY;
    status = fill(data, &file, fresh);
    if (status != SV_OK) {
        free(fresh);
        return status;
    }
    *model = fresh;
    return SV_OK;
}

void sv_model_close(sv_model *model)
{
    free(model);
}

int sv_model_cues(const sv_model *model)
{
    return model ? model->cues.count : 0;
}

int sv_model_describe(const sv_model *model, sv_model_info *info)
{
    if (!model || !info)
        return SV_CONFIG_ERROR;
    if (!model->input.known || !model->vector.known || (model->depth && !model->sequence.known) ||
        (model->pair_network && !(model->pair_input.known && model->pair.known)))
        return SV_INCOMPATIBLE_MODEL;
    memcpy(info->id, model->id, sizeof info->id);
    info->network = model->network;
    info->network_size = model->network_size;
    info->input_bytes = svi_port_bytes(&model->input);
    info->vector_bytes = svi_port_bytes(&model->vector);
    info->sequence_bytes = model->depth ? svi_port_bytes(&model->sequence) : 0;
    info->vector_position = model->vector.position;
    info->sequence_position = model->sequence.position;
    info->vector_size = model->vector_size;
    info->steps = model->steps;
    info->depth = model->depth;
    info->pair_network = model->pair_network;
    info->pair_network_size = model->pair_network_size;
    info->pair_input_bytes = model->pair_network ? svi_port_bytes(&model->pair_input) : 0;
    info->pair_output_bytes = model->pair_network ? svi_port_bytes(&model->pair) : 0;
    return SV_OK;
}

int sv_quantize_input(const sv_model *model, const float *values, void *input)
{
    if (!model || !values || !input)
        return SV_CONFIG_ERROR;
    if (!model->input.known)
        return SV_INCOMPATIBLE_MODEL;
    if (!svi_are_finite(values, model->input.elements))
        return SV_CONFIG_ERROR;
    svi_store(&model->input, values, input);
    return SV_OK;
}
