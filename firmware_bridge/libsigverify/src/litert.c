/* The network by LiteRT's C interface, loaded at run time: its wheel brings the library and no headers.
 *
 * Declared by hand after https://github.com/google-ai-edge/LiteRT (litert/c), as of release 2.1.6, the first whose
 * models are made with the environment as first argument. */
#ifndef SV_NO_LITERT
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define CPU 1           /* kLiteRtHwAcceleratorCpu */
#define HOST_MEMORY 1   /* kLiteRtTensorBufferTypeHostMemory */
#define LOCK_READ 0     /* kLiteRtTensorBufferLockModeRead */
#define LOCK_WRITE 1    /* kLiteRtTensorBufferLockModeWrite */
#define MAX_OUTPUTS 2
#define ACCELERATORS 24 /* kLiteRtEnvOptionTagAutoRegisterAccelerators */
#define LOG_FROM 25     /* kLiteRtEnvOptionTagMinLoggerSeverity */
#define WARNING 2       /* kLiteRtLogSeverityWarning */
#define INTEGER 2       /* kLiteRtAnyTypeInt */

typedef struct layout {
    unsigned int rank : 7;
    unsigned int has_strides : 1;
    int32_t dimensions[8];
    uint32_t strides[8];
} layout;

typedef struct tensor_type {
    int32_t element;
    layout shape;
} tensor_type;

typedef struct quantization {
    float scale;
    int64_t zero_point;
} quantization;

typedef struct option {
    int tag;
    struct {
        int type;
        union {
            int64_t number;
            double real;
            const void *pointer;
        } its;
    } value;
} option;

typedef struct functions {
    int (*create_environment)(int count, const option *options, void **environment);
    void (*destroy_environment)(void *environment);
    int (*create_model)(void *environment, const void *data, size_t size, void **model);
    void (*destroy_model)(void *model);
    int (*create_options)(void **options);
    int (*set_accelerators)(void *options, int accelerators);
    void (*destroy_options)(void *options);
    int (*compile)(void *environment, void *model, void *options, void **compiled);
    void (*destroy_compiled)(void *compiled);
    int (*signature)(void *model, size_t index, void **signature);
    int (*count_inputs)(void *signature, size_t *count);
    int (*count_outputs)(void *signature, size_t *count);
    int (*input)(void *signature, size_t index, void **tensor);
    int (*output)(void *signature, size_t index, void **tensor);
    int (*type)(void *tensor, tensor_type *type);
    int (*quantization)(void *tensor, quantization *its);
    int (*create_buffer)(void *environment, int kind, const tensor_type *type, size_t size, void **buffer);
    void (*destroy_buffer)(void *buffer);
    int (*lock)(void *buffer, void **memory, int mode);
    int (*unlock)(void *buffer);
    int (*run)(void *compiled, size_t signature, size_t inputs, void **input, size_t outputs, void **output);
} functions;

struct sv_litert {
    functions call;
    void *library, *environment, *model, *options, *compiled;
    void *input;
    void *outputs[MAX_OUTPUTS]; /* in the network's order */
    size_t count;
    size_t vector, sequence; /* which of the outputs */
    size_t input_bytes, vector_bytes, sequence_bytes;
};

/* ISO C has no cast from what dlsym returns to a function; POSIX promises that the bytes will do. */
static int find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static int find_all(void *library, functions *its)
{
    return find(library, "LiteRtCreateEnvironment", &its->create_environment) &&
           find(library, "LiteRtDestroyEnvironment", &its->destroy_environment) &&
           find(library, "LiteRtCreateModelFromBuffer", &its->create_model) &&
           find(library, "LiteRtDestroyModel", &its->destroy_model) &&
           find(library, "LiteRtCreateOptions", &its->create_options) &&
           find(library, "LiteRtSetOptionsHardwareAccelerators", &its->set_accelerators) &&
           find(library, "LiteRtDestroyOptions", &its->destroy_options) &&
           find(library, "LiteRtCreateCompiledModel", &its->compile) &&
           find(library, "LiteRtDestroyCompiledModel", &its->destroy_compiled) &&
           find(library, "LiteRtGetModelSignature", &its->signature) &&
           find(library, "LiteRtGetNumSignatureInputs", &its->count_inputs) &&
           find(library, "LiteRtGetNumSignatureOutputs", &its->count_outputs) &&
           find(library, "LiteRtGetSignatureInputTensorByIndex", &its->input) &&
           find(library, "LiteRtGetSignatureOutputTensorByIndex", &its->output) &&
           find(library, "LiteRtGetRankedTensorType", &its->type) &&
           find(library, "LiteRtGetPerTensorQuantization", &its->quantization) &&
           find(library, "LiteRtCreateManagedTensorBuffer", &its->create_buffer) &&
           find(library, "LiteRtDestroyTensorBuffer", &its->destroy_buffer) &&
           find(library, "LiteRtLockTensorBuffer", &its->lock) &&
           find(library, "LiteRtUnlockTensorBuffer", &its->unlock) &&
           find(library, "LiteRtRunCompiledModel", &its->run);
}

static int element(svi_type type)
{
    return type == SVI_INT8 ? 9 : type == SVI_UINT8 ? 3 : 1;
}

static int make_buffer(const sv_litert *its, const svi_port *port, size_t first, size_t second, void **buffer)
{
    tensor_type type;
    memset(&type, 0, sizeof type);
    type.element = element(port->type);
    type.shape.rank = second ? 3 : 2;
    type.shape.dimensions[0] = 1;
    type.shape.dimensions[1] = (int32_t)first;
    type.shape.dimensions[2] = (int32_t)second;
    return its->call.create_buffer(its->environment, HOST_MEMORY, &type, svi_port_bytes(port), buffer) == 0;
}

/* Whether a tensor is what the manifest says, whose sizes the buffers have. */
static int is_as_described(const functions *call, void *tensor, const svi_port *port, size_t first, size_t second)
{
    tensor_type type;
    quantization stored = {0.0f, 0};
    memset(&type, 0, sizeof type);
    if (call->type(tensor, &type) != 0 || type.element != element(port->type) ||
        type.shape.rank != (second ? 3u : 2u) || type.shape.dimensions[0] != 1 ||
        type.shape.dimensions[1] != (int32_t)first || (second && type.shape.dimensions[2] != (int32_t)second))
        return 0;
    return port->type == SVI_FLOAT32 || (call->quantization(tensor, &stored) == 0 && stored.scale == port->scale &&
                                         (float)stored.zero_point == port->zero_point);
}

/* Check the input, and find which output is which: by dimensions, as names and order differ between converters. */
static int find_tensors(sv_litert *its, const sv_model *model)
{
    const functions *call = &its->call;
    void *signature, *tensor;
    size_t inputs = 0, outputs = 0;
    if (call->signature(its->model, 0, &signature) != 0 || call->count_inputs(signature, &inputs) != 0 ||
        call->count_outputs(signature, &outputs) != 0 || inputs != 1 || outputs != its->count ||
        call->input(signature, 0, &tensor) != 0 ||
        !is_as_described(call, tensor, &model->input, SV_FRAMES, SV_CHANNELS))
        return 0;
    its->vector = its->sequence = MAX_OUTPUTS;
    for (size_t i = 0; i < outputs; i++) {
        if (call->output(signature, i, &tensor) != 0)
            return 0;
        if (is_as_described(call, tensor, &model->vector, model->vector_size, 0))
            its->vector = i;
        else if (outputs > 1 && is_as_described(call, tensor, &model->sequence, model->steps, model->depth))
            its->sequence = i;
    }
    return its->vector < outputs && (outputs == 1 || its->sequence < outputs);
}

static int compile(sv_litert *its, const sv_model *model)
{
    /* No search for accelerators of other kinds, no lines about how that went. */
    static const option options[] = {{ACCELERATORS, {INTEGER, {CPU}}}, {LOG_FROM, {INTEGER, {WARNING}}}};
    const functions *call = &its->call;
    if (call->create_environment(2, options, &its->environment) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    if (call->create_model(its->environment, model->network, model->network_size, &its->model) != 0)
        return SV_MALFORMED_MODEL;
    if (call->create_options(&its->options) != 0 || call->set_accelerators(its->options, CPU) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    if (call->compile(its->environment, its->model, its->options, &its->compiled) != 0 ||
        !find_tensors(its, model))
        return SV_MALFORMED_MODEL;
    if (!make_buffer(its, &model->input, SV_FRAMES, SV_CHANNELS, &its->input) ||
        !make_buffer(its, &model->vector, model->vector_size, 0, &its->outputs[its->vector]) ||
        (its->count > 1 && !make_buffer(its, &model->sequence, model->steps, model->depth, &its->outputs[its->sequence])))
        return SV_RUNTIME_UNAVAILABLE;
    return SV_OK;
}

static int open_library(const char *library, sv_litert *its)
{
    /* The library tells no version. This function came with 2.1.6, as did the order of arguments relied on. */
    static const char newcomer[] = "LiteRtCreateModelFromFd";
    its->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!its->library || !dlsym(its->library, newcomer) || !find_all(its->library, &its->call))
        return SV_RUNTIME_UNAVAILABLE;
    return SV_OK;
}

int sv_litert_open(const char *library, const sv_model *model, sv_litert **litert)
{
    sv_model_info info;
    sv_litert *fresh;
    int status;
    if (!library || !model || !litert)
        return SV_CONFIG_ERROR;
    *litert = NULL;
    SVI_TRY(sv_model_describe(model, &info));
    fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return SV_NO_MEMORY;
    fresh->count = info.sequence_bytes ? 2 : 1;
    fresh->input_bytes = info.input_bytes;
    fresh->vector_bytes = info.vector_bytes;
    fresh->sequence_bytes = info.sequence_bytes;
    status = open_library(library, fresh);
    if (status == SV_OK)
        status = compile(fresh, model);
    if (status != SV_OK) {
        sv_litert_close(fresh);
        return status;
    }
    *litert = fresh;
    return SV_OK;
}

static int put(const functions *call, void *buffer, const void *from, size_t size)
{
    void *memory;
    if (call->lock(buffer, &memory, LOCK_WRITE) != 0)
        return 0;
    memcpy(memory, from, size);
    return call->unlock(buffer) == 0;
}

static int get(const functions *call, void *buffer, void *to, size_t size)
{
    void *memory;
    if (call->lock(buffer, &memory, LOCK_READ) != 0)
        return 0;
    memcpy(to, memory, size);
    return call->unlock(buffer) == 0;
}

static int invoke(void *context, const void *input, void *vector, void *sequence)
{
    sv_litert *its = context;
    if (!put(&its->call, its->input, input, its->input_bytes) ||
        its->call.run(its->compiled, 0, 1, &its->input, its->count, its->outputs) != 0 ||
        !get(&its->call, its->outputs[its->vector], vector, its->vector_bytes))
        return SV_MALFORMED_MODEL;
    if (sequence && !get(&its->call, its->outputs[its->sequence], sequence, its->sequence_bytes))
        return SV_MALFORMED_MODEL;
    return SV_OK;
}

sv_network sv_litert_network(sv_litert *litert)
{
    sv_network network = {invoke, litert};
    return network;
}

/* Last made, first gone. */
void sv_litert_close(sv_litert *its)
{
    if (!its)
        return;
    for (size_t i = 0; i < MAX_OUTPUTS; i++)
        if (its->outputs[i])
            its->call.destroy_buffer(its->outputs[i]);
    if (its->input)
        its->call.destroy_buffer(its->input);
    if (its->compiled)
        its->call.destroy_compiled(its->compiled);
    if (its->options)
        its->call.destroy_options(its->options);
    if (its->model)
        its->call.destroy_model(its->model);
    if (its->environment)
        its->call.destroy_environment(its->environment);
    free(its); /* the library stays loaded: it leaves handlers to be called at exit */
}
#else
typedef int svi_no_litert; /* ISO C wants something in every file */
#endif
