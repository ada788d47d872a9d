/* Model files, laid out as sigverify/model_file.py says at its top. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define HEADER 24    /* bytes before the manifest */
#define ALIGNMENT 16 /* of the network, so that TFLite can read it where it lies */
#define HASH 32      /* bytes of SHA-256 at the end */
#define MAX_MANIFEST (1u << 20) /* a manifest is a few kB */
#define MAX_NETWORK (64u << 20) /* a hundred times the models that ship */

typedef struct layout {
    uint32_t version;
    size_t manifest, start, end; /* bytes of the manifest; of the file, from and up to where the network lies */
} layout;

static int read_layout(const uint8_t *data, size_t size, layout *file)
{
    uint64_t network;
    if (size < HEADER || memcmp(data, "SIGMODEL", 8) != 0)
        return SV_MALFORMED_MODEL;
    file->version = svi_u32(data + 8);
    if (file->version < SVI_OLDEST_FILE || file->version > SVI_NEWEST_FILE)
        return SV_INCOMPATIBLE_MODEL;
    file->manifest = svi_u32(data + 12);
    network = svi_u64(data + 16);
    if (file->manifest < 1 || file->manifest > MAX_MANIFEST || network < 1 || network > MAX_NETWORK)
        return SV_MALFORMED_MODEL;
    file->start = (HEADER + file->manifest + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    file->end = file->start + (size_t)network;
    if (size != file->end + HASH)
        return SV_MALFORMED_MODEL;
    for (size_t i = HEADER + file->manifest; i < file->start; i++)
        if (data[i] != 0)
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
    SVI_TRY(identify_file(data, file->end, model->id));
    SVI_TRY(svi_manifest_read((const char *)data + HEADER, file->manifest, file->version, model));
    model->network = data + file->start;
    model->network_size = file->end - file->start;
    if (model->vector_size > SVI_MAX_STEPS)
        return SV_MODEL_ERROR; /* well formed, but more than this library makes room for */
    model->input.elements = SV_FRAMES * SV_CHANNELS;
    model->vector.elements = model->vector_size;
    model->sequence.elements = model->steps * model->depth;
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

size_t svi_port_bytes(const svi_port *port)
{
    return port->elements * (port->type == SVI_FLOAT32 ? sizeof(float) : 1);
}

int sv_model_describe(const sv_model *model, sv_model_info *info)
{
    if (!model || !info)
        return SV_CONFIG_ERROR;
    if (!model->input.known || !model->vector.known || (model->depth && !model->sequence.known))
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
    return SV_OK;
}

/* clip(rint(real / scale) + zero_point), in float32 as numpy does it. */
int sv_quantize_input(const sv_model *model, const float *values, void *input)
{
    const svi_port *port;
    float low, high;
    if (!model || !values || !input)
        return SV_CONFIG_ERROR;
    port = &model->input;
    if (!port->known)
        return SV_INCOMPATIBLE_MODEL;
    if (port->type == SVI_FLOAT32) {
        memcpy(input, values, svi_port_bytes(port));
        return SV_OK;
    }
    low = port->type == SVI_INT8 ? -128.0f : 0.0f;
    high = port->type == SVI_INT8 ? 127.0f : 255.0f;
    for (size_t i = 0; i < port->elements; i++) {
        float stored = rintf(values[i] / port->scale) + port->zero_point;
        int whole = (int)(stored < low ? low : stored > high ? high : stored);
        ((uint8_t *)input)[i] = (uint8_t)(whole & 255);
    }
    return SV_OK;
}
