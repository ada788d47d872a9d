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
        } as;
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
    int (*quantization)(void *tensor, quantization *stored);
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

static int find_all(void *library, functions *call)
{
    return find(library, "LiteRtCreateEnvironment", &call->create_environment) &&
           find(library, "LiteRtDestroyEnvironment", &call->destroy_environment) &&
           find(library, "LiteRtCreateModelFromBuffer", &call->create_model) &&
           find(library, "LiteRtDestroyModel", &call->destroy_model) &&
           find(library, "LiteRtCreateOptions", &call->create_options) &&
           find(library, "LiteRtSetOptionsHardwareAccelerators", &call->set_accelerators) &&
           find(library, "LiteRtDestroyOptions", &call->destroy_options) &&
           find(library, "LiteRtCreateCompiledModel", &call->compile) &&
           find(library, "LiteRtDestroyCompiledModel", &call->destroy_compiled) &&
           find(library, "LiteRtGetModelSignature", &call->signature) &&
           find(library, "LiteRtGetNumSignatureInputs", &call->count_inputs) &&
           find(library, "LiteRtGetNumSignatureOutputs", &call->count_outputs) &&
           find(library, "LiteRtGetSignatureInputTensorByIndex", &call->input) &&
           find(library, "LiteRtGetSignatureOutputTensorByIndex", &call->output) &&
           find(library, "LiteRtGetRankedTensorType", &call->type) &&
           find(library, "LiteRtGetPerTensorQuantization", &call->quantization) &&
           find(library, "LiteRtCreateManagedTensorBuffer", &call->create_buffer) &&
           find(library, "LiteRtDestroyTensorBuffer", &call->destroy_buffer) &&
           find(library, "LiteRtLockTensorBuffer", &call->lock) &&
           find(library, "LiteRtUnlockTensorBuffer", &call->unlock) &&
           find(library, "LiteRtRunCompiledModel", &call->run);
}

static int element(svi_type type)
{
    return type == SVI_INT8 ? 9 : type == SVI_UINT8 ? 3 : 1;
}

static int make_buffer(const sv_litert *litert, const svi_port *port, size_t first, size_t second, void **buffer)
{
    tensor_type type;
    memset(&type, 0, sizeof type);
    type.element = element(port->type);
    type.shape.rank = second ? 3 : 2;
    type.shape.dimensions[0] = 1;
    type.shape.dimensions[1] = (int32_t)first;
    type.shape.dimensions[2] = (int32_t)second;
    return litert->call.create_buffer(litert->environment, HOST_MEMORY, &type, svi_port_bytes(port), buffer) == 0;
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
static int find_tensors(sv_litert *litert, const sv_model *model)
{
    const functions *call = &litert->call;
    void *signature, *tensor;
    size_t inputs = 0, outputs = 0;
    if (call->signature(litert->model, 0, &signature) != 0 || call->count_inputs(signature, &inputs) != 0 ||
        call->count_outputs(signature, &outputs) != 0 || inputs != 1 || outputs != litert->count ||
        call->input(signature, 0, &tensor) != 0 ||
        !is_as_described(call, tensor, &model->input, SV_FRAMES, SV_CHANNELS))
        return 0;
    litert->vector = litert->sequence = MAX_OUTPUTS;
    for (size_t i = 0; i < outputs; i++) {
        if (call->output(signature, i, &tensor) != 0)
            return 0;
        if (is_as_described(call, tensor, &model->vector, model->vector_size, 0))
            litert->vector = i;
        else if (outputs > 1 && is_as_described(call, tensor, &model->sequence, model->steps, model->depth))
            litert->sequence = i;
    }
    return litert->vector < outputs && (outputs == 1 || litert->sequence < outputs);
}

static int compile(sv_litert *litert, const sv_model *model)
{
    /* No search for accelerators of other kinds, no lines about how that went. */
    static const option options[] = {{ACCELERATORS, {INTEGER, {CPU}}}, {LOG_FROM, {INTEGER, {WARNING}}}};
    const functions *call = &litert->call;
    if (call->create_environment(2, options, &litert->environment) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    if (call->create_model(litert->environment, model->network, model->network_size, &litert->model) != 0)
        return SV_MALFORMED_MODEL;
    if (call->create_options(&litert->options) != 0 || call->set_accelerators(litert->options, CPU) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    if (call->compile(litert->environment, litert->model, litert->options, &litert->compiled) != 0 ||
        !find_tensors(litert, model))
        return SV_MALFORMED_MODEL;
    if (!make_buffer(litert, &model->input, SV_FRAMES, SV_CHANNELS, &litert->input) ||
        !make_buffer(litert, &model->vector, model->vector_size, 0, &litert->outputs[litert->vector]) ||
        (litert->count > 1 &&
         !make_buffer(litert, &model->sequence, model->steps, model->depth, &litert->outputs[litert->sequence])))
        return SV_RUNTIME_UNAVAILABLE;
    return SV_OK;
}

static int open_library(const char *library, sv_litert *litert)
{
    /* The library tells no version. This function came with 2.1.6, as did the order of arguments relied on. */
    static const char newcomer[] = "LiteRtCreateModelFromFd";
    litert->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!litert->library || !dlsym(litert->library, newcomer) || !find_all(litert->library, &litert->call))
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
    sv_litert *litert = context;
    if (!put(&litert->call, litert->input, input, litert->input_bytes) ||
        litert->call.run(litert->compiled, 0, 1, &litert->input, litert->count, litert->outputs) != 0 ||
        !get(&litert->call, litert->outputs[litert->vector], vector, litert->vector_bytes))
        return SV_MALFORMED_MODEL;
    if (sequence && !get(&litert->call, litert->outputs[litert->sequence], sequence, litert->sequence_bytes))
        return SV_MALFORMED_MODEL;
    return SV_OK;
}

sv_network sv_litert_network(sv_litert *litert)
{
    sv_network network = {invoke, litert};
    return network;
}

/* Destroyed in the reverse order of creation. */
void sv_litert_close(sv_litert *litert)
{
    if (!litert)
        return;
    for (size_t i = 0; i < MAX_OUTPUTS; i++)
        if (litert->outputs[i])
            litert->call.destroy_buffer(litert->outputs[i]);
    if (litert->input)
        litert->call.destroy_buffer(litert->input);
    if (litert->compiled)
        litert->call.destroy_compiled(litert->compiled);
    if (litert->options)
        litert->call.destroy_options(litert->options);
    if (litert->model)
        litert->call.destroy_model(litert->model);
    if (litert->environment)
        litert->call.destroy_environment(litert->environment);
    free(litert); /* the library stays loaded: it leaves handlers to be called at exit */
}
#else
typedef int svi_no_litert; /* ISO C wants something in every file */
#endif
