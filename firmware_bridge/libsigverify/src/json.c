/* A strict reader of canonical JSON: no white space, keys rising, bounded depth. It allocates nothing. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_DEPTH 64
#define MAX_NUMBER 64 /* characters */

int svi_json_token(svi_json *its, const char *token)
{
    size_t length = strlen(token);
    if ((size_t)(its->end - its->at) < length || memcmp(its->at, token, length) != 0)
        return 0;
    its->at += length;
    return 1;
}

int svi_json_key(svi_json *its, const char *name)
{
    const char *before = its->at;
    if (svi_json_token(its, "\"") && svi_json_token(its, name) && svi_json_token(its, "\":"))
        return 1;
    its->at = before;
    return 0;
}

static int is_digit(const svi_json *its)
{
    return its->at < its->end && *its->at >= '0' && *its->at <= '9';
}

/* Past an escape, whose backslash was read. */
static int escape(svi_json *its)
{
    char kind = its->at < its->end ? *its->at++ : '\0';
    if (kind != 'u')
        return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
    for (int i = 0; i < 4; i++)
        if (its->at >= its->end || !isxdigit((unsigned char)*its->at++))
            return 0;
    return 1;
}

/* Past a string; its content between the quotes, escapes as they are written. */
static int raw_text(svi_json *its, const char **content, size_t *length)
{
    if (!svi_json_token(its, "\""))
        return 0;
    *content = its->at;
    while (its->at < its->end) {
        unsigned char next = (unsigned char)*its->at++;
        if (next == '"') {
            *length = (size_t)(its->at - 1 - *content);
            return 1;
        }
        if (next < 0x20 || (next == '\\' && !escape(its)))
            return 0;
    }
    return 0;
}

int svi_json_text(svi_json *its, char *text, size_t capacity)
{
    const char *content;
    size_t length;
    if (!raw_text(its, &content, &length))
        return 0;
    if (length >= capacity)
        length = capacity - 1; /* what is compared with it is shorter */
    memcpy(text, content, length);
    text[length] = '\0';
    return 1;
}

static int digits(svi_json *its)
{
    const char *first = its->at;
    while (is_digit(its))
        its->at++;
    return its->at > first;
}

/* Past a number of JSON's grammar. After a leading zero it ends: what follows cannot be a digit then. */
static int number_text(svi_json *its, int *is_integer)
{
    *is_integer = 1;
    svi_json_token(its, "-");
    if (!svi_json_token(its, "0") && !digits(its))
        return 0;
    if (svi_json_token(its, ".")) {
        *is_integer = 0;
        if (!digits(its))
            return 0;
    }
    if (svi_json_token(its, "e") || svi_json_token(its, "E")) {
        *is_integer = 0;
        if (!svi_json_token(its, "+"))
            svi_json_token(its, "-");
        return digits(its);
    }
    return 1;
}

/* strtod expects the point of the program's locale, whatever that is. */
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

static int any_number(svi_json *its, double *value, int *is_integer)
{
    const char *first = its->at;
    if (!number_text(its, is_integer) || its->at - first > MAX_NUMBER)
        return 0;
    *value = to_double(first, (size_t)(its->at - first));
    return isfinite(*value);
}

int svi_json_number(svi_json *its, double *value)
{
    int is_integer;
    return any_number(its, value, &is_integer);
}

int svi_json_integer(svi_json *its, long low, long high, long *value)
{
    double number;
    int is_integer;
    if (!any_number(its, &number, &is_integer) || !is_integer || number < (double)low || number > (double)high)
        return 0;
    *value = (long)number;
    return 1;
}

int svi_json_more(svi_json *its, char close, int *first)
{
    if (its->at < its->end && *its->at == close) {
        its->at++;
        return 0;
    }
    if (!*first && !svi_json_token(its, ","))
        return -1;
    *first = 0;
    return 1;
}

static int rises(const char *before, size_t before_length, const char *key, size_t length)
{
    int order = memcmp(before, key, before_length < length ? before_length : length);
    return order < 0 || (order == 0 && before_length < length);
}

static int skip_object(svi_json *its)
{
    const char *before = NULL, *key;
    size_t before_length = 0, length;
    int first = 1, more;
    while ((more = svi_json_more(its, '}', &first)) > 0) {
        if (!raw_text(its, &key, &length) || !svi_json_token(its, ":"))
            return 0;
        if (before && !rises(before, before_length, key, length))
            return 0;
        before = key;
        before_length = length;
        if (!svi_json_skip(its))
            return 0;
    }
    return more == 0;
}

static int skip_array(svi_json *its)
{
    int first = 1, more;
    while ((more = svi_json_more(its, ']', &first)) > 0)
        if (!svi_json_skip(its))
            return 0;
    return more == 0;
}

static int skip_nested(svi_json *its, int (*inside)(svi_json *))
{
    int whole = its->depth < MAX_DEPTH;
    its->depth++;
    whole = whole && inside(its);
    its->depth--;
    return whole;
}

int svi_json_skip(svi_json *its)
{
    const char *content;
    size_t length;
    double number;
    if (its->at < its->end && *its->at == '"')
        return raw_text(its, &content, &length);
    if (svi_json_token(its, "{"))
        return skip_nested(its, skip_object);
    if (svi_json_token(its, "["))
        return skip_nested(its, skip_array);
    if (svi_json_token(its, "true") || svi_json_token(its, "false") || svi_json_token(its, "null"))
        return 1;
    return svi_json_number(its, &number);
}
