/* The networks by LiteRT's C interface, loaded at run time: its wheel brings the library and no headers.
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

/* A tensor as the manifest describes it. */
typedef struct described {
    const svi_port *port;
    size_t first, second; /* its size without the batch; `second` 0: it has one dimension */
} described;

/* One network, compiled, with a buffer for each of its tensors. */
typedef struct runner {
    void *model, *options, *compiled;
    void *input;
    void *outputs[MAX_OUTPUTS]; /* in the network's order */
    size_t count;
    size_t place[MAX_OUTPUTS]; /* which of the outputs is which of those described */
    size_t input_bytes, output_bytes[MAX_OUTPUTS];
} runner;

struct sv_litert {
    functions call;
    void *library, *environment;
    runner embedding, pair; /* the latter all 0 where the model has no pair network */
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

static int32_t dimension(const described *tensor, int place)
{
    return (int32_t)(place == 0 ? 1 : place == 1 ? tensor->first : tensor->second);
}

static unsigned int rank(const described *tensor)
{
    return tensor->second ? 3 : 2;
}

static int make_buffer(const sv_litert *litert, const described *tensor, void **buffer)
{
    tensor_type type;
    memset(&type, 0, sizeof type);
    type.element = element(tensor->port->type);
    type.shape.rank = rank(tensor) & 127;
    for (int i = 0; i < 3; i++)
        type.shape.dimensions[i] = dimension(tensor, i);
    return litert->call.create_buffer(litert->environment, HOST_MEMORY, &type, svi_port_bytes(tensor->port), buffer) ==
           0;
}

/* Whether a tensor is what the manifest says, whose sizes the buffers have. */
static int is_as_described(const functions *call, void *tensor, const described *its)
{
    const svi_port *port = its->port;
    tensor_type type;
    quantization stored = {0.0f, 0};
    memset(&type, 0, sizeof type);
    if (call->type(tensor, &type) != 0 || type.element != element(port->type) || type.shape.rank != rank(its))
        return 0;
    for (int i = 0; i < (int)rank(its); i++)
        if (type.shape.dimensions[i] != dimension(its, i))
            return 0;
    return port->type == SVI_FLOAT32 || (call->quantization(tensor, &stored) == 0 && stored.scale == port->scale &&
                                         (float)stored.zero_point == port->zero_point);
}

/* Check the input, and find which output is which: by dimensions, as names and order differ between converters. */
static int find_tensors(const functions *call, const described *input, const described *outputs, runner *its)
{
    void *signature, *tensor;
    size_t count_in = 0, count_out = 0;
    if (call->signature(its->model, 0, &signature) != 0 || call->count_inputs(signature, &count_in) != 0 ||
        call->count_outputs(signature, &count_out) != 0 || count_in != 1 || count_out != its->count ||
        call->input(signature, 0, &tensor) != 0 || !is_as_described(call, tensor, input))
        return 0;
    for (size_t k = 0; k < its->count; k++) {
        its->place[k] = MAX_OUTPUTS;
        for (size_t i = 0; i < its->count; i++)
            if (call->output(signature, i, &tensor) != 0)
                return 0;
            else if (is_as_described(call, tensor, &outputs[k]))
                its->place[k] = i;
        if (its->place[k] == MAX_OUTPUTS)
            return 0;
    }
    return 1;
}

/* Compile a flatbuffer, and make a buffer for the input and for each of `its->count` outputs. */
static int prepare(sv_litert *litert, const uint8_t *network, size_t size, const described *input,
                   const described *outputs, runner *its)
{
    const functions *call = &litert->call;
    if (call->create_model(litert->environment, network, size, &its->model) != 0)
        return SV_MALFORMED_MODEL;
    if (call->create_options(&its->options) != 0 || call->set_accelerators(its->options, CPU) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    if (call->compile(litert->environment, its->model, its->options, &its->compiled) != 0 ||
        !find_tensors(call, input, outputs, its))
        return SV_MALFORMED_MODEL;
    if (!make_buffer(litert, input, &its->input))
        return SV_RUNTIME_UNAVAILABLE;
    its->input_bytes = svi_port_bytes(input->port);
    for (size_t k = 0; k < its->count; k++) {
        if (!make_buffer(litert, &outputs[k], &its->outputs[its->place[k]]))
            return SV_RUNTIME_UNAVAILABLE;
        its->output_bytes[k] = svi_port_bytes(outputs[k].port);
    }
    return SV_OK;
}

static int compile(sv_litert *litert, const sv_model *model)
{
    /* No search for accelerators of other kinds, no lines about how that went. */
    static const option options[] = {{ACCELERATORS, {INTEGER, {CPU}}}, {LOG_FROM, {INTEGER, {WARNING}}}};
    const described input = {&model->input, SV_FRAMES, SV_CHANNELS};
    const described outputs[] = {{&model->vector, model->vector_size, 0},
                                 {&model->sequence, model->steps, model->depth}};
    const described pair_input = {&model->pair_input, SV_PAIR_STEPS, SV_PAIR_DEPTH};
    const described pair = {&model->pair, 1, 0};
    if (litert->call.create_environment(2, options, &litert->environment) != 0)
        return SV_RUNTIME_UNAVAILABLE;
    litert->embedding.count = model->depth ? 2 : 1;
    SVI_TRY(prepare(litert, model->network, model->network_size, &input, outputs, &litert->embedding));
    if (!model->pair_network)
        return SV_OK;
    litert->pair.count = 1;
    return prepare(litert, model->pair_network, model->pair_network_size, &pair_input, &pair, &litert->pair);
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

/* Copy the input in, run, and copy each output out that is asked for. */
static int run(const functions *call, runner *its, const void *input, void *const *outputs)
{
    if (!put(call, its->input, input, its->input_bytes) ||
        call->run(its->compiled, 0, 1, &its->input, its->count, its->outputs) != 0)
        return SV_MALFORMED_MODEL;
    for (size_t k = 0; k < its->count; k++)
        if (outputs[k] && !get(call, its->outputs[its->place[k]], outputs[k], its->output_bytes[k]))
            return SV_MALFORMED_MODEL;
    return SV_OK;
}

static int invoke(void *context, const void *input, void *vector, void *sequence)
{
    sv_litert *litert = context;
    void *const outputs[] = {vector, sequence};
    return run(&litert->call, &litert->embedding, input, outputs);
}

static int judge(void *context, const void *input, void *output)
{
    sv_litert *litert = context;
    return run(&litert->call, &litert->pair, input, &output);
}

sv_network sv_litert_network(sv_litert *litert)
{
    sv_network network = {invoke, litert && litert->pair.compiled ? judge : NULL, litert};
    return network;
}

/* Destroyed in the reverse order of creation. */
static void dismantle(const functions *call, runner *its)
{
    for (size_t i = 0; i < MAX_OUTPUTS; i++)
        if (its->outputs[i])
            call->destroy_buffer(its->outputs[i]);
    if (its->input)
        call->destroy_buffer(its->input);
    if (its->compiled)
        call->destroy_compiled(its->compiled);
    if (its->options)
        call->destroy_options(its->options);
    if (its->model)
        call->destroy_model(its->model);
}

void sv_litert_close(sv_litert *litert)
{
    if (!litert)
        return;
    dismantle(&litert->call, &litert->pair);
    dismantle(&litert->call, &litert->embedding);
    if (litert->environment)
        litert->call.destroy_environment(litert->environment);
    free(litert); /* the library stays loaded: it leaves handlers to be called at exit */
}
#else
typedef int svi_no_litert; /* ISO C wants something in every file */
#endif
