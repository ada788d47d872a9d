/* The manifest of a model file, as sigverify/model_file.py writes it: twelve fields in alphabetical order. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define COUNT_LIMIT 0x7fffffffL
#define NAME 48

static int text_field(svi_json *reader, char *text, size_t capacity)
{
    return svi_json_text(reader, text, capacity) && text[0] != '\0';
}

static int shape(svi_json *reader, long *first, long *second)
{
    return svi_json_token(reader, "[") && svi_json_integer(reader, 1, COUNT_LIMIT, first) &&
           svi_json_token(reader, ",") && svi_json_integer(reader, 1, COUNT_LIMIT, second) && svi_json_token(reader, "]");
}

/* [[fmr, threshold], ...] */
static int read_table(svi_json *reader, svi_table *table)
{
    int first = 1, more;
    if (!svi_json_token(reader, "["))
        return 0;
    while ((more = svi_json_more(reader, ']', &first)) > 0) {
        if (table->count == SVI_MAX_TABLE || !svi_json_token(reader, "[") ||
            !svi_json_number(reader, &table->fmr[table->count]) || !svi_json_token(reader, ",") ||
            !svi_json_number(reader, &table->threshold[table->count]) || !svi_json_token(reader, "]"))
            return 0;
        table->count++;
    }
    return more == 0;
}

static int read_thresholds(svi_json *reader, svi_row *row)
{
    int first = 1, more;
    if (!svi_json_token(reader, "{"))
        return 0;
    while ((more = svi_json_more(reader, '}', &first)) > 0) {
        int which = svi_json_key(reader, "random") ? SV_RANDOM : svi_json_key(reader, "skilled") ? SV_SKILLED : -1;
        if (which < 0 || row->tables[which].count || !read_table(reader, &row->tables[which]))
            return 0;
    }
    return more == 0;
}

static int read_weights(svi_json *reader, svi_row *row)
{
    if (!svi_json_token(reader, "["))
        return 0;
    for (int i = 0; i < SVI_EVIDENCE; i++)
        if ((i > 0 && !svi_json_token(reader, ",")) || !svi_json_number(reader, &row->weights[i]))
            return 0;
    return svi_json_token(reader, "]");
}

static int read_row(svi_json *reader, svi_row *row)
{
    return svi_json_token(reader, "\"") && svi_json_integer(reader, 1, COUNT_LIMIT, &row->references) &&
           svi_json_token(reader, "\":{") && svi_json_key(reader, "bias") && svi_json_number(reader, &row->bias) &&
           svi_json_token(reader, ",") && svi_json_key(reader, "thresholds") && read_thresholds(reader, row) &&
           svi_json_token(reader, ",") && svi_json_key(reader, "weights") && read_weights(reader, row) &&
           svi_json_token(reader, "}");
}

static int read_scoring(svi_json *reader, svi_scoring *scoring)
{
    int first = 1, more;
    memset(scoring, 0, sizeof *scoring);
    if (!svi_json_token(reader, "{"))
        return 0;
    while ((more = svi_json_more(reader, '}', &first)) > 0) {
        if (scoring->count == SVI_MAX_ROWS || !read_row(reader, &scoring->rows[scoring->count]))
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

static int read_port(svi_json *reader, svi_port *port)
{
    char type[NAME];
    long position, zero_point;
    double scale;
    if (!(svi_json_token(reader, "{") && svi_json_key(reader, "dtype") && svi_json_text(reader, type, sizeof type) &&
          svi_json_token(reader, ",") && svi_json_key(reader, "position") && svi_json_integer(reader, 0, 15, &position) &&
          svi_json_token(reader, ",") && svi_json_key(reader, "scale") && svi_json_number(reader, &scale) &&
          svi_json_token(reader, ",") && svi_json_key(reader, "shape") && svi_json_skip(reader) &&
          svi_json_token(reader, ",") && svi_json_key(reader, "zero_point") &&
          svi_json_integer(reader, -COUNT_LIMIT, COUNT_LIMIT, &zero_point) && svi_json_token(reader, "}")))
        return 0;
    port->position = (int)position;
    port->scale = (float)scale;
    port->zero_point = (float)zero_point;
    port->known = type_of(type, &port->type) &&
                  (port->type == SVI_FLOAT32 || (port->scale > 0 && isfinite(port->scale)));
    return 1;
}

/* {"input":…,"sequence":…,"vector":…}, or {} */
static int read_tensors(svi_json *reader, sv_model *model)
{
    if (svi_json_token(reader, "{}"))
        return 1;
    if (!svi_json_token(reader, "{") || !svi_json_key(reader, "input") || !read_port(reader, &model->input) ||
        !svi_json_token(reader, ","))
        return 0;
    if (svi_json_key(reader, "sequence") && !(read_port(reader, &model->sequence) && svi_json_token(reader, ",")))
        return 0;
    return svi_json_key(reader, "vector") && read_port(reader, &model->vector) && svi_json_token(reader, "}");
}

static int can_be_aligned(long steps, long depth)
{
    return steps % 2 == 0 && steps <= SVI_MAX_STEPS && depth <= SVI_MAX_DEPTH;
}

static int read_sequence_shape(svi_json *reader, sv_model *model)
{
    long steps = 1, depth = 0;
    if (!svi_json_token(reader, "null") && !(shape(reader, &steps, &depth) && can_be_aligned(steps, depth)))
        return 0;
    model->steps = (size_t)steps;
    model->depth = (size_t)depth;
    return 1;
}

static int read_precision(svi_json *reader)
{
    char precision[NAME];
    return svi_json_text(reader, precision, sizeof precision) &&
           (strcmp(precision, "int8") == 0 || strcmp(precision, "float16") == 0 ||
            strcmp(precision, "float32") == 0);
}

static int head(svi_json *reader, long versions[2], long input[2])
{
    char name[NAME];
    return svi_json_token(reader, "{") && svi_json_key(reader, "encoder") && text_field(reader, name, sizeof name) &&
           svi_json_token(reader, ",") && svi_json_key(reader, "features_version") &&
           svi_json_integer(reader, 1, COUNT_LIMIT, &versions[0]) && svi_json_token(reader, ",") &&
           svi_json_key(reader, "file_version") && svi_json_integer(reader, 1, COUNT_LIMIT, &versions[1]) &&
           svi_json_token(reader, ",") && svi_json_key(reader, "input_shape") && shape(reader, &input[0], &input[1]) &&
           svi_json_token(reader, ",") && svi_json_key(reader, "name") && text_field(reader, name, sizeof name) &&
           svi_json_token(reader, ",");
}

static int object(svi_json *reader, const char *name)
{
    return svi_json_key(reader, name) && reader->at < reader->end && *reader->at == '{' && svi_json_skip(reader) &&
           svi_json_token(reader, ",");
}

static int tail(svi_json *reader, sv_model *model)
{
    long size;
    if (!(object(reader, "parity") && svi_json_key(reader, "precision") && read_precision(reader) &&
          svi_json_token(reader, ",") && object(reader, "provenance") && svi_json_key(reader, "scoring") &&
          read_scoring(reader, &model->scoring) && svi_json_token(reader, ",") && svi_json_key(reader, "sequence_shape") &&
          read_sequence_shape(reader, model) && svi_json_token(reader, ",") && svi_json_key(reader, "tensors") &&
          read_tensors(reader, model) && svi_json_token(reader, ",") && svi_json_key(reader, "vector_size") &&
          svi_json_integer(reader, 1, COUNT_LIMIT, &size) && svi_json_token(reader, "}")))
        return 0;
    model->vector_size = (size_t)size;
    return reader->at == reader->end;
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
