/* A strict reader of canonical JSON: no white space, keys in rising order, bounded depth. It allocates nothing.
 *
 * A function returns 1 and has moved past what it read, or 0. After a 0 only svi_json_token and svi_json_key stand
 * where they stood before. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_DEPTH 64  /* of nesting: bounds the stack that svi_json_skip takes, some hundred bytes a level */
#define MAX_NUMBER 64 /* characters of a number; Python writes a float in 24 at most */

int svi_json_token(svi_json *reader, const char *token)
{
    size_t length = strlen(token);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, token, length) != 0)
        return 0;
    reader->at += length;
    return 1;
}

int svi_json_key(svi_json *reader, const char *name)
{
    const char *before = reader->at;
    if (svi_json_token(reader, "\"") && svi_json_token(reader, name) && svi_json_token(reader, "\":"))
        return 1;
    reader->at = before;
    return 0;
}

static int is_digit(const svi_json *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* Past an escape whose backslash has been read. */
static int escape(svi_json *reader)
{
    char kind = reader->at < reader->end ? *reader->at++ : '\0';
    if (kind != 'u')
        return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
    for (int i = 0; i < 4; i++)
        if (reader->at >= reader->end || !isxdigit((unsigned char)*reader->at++))
            return 0;
    return 1;
}

/* Past a string; its content between the quotes, escapes as they are written. */
static int raw_text(svi_json *reader, const char **content, size_t *length)
{
    if (!svi_json_token(reader, "\""))
        return 0;
    *content = reader->at;
    while (reader->at < reader->end) {
        unsigned char next = (unsigned char)*reader->at++;
        if (next == '"') {
            *length = (size_t)(reader->at - 1 - *content);
            return 1;
        }
        if (next < 0x20 || (next == '\\' && !escape(reader)))
            return 0;
    }
    return 0;
}

int svi_json_text(svi_json *reader, char *text, size_t capacity)
{
    const char *content;
    size_t length;
    if (!raw_text(reader, &content, &length))
        return 0;
    if (length >= capacity)
        length = capacity - 1; /* what is compared with it is shorter */
    memcpy(text, content, length);
    text[length] = '\0';
    return 1;
}

static int digits(svi_json *reader)
{
    const char *first = reader->at;
    while (is_digit(reader))
        reader->at++;
    return reader->at > first;
}

/* Past a number of JSON's grammar. After a leading zero it ends: no other digit may follow. */
static int number_text(svi_json *reader, int *is_integer)
{
    *is_integer = 1;
    svi_json_token(reader, "-");
    if (!svi_json_token(reader, "0") && !digits(reader))
        return 0;
    if (svi_json_token(reader, ".")) {
        *is_integer = 0;
        if (!digits(reader))
            return 0;
    }
    if (svi_json_token(reader, "e") || svi_json_token(reader, "E")) {
        *is_integer = 0;
        if (!svi_json_token(reader, "+"))
            svi_json_token(reader, "-");
        return digits(reader);
    }
    return 1;
}

/* strtod expects the decimal point of the program's locale, so find out what that is and put it in. */
static double to_double(const char *text, size_t length)
{
    char point[8], copy[MAX_NUMBER + sizeof point];
    size_t used = 0, wide = (size_t)snprintf(point, sizeof point, "%.1f", 0.5) - 2;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            memcpy(copy + used, point + 1, wide);
            used += wide;
        } else {
            copy[used++] = text[i];
        }
    }
    copy[used] = '\0';
    return strtod(copy, NULL);
}

static int any_number(svi_json *reader, double *value, int *is_integer)
{
    const char *first = reader->at;
    if (!number_text(reader, is_integer) || reader->at - first > MAX_NUMBER)
        return 0;
    if (*is_integer && reader->at - first == 2 && memcmp(first, "-0", 2) == 0)
        return 0; /* an integer has one 0 */
    *value = to_double(first, (size_t)(reader->at - first));
    return isfinite(*value);
}

int svi_json_number(svi_json *reader, double *value)
{
    int is_integer;
    return any_number(reader, value, &is_integer);
}

int svi_json_real(svi_json *reader, double *value)
{
    int is_integer;
    return any_number(reader, value, &is_integer) && !is_integer;
}

int svi_json_integer(svi_json *reader, long low, long high, long *value)
{
    double number;
    int is_integer;
    if (!any_number(reader, &number, &is_integer) || !is_integer || number < (double)low || number > (double)high)
        return 0;
    *value = (long)number;
    return 1;
}

int svi_json_more(svi_json *reader, char close, int *first)
{
    if (reader->at < reader->end && *reader->at == close) {
        reader->at++;
        return 0;
    }
    if (!*first && !svi_json_token(reader, ","))
        return -1;
    *first = 0;
    return 1;
}

static int rises(const char *before, size_t before_length, const char *key, size_t length)
{
    int order = memcmp(before, key, before_length < length ? before_length : length);
    return order < 0 || (order == 0 && before_length < length);
}

static int skip_object(svi_json *reader)
{
    const char *before = NULL, *key;
    size_t before_length = 0, length;
    int first = 1, more;
    while ((more = svi_json_more(reader, '}', &first)) > 0) {
        if (!raw_text(reader, &key, &length) || !svi_json_token(reader, ":"))
            return 0;
        if (before && !rises(before, before_length, key, length))
            return 0;
        before = key;
        before_length = length;
        if (!svi_json_skip(reader))
            return 0;
    }
    return more == 0;
}

static int skip_array(svi_json *reader)
{
    int first = 1, more;
    while ((more = svi_json_more(reader, ']', &first)) > 0)
        if (!svi_json_skip(reader))
            return 0;
    return more == 0;
}

static int skip_nested(svi_json *reader, int (*inside)(svi_json *))
{
    int whole = reader->depth < MAX_DEPTH;
    reader->depth++;
    whole = whole && inside(reader);
    reader->depth--;
    return whole;
}

int svi_json_skip(svi_json *reader)
{
    const char *content;
    size_t length;
    double number;
    if (reader->at < reader->end && *reader->at == '"')
        return raw_text(reader, &content, &length);
    if (svi_json_token(reader, "{"))
        return skip_nested(reader, skip_object);
    if (svi_json_token(reader, "["))
        return skip_nested(reader, skip_array);
    if (svi_json_token(reader, "true") || svi_json_token(reader, "false") || svi_json_token(reader, "null"))
        return 1;
    return svi_json_number(reader, &number);
}
