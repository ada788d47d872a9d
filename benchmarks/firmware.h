/* What the programs here share that play firmware: they end at the first failure, and read captures as native.py
 * packs them. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <sigverify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 256

static void must(int status, const char *what)
{
    if (status == SV_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, sv_status_text(status));
    exit(1);
}

static char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data;
    must(file && fseek(file, 0, SEEK_END) == 0 ? SV_OK : SV_ERROR, path);
    *size = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size);
    must(data && fread(data, 1, *size, file) == *size ? SV_OK : SV_ERROR, path);
    fclose(file);
    return data;
}

/* For each signature a count (uint64) and then x, y, time_ms and pressure as double and pen_down as bytes, padded
 * to 8. */
static size_t read_captures(const char *at, const char *end, sv_signature *captures)
{
    size_t count = 0;
    while (at < end && count < MOST) {
        uint64_t samples;
        const double *columns = (const double *)(const void *)(at + 8);
        memcpy(&samples, at, 8);
        captures[count++] = (sv_signature){samples,
                                         columns,
                                         columns + samples,
                                         columns + 2 * samples,
                                         columns + 3 * samples,
                                         (const uint8_t *)(columns + 4 * samples)};
        at += 8 + 32 * samples + (samples + 7) / 8 * 8;
    }
    return count;
}

#endif
