/* The manifest of a model file, as sigverify/manifest.py writes it: fields in alphabetical order. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define COUNT_LIMIT 0x7fffffffL /* what a long holds everywhere; Python refuses more as well */
#define MAX_POSITION 15         /* of a tensor among the inputs or outputs; networks have two at most */
#define MAX_SCALE 1e6           /* of a tensor's step; those of the models that ship are below 1 */
#define LEAST_SCALE 1e-30       /* of what is stored as bytes: a float can still divide by it */
#define MAX_VECTOR (1L << 20)   /* numbers in a vector: a thousand times those of any encoder */
#define LARGEST_WEIGHT 1e6      /* of a weight or bias; fitted ones are below 100 */
#define LOWEST_RATE 1e-12       /* of a false-match rate: far below what any number of trials shows */
#define NAME 48                 /* characters kept of a name: more than any that is compared has */

/* Past a comma and the key after it. */
static int next_key(svi_json *reader, const char *name)
{
    return svi_json_token(reader, ",") && svi_json_key(reader, name);
}

static int text_field(svi_json *reader, char *text, size_t capacity)
{
    return svi_json_text(reader, text, capacity) && text[0] != '\0';
}

static int two_counts(svi_json *reader, long *first, long *second)
{
    return svi_json_token(reader, "[") && svi_json_integer(reader, 1, COUNT_LIMIT, first) &&
           svi_json_token(reader, ",") && svi_json_integer(reader, 1, COUNT_LIMIT, second) &&
           svi_json_token(reader, "]");
}

/* Whether the last rate of a table may follow the one before. Both are strictly between 0 and 1, as their logarithms and
 * log odds are interpolated; two equal rates would divide by 0; a threshold that falls would let more forgers in where
 * fewer were asked for. */
static int last_is_possible(const svi_table *table)
{
    int last = table->count - 1;
    double fmr = table->fmr[last], threshold = table->threshold[last];
    if (!(fmr >= LOWEST_RATE && fmr < 1 && threshold > 0 && threshold < 1))
        return 0;
    return last == 0 || (fmr < table->fmr[last - 1] && threshold >= table->threshold[last - 1]);
}

/* [[fmr, threshold], ...], at least one */
static int read_table(svi_json *reader, svi_table *table)
{
    int first = 1, more;
    if (!svi_json_token(reader, "["))
        return 0;
    while ((more = svi_json_more(reader, ']', &first)) > 0) {
        if (table->count == SVI_MAX_TABLE || !svi_json_token(reader, "[") ||
            !svi_json_real(reader, &table->fmr[table->count]) || !svi_json_token(reader, ",") ||
            !svi_json_real(reader, &table->threshold[table->count]) || !svi_json_token(reader, "]"))
            return 0;
        table->count++;
        if (!last_is_possible(table))
            return 0;
    }
    return more == 0 && table->count > 0;
}

/* {"random":[…],"skilled":[…]}, or one of them */
static int read_thresholds(svi_json *reader, svi_row *row)
{
    int first = 1, more;
    if (!svi_json_token(reader, "{"))
        return 0;
    while ((more = svi_json_more(reader, '}', &first)) > 0) {
        int which = svi_json_key(reader, "random") ? SV_RANDOM : svi_json_key(reader, "skilled") ? SV_SKILLED : -1;
        if (which < 0 || row->tables[SV_SKILLED].count || row->tables[which].count ||
            !read_table(reader, &row->tables[which]))
            return 0;
    }
    return more == 0 && (row->tables[SV_RANDOM].count || row->tables[SV_SKILLED].count);
}

static int read_weight(svi_json *reader, double *weight)
{
    return svi_json_real(reader, weight) && fabs(*weight) <= LARGEST_WEIGHT;
}

/* Exactly as many as there are columns of evidence. */
static int read_weights(svi_json *reader, int columns, svi_row *row)
{
    if (!svi_json_token(reader, "["))
        return 0;
    for (int i = 0; i < columns; i++)
        if ((i > 0 && !svi_json_token(reader, ",")) || !read_weight(reader, &row->weights[i]))
            return 0;
    return svi_json_token(reader, "]");
}

static int read_row(svi_json *reader, int columns, svi_row *row)
{
    return svi_json_token(reader, "\"") && svi_json_integer(reader, 1, SV_MAX_REFERENCES, &row->references) &&
           svi_json_token(reader, "\":{") && svi_json_key(reader, "bias") && read_weight(reader, &row->bias) &&
           next_key(reader, "thresholds") && read_thresholds(reader, row) && next_key(reader, "weights") &&
           read_weights(reader, columns, row) && svi_json_token(reader, "}");
}

/* Where a number of references stands among the keys, which are sorted as text: 1, 10, 11, 12, 2, …, 9. */
static long order(long references)
{
    return references < 10 ? 10 * references : references / 10 * 10 + references % 10 + 1;
}

/* Whether a row may follow the one before of its kind: not the same number again, and for the same impostors. */
static int may_follow(const svi_row *before, const svi_row *row)
{
    if (before->is_reduced != row->is_reduced)
        return 1;
    for (int which = 0; which < 2; which++)
        if (!before->tables[which].count != !row->tables[which].count)
            return 0;
    return order(before->references) < order(row->references);
}

/* One more row. */
static int add_row(svi_json *reader, int columns, int is_reduced, svi_scoring *scoring)
{
    svi_row *row = &scoring->rows[scoring->count];
    if (scoring->count == SVI_MAX_ROWS || !read_row(reader, columns, row))
        return 0;
    row->is_reduced = is_reduced;
    scoring->count++;
    return scoring->count == 1 || may_follow(row - 1, row);
}

/* {"1":{…},…}, the rows of reduced comparisons; a manifest without any does not have the field */
static int read_reduced(svi_json *reader, int columns, svi_scoring *scoring)
{
    int first = 1, more, before = scoring->count;
    if (!svi_json_token(reader, "{"))
        return 0;
    while ((more = svi_json_more(reader, '}', &first)) > 0)
        if (!add_row(reader, columns, 1, scoring))
            return 0;
    return more == 0 && scoring->count > before;
}

/* {"1":{…},…,"reduced":{…}}, or {}: nothing was fitted */
static int read_scoring(svi_json *reader, const svi_cues *cues, svi_scoring *scoring)
{
    int first = 1, more, rows = 0, columns = svi_cues_first_column(cues, cues->count);
    memset(scoring, 0, sizeof *scoring);
    if (svi_json_token(reader, "{}"))
        return svi_scoring_default(scoring, cues);
    if (!svi_json_token(reader, "{"))
        return 0;
    while ((more = svi_json_more(reader, '}', &first)) > 0) {
        if (svi_json_key(reader, "reduced")) /* the last of the keys */
            return rows > 0 && read_reduced(reader, columns, scoring) && svi_json_token(reader, "}");
        if (!add_row(reader, columns, 0, scoring))
            return 0;
        rows++;
    }
    return more == 0 && rows > 0;
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

/* At least one size, all of them possible; what the network itself takes the interpreter says. */
static int read_shape(svi_json *reader)
{
    int first = 1, more, rank = 0;
    long size;
    if (!svi_json_token(reader, "["))
        return 0;
    for (; (more = svi_json_more(reader, ']', &first)) > 0; rank++)
        if (!svi_json_integer(reader, 1, COUNT_LIMIT, &size))
            return 0;
    return more == 0 && rank > 0;
}

static int read_port(svi_json *reader, svi_port *port)
{
    char type[NAME];
    long position, zero_point;
    double scale;
    if (!(svi_json_token(reader, "{") && svi_json_key(reader, "dtype") && text_field(reader, type, sizeof type) &&
          next_key(reader, "position") && svi_json_integer(reader, 0, MAX_POSITION, &position) &&
          next_key(reader, "scale") && svi_json_real(reader, &scale) && next_key(reader, "shape") &&
          read_shape(reader) && next_key(reader, "zero_point") &&
          svi_json_integer(reader, -128, 255, &zero_point) && /* the least and the greatest of a byte */
          svi_json_token(reader, "}")))
        return 0;
    port->known = type_of(type, &port->type);
    if (!(scale >= 0 && scale <= MAX_SCALE) || (scale < LEAST_SCALE && port->known && port->type != SVI_FLOAT32))
        return 0;
    port->position = (int)position;
    port->scale = (float)scale;
    port->zero_point = (float)zero_point;
    return 1;
}

/* One of those that not every model has, and the comma behind it. */
static int optional_port(svi_json *reader, const char *name, svi_port *port)
{
    return !svi_json_key(reader, name) || (read_port(reader, port) && svi_json_token(reader, ","));
}

/* {"input":…,"pair":…,"pair_input":…,"sequence":…,"vector":…}, the middle three only where there are such, or {} */
static int read_tensors(svi_json *reader, sv_model *model)
{
    if (svi_json_token(reader, "{}"))
        return 1; /* only an interpreter can tell then: sv_model_describe refuses the model */
    return svi_json_token(reader, "{") && svi_json_key(reader, "input") && read_port(reader, &model->input) &&
           svi_json_token(reader, ",") && optional_port(reader, "pair", &model->pair) &&
           optional_port(reader, "pair_input", &model->pair_input) &&
           optional_port(reader, "sequence", &model->sequence) && svi_json_key(reader, "vector") &&
           read_port(reader, &model->vector) && svi_json_token(reader, "}");
}

static int can_be_aligned(long steps, long depth)
{
    return steps % 2 == 0 && steps <= SVI_MAX_STEPS && depth <= SVI_MAX_DEPTH;
}

static int read_sequence_shape(svi_json *reader, sv_model *model)
{
    long steps = 1, depth = 0;
    if (!svi_json_token(reader, "null") && !(two_counts(reader, &steps, &depth) && can_be_aligned(steps, depth)))
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

/* What must be known before the rest can be read. */
typedef struct head {
    long features_version, file_version;
    int takes_features; /* whether the network's input has the shape of a pen's features */
    int is_foreign;     /* of a modality or with cues that this library does not know */
} head;

static int read_flag(svi_json *reader, const char *name, int *flag)
{
    if (!svi_json_key(reader, name))
        return 0;
    *flag = svi_json_token(reader, "true");
    return *flag || svi_json_token(reader, "false");
}

static int read_cue(svi_json *reader, svi_cue_described *cue, char name[NAME])
{
    cue->name = name;
    return svi_json_token(reader, "{") && read_flag(reader, "elastic", &cue->elastic) &&
           svi_json_token(reader, ",") && read_flag(reader, "learned", &cue->learned) && next_key(reader, "name") &&
           text_field(reader, name, NAME) && svi_json_token(reader, ",") &&
           read_flag(reader, "relative", &cue->relative) && svi_json_token(reader, ",") &&
           read_flag(reader, "signed", &cue->is_signed) && svi_json_token(reader, "}");
}

/* A field that only Python reads. */
static int skip_object(svi_json *reader)
{
    return reader->at < reader->end && *reader->at == '{' && svi_json_skip(reader);
}

/* [{"elastic":…,"learned":…,"name":…,"relative":…,"signed":…}, …] */
static int read_cues(svi_json *reader, svi_cues *cues, int *is_foreign)
{
    int first = 1, more;
    if (!svi_json_token(reader, "["))
        return 0;
    while ((more = svi_json_more(reader, ']', &first)) > 0) {
        const char *start = reader->at;
        svi_cue_described cue;
        char name[NAME];
        if (read_cue(reader, &cue, name) && svi_cues_add(cues, &cue))
            continue;
        /* Whatever a later release says of a cue, it is an object. */
        *is_foreign = 1;
        reader->at = start;
        if (!skip_object(reader))
            return 0;
    }
    *is_foreign |= cues->count == 0;
    return more == 0;
}

/* Any number of sizes; another modality's network takes other shapes. */
static int read_input_shape(svi_json *reader, int *takes_features)
{
    static const long expected[] = {SV_FRAMES, SV_CHANNELS};
    int first = 1, more, rank = 0;
    if (!svi_json_token(reader, "["))
        return 0;
    *takes_features = 1;
    while ((more = svi_json_more(reader, ']', &first)) > 0) {
        long size;
        if (!svi_json_integer(reader, 1, COUNT_LIMIT, &size))
            return 0;
        *takes_features = *takes_features && rank < 2 && size == expected[rank];
        rank++;
    }
    *takes_features = *takes_features && rank == 2;
    return more == 0 && rank > 0;
}

static int read_modality(svi_json *reader, head *head)
{
    char modality[NAME];
    if (!text_field(reader, modality, sizeof modality))
        return 0;
    head->is_foreign |= strcmp(modality, "pen") != 0;
    return 1;
}

/* From the first field through the name. */
static int read_head(svi_json *reader, head *head, svi_cues *cues)
{
    char name[NAME];
    memset(head, 0, sizeof *head);
    return svi_json_token(reader, "{") && svi_json_key(reader, "cues") &&
           read_cues(reader, cues, &head->is_foreign) && next_key(reader, "encoder") &&
           text_field(reader, name, sizeof name) && next_key(reader, "features_version") &&
           svi_json_integer(reader, 1, COUNT_LIMIT, &head->features_version) && next_key(reader, "file_version") &&
           svi_json_integer(reader, SVI_FILE_VERSION, SVI_FILE_VERSION, &head->file_version) &&
           next_key(reader, "input_shape") && read_input_shape(reader, &head->takes_features) &&
           next_key(reader, "modality") && read_modality(reader, head) && next_key(reader, "name") &&
           text_field(reader, name, sizeof name);
}

/* From behind the name to the end. */
static int read_tail(svi_json *reader, sv_model *model)
{
    long size;
    if (!(next_key(reader, "parity") && skip_object(reader) && next_key(reader, "precision") &&
          read_precision(reader) && next_key(reader, "provenance") && skip_object(reader) &&
          next_key(reader, "scoring") && read_scoring(reader, &model->cues, &model->scoring) &&
          next_key(reader, "sequence_shape") && read_sequence_shape(reader, model) && next_key(reader, "tensors") &&
          read_tensors(reader, model) && next_key(reader, "vector_size") &&
          svi_json_integer(reader, 1, MAX_VECTOR, &size) && svi_json_token(reader, "}")))
        return 0;
    model->vector_size = (size_t)size;
    return reader->at == reader->end;
}

int svi_manifest_read(const char *text, size_t size, sv_model *model)
{
    svi_json json = {text, text + size, 0};
    head head;
    if (svi_utf8_length((const uint8_t *)text, size) == SIZE_MAX || !read_head(&json, &head, &model->cues))
        return SV_MALFORMED_MODEL;
    /* How many weights there are, and what the shapes mean, only those know who know the modality and its cues. */
    if (head.is_foreign)
        return SV_INCOMPATIBLE_MODEL;
    if (!read_tail(&json, model))
        return SV_MALFORMED_MODEL;
    if (head.features_version != SV_FEATURES_VERSION || !head.takes_features)
        return SV_INCOMPATIBLE_MODEL;
    return SV_OK;
}
