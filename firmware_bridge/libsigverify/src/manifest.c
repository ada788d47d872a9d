/* The manifest of a model file, as sigverify/model_file.py writes it: twelve fields in alphabetical order. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define COUNT_LIMIT 0x7fffffffL
#define NAME 48

static int text_field(svi_json *its, char *text, size_t capacity)
{
    return svi_json_text(its, text, capacity) && text[0] != '\0';
}

static int shape(svi_json *its, long *first, long *second)
{
    return svi_json_token(its, "[") && svi_json_integer(its, 1, COUNT_LIMIT, first) && svi_json_token(its, ",") &&
           svi_json_integer(its, 1, COUNT_LIMIT, second) && svi_json_token(its, "]");
}

/* [[fmr, threshold], ...] */
static int read_table(svi_json *its, svi_table *table)
{
    int first = 1, more;
    if (!svi_json_token(its, "["))
        return 0;
    while ((more = svi_json_more(its, ']', &first)) > 0) {
        if (table->count == SVI_MAX_TABLE || !svi_json_token(its, "[") ||
            !svi_json_number(its, &table->fmr[table->count]) || !svi_json_token(its, ",") ||
            !svi_json_number(its, &table->threshold[table->count]) || !svi_json_token(its, "]"))
            return 0;
        table->count++;
    }
    return more == 0;
}

static int read_thresholds(svi_json *its, svi_row *row)
{
    int first = 1, more;
    if (!svi_json_token(its, "{"))
        return 0;
    while ((more = svi_json_more(its, '}', &first)) > 0) {
        int which = svi_json_key(its, "random") ? SV_RANDOM : svi_json_key(its, "skilled") ? SV_SKILLED : -1;
        if (which < 0 || row->tables[which].count || !read_table(its, &row->tables[which]))
            return 0;
    }
    return more == 0;
}

static int read_weights(svi_json *its, svi_row *row)
{
    if (!svi_json_token(its, "["))
        return 0;
    for (int i = 0; i < SVI_EVIDENCE; i++)
        if ((i > 0 && !svi_json_token(its, ",")) || !svi_json_number(its, &row->weights[i]))
            return 0;
    return svi_json_token(its, "]");
}

static int read_row(svi_json *its, svi_row *row)
{
    return svi_json_token(its, "\"") && svi_json_integer(its, 1, COUNT_LIMIT, &row->references) &&
           svi_json_token(its, "\":{") && svi_json_key(its, "bias") && svi_json_number(its, &row->bias) &&
           svi_json_token(its, ",") && svi_json_key(its, "thresholds") && read_thresholds(its, row) &&
           svi_json_token(its, ",") && svi_json_key(its, "weights") && read_weights(its, row) &&
           svi_json_token(its, "}");
}

static int read_scoring(svi_json *its, svi_scoring *scoring)
{
    int first = 1, more;
    memset(scoring, 0, sizeof *scoring);
    if (!svi_json_token(its, "{"))
        return 0;
    while ((more = svi_json_more(its, '}', &first)) > 0) {
        if (scoring->count == SVI_MAX_ROWS || !read_row(its, &scoring->rows[scoring->count]))
            return 0;
        scoring->count++;
    }
    if (more == 0 && scoring->count == 0)
        svi_scoring_default(scoring);
    return more == 0;
}

static int type_of(const char *name, svi_type *type)
{
    static const char *const names[] = {"int8", "uint8", "float32"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *type = (svi_type)i;
            return 1;
        }
    return 0;
}

static int read_port(svi_json *its, svi_port *port)
{
    char type[NAME];
    long position, zero_point;
    double scale;
    if (!(svi_json_token(its, "{") && svi_json_key(its, "dtype") && svi_json_text(its, type, sizeof type) &&
          svi_json_token(its, ",") && svi_json_key(its, "position") && svi_json_integer(its, 0, 15, &position) &&
          svi_json_token(its, ",") && svi_json_key(its, "scale") && svi_json_number(its, &scale) &&
          svi_json_token(its, ",") && svi_json_key(its, "shape") && svi_json_skip(its) &&
          svi_json_token(its, ",") && svi_json_key(its, "zero_point") &&
          svi_json_integer(its, -COUNT_LIMIT, COUNT_LIMIT, &zero_point) && svi_json_token(its, "}")))
        return 0;
    port->position = (int)position;
    port->scale = (float)scale;
    port->zero_point = (float)zero_point;
    port->known = type_of(type, &port->type) && (port->type == SVI_FLOAT32 || (port->scale > 0 && isfinite(port->scale)));
    return 1;
}

/* {"input":…,"sequence":…,"vector":…}, or {} */
static int read_tensors(svi_json *its, sv_model *model)
{
    if (svi_json_token(its, "{}"))
        return 1;
    if (!svi_json_token(its, "{") || !svi_json_key(its, "input") || !read_port(its, &model->input) ||
        !svi_json_token(its, ","))
        return 0;
    if (svi_json_key(its, "sequence") && !(read_port(its, &model->sequence) && svi_json_token(its, ",")))
        return 0;
    return svi_json_key(its, "vector") && read_port(its, &model->vector) && svi_json_token(its, "}");
}

static int can_be_aligned(long steps, long depth)
{
    return steps % 2 == 0 && steps <= SVI_MAX_STEPS && depth <= SVI_MAX_DEPTH;
}

static int read_sequence_shape(svi_json *its, sv_model *model)
{
    long steps = 1, depth = 0;
    if (!svi_json_token(its, "null") && !(shape(its, &steps, &depth) && can_be_aligned(steps, depth)))
        return 0;
    model->steps = (size_t)steps;
    model->depth = (size_t)depth;
    return 1;
}

static int read_precision(svi_json *its)
{
    char precision[NAME];
    return svi_json_text(its, precision, sizeof precision) &&
           (strcmp(precision, "int8") == 0 || strcmp(precision, "float16") == 0 ||
            strcmp(precision, "float32") == 0);
}

static int head(svi_json *its, long versions[2], long input[2])
{
    char name[NAME];
    return svi_json_token(its, "{") && svi_json_key(its, "encoder") && text_field(its, name, sizeof name) &&
           svi_json_token(its, ",") && svi_json_key(its, "features_version") &&
           svi_json_integer(its, 1, COUNT_LIMIT, &versions[0]) && svi_json_token(its, ",") &&
           svi_json_key(its, "file_version") && svi_json_integer(its, 1, COUNT_LIMIT, &versions[1]) &&
           svi_json_token(its, ",") && svi_json_key(its, "input_shape") && shape(its, &input[0], &input[1]) &&
           svi_json_token(its, ",") && svi_json_key(its, "name") && text_field(its, name, sizeof name) &&
           svi_json_token(its, ",");
}

static int object(svi_json *its, const char *name)
{
    return svi_json_key(its, name) && its->at < its->end && *its->at == '{' && svi_json_skip(its) &&
           svi_json_token(its, ",");
}

static int tail(svi_json *its, sv_model *model)
{
    long size;
    if (!(object(its, "parity") && svi_json_key(its, "precision") && read_precision(its) &&
          svi_json_token(its, ",") && object(its, "provenance") && svi_json_key(its, "scoring") &&
          read_scoring(its, &model->scoring) && svi_json_token(its, ",") && svi_json_key(its, "sequence_shape") &&
          read_sequence_shape(its, model) && svi_json_token(its, ",") && svi_json_key(its, "tensors") &&
          read_tensors(its, model) && svi_json_token(its, ",") && svi_json_key(its, "vector_size") &&
          svi_json_integer(its, 1, COUNT_LIMIT, &size) && svi_json_token(its, "}")))
        return 0;
    model->vector_size = (size_t)size;
    return its->at == its->end;
}

int svi_manifest_read(const char *text, size_t size, sv_model *model)
{
    svi_json json = {text, text + size, 0};
    long versions[2], input[2];
    if (svi_utf8_length((const uint8_t *)text, size) == SIZE_MAX || !head(&json, versions, input) ||
        !tail(&json, model))
        return SV_MALFORMED_MODEL;
    if (versions[0] != SV_FEATURES_VERSION || input[0] != SV_FRAMES || input[1] != SV_CHANNELS)
        return SV_INCOMPATIBLE_MODEL;
    return SV_OK;
}
