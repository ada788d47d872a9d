/* Statuses in words, and the versions of the library. */
#include "internal.h"

int sv_abi(void)
{
    return SV_ABI;
}

int sv_features_version(void)
{
    return SV_FEATURES_VERSION;
}

const char *sv_status_text(int status)
{
    switch ((sv_status)status) {
    case SV_OK: return "fine";
    case SV_ERROR: return "error";
    case SV_NO_MEMORY: return "out of memory";
    case SV_INVALID_SIGNATURE: return "the arrays given are not a signature";
    case SV_FORMAT_ERROR: return "not a well-formed signature file";
    case SV_UNKNOWN_FORMAT: return "no reader recognizes the content";
    case SV_UNTRUSTED_CAPTURE: return "the capture is not signed by a pen that is known";
    case SV_MODEL_ERROR: return "the model cannot be used";
    case SV_MALFORMED_MODEL: return "truncated, altered, or no model file";
    case SV_INCOMPATIBLE_MODEL: return "not supported here: a model for another modality, other cues or another version";
    case SV_UNTRUSTED_MODEL: return "the model is not signed by a key that may sign it";
    case SV_RUNTIME_UNAVAILABLE: return "nothing here can run the network";
    case SV_MISSING_EXTRA: return "an optional part is not installed";
    case SV_STORE_ERROR: return "the store cannot be read or written";
    case SV_UNKNOWN_USER: return "nobody of that id is enrolled";
    case SV_ALREADY_ENROLLED: return "somebody of that id is enrolled already";
    case SV_MALFORMED_TEMPLATE: return "no template, or one of another model";
    case SV_KEY_UNAVAILABLE: return "no key, or one that cannot be used";
    case SV_WRONG_KEY: return "not the key that sealed this";
    case SV_DAMAGED_STORE: return "something sealed was altered or damaged";
    case SV_STORE_UNREACHABLE: return "the fleet's server cannot be reached";
    case SV_STALE_CACHE: return "the copy of the fleet's store is too old";
    case SV_UNTRUSTED_TEMPLATE: return "no enrollment station that is trusted signed the template";
    case SV_ENROLLMENT_ERROR: return "these signatures cannot make a template";
    case SV_CONFIG_ERROR: return "an argument is missing or out of range";
    case SV_CORPUS_ERROR: return "the corpus cannot be read or is too small";
    case SV_SPLIT_LEAK: return "a writer stands on both sides of a split";
    case SV_TRAINING_ERROR: return "the training run cannot start, go on or be read";
    case SV_CONVERSION_ERROR: return "the trained network cannot be converted";
    case SV_BRIDGE_ERROR: return "the daemon cannot be reached or asked";
    case SV_PROTOCOL_ERROR: return "the other side does not keep to the wire protocol";
    case SV_MISUSE: return "the wire protocol does not allow this message now";
    case SV_DISCONNECTED: return "the line broke or no answer came in time";
    case SV_NOT_ALLOWED: return "this client may not do that";
    case SV_BUSY: return "more at once than is allowed";
    }
    return "unknown status";
}
