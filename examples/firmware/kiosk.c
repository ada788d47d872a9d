/* A kiosk's main loop on libsigverify: enroll one person from files, then decide on each capture that comes.
 *
 *     cc -std=c99 -Iinclude -o kiosk kiosk.c -Lbuild -lsigverify
 *     ./kiosk base.sigmodel libLiteRt.so alice alice-1.csv ... alice-5.csv < captures
 *
 * Each line of standard input names a CSV file with a capture; each answer is a line of standard output. On a device
 * the samples come from the pen instead: replace `read_csv`. Columns as sigverify writes them:
 * x,y,time_ms[,pressure],pen_down. Exit status: 0, or the sv_status that stopped it.
 *
 * The template stays in memory. To keep it, sv_template_export, encrypt, write; see docs/native.md. */
#include <sigverify.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SAMPLES 4096 /* 40 s at 100 Hz */
#define MAX_LINE 1024
#define FMR 0.05 /* let one skilled forger in twenty in; a till would ask for less */
#define TRIES 5  /* failed in a row, then everybody waits: the library remembers nothing between calls */
#define WAIT_S 30

typedef struct capture {
    double x[MAX_SAMPLES], y[MAX_SAMPLES], time_ms[MAX_SAMPLES], pressure[MAX_SAMPLES];
    uint8_t pen_down[MAX_SAMPLES];
    sv_signature signature;
} capture;

typedef struct kiosk {
    unsigned char *file; /* the model's bytes: sv_model_open keeps pointing into them */
    sv_model *model;
    sv_litert *litert;
    sv_verifier *verifier;
    sv_template *person;
    int failed;
    time_t shut_until;
} kiosk;

static capture references[SV_MAX_REFERENCES], probe;

/* ------------------------------------------------------------------------------------------- samples */

static int columns_of(const char *header)
{
    if (strncmp(header, "x,y,time_ms,pressure,pen_down", 29) == 0)
        return 5;
    return strncmp(header, "x,y,time_ms,pen_down", 20) == 0 ? 4 : 0;
}

static int at_the_end(const char *rest)
{
    return *rest == '\n' || *rest == '\r' || *rest == '\0';
}

static int read_row(const char *line, int columns, double *row)
{
    for (int column = 0; column < columns; column++) {
        char *end;
        row[column] = strtod(line, &end);
        int last = column + 1 == columns;
        if (end == line || !(last ? at_the_end(end) : *end == ','))
            return 0;
        line = end + 1;
    }
    return 1;
}

static void keep(capture *its, size_t at, const double *row, int columns)
{
    its->x[at] = row[0];
    its->y[at] = row[1];
    its->time_ms[at] = row[2];
    its->pressure[at] = row[3];
    its->pen_down[at] = row[columns - 1] != 0;
}

static int read_rows(FILE *file, capture *its)
{
    char line[MAX_LINE];
    double row[5];
    size_t count = 0;
    int columns = fgets(line, sizeof line, file) ? columns_of(line) : 0;
    if (!columns)
        return SV_UNKNOWN_FORMAT;
    while (fgets(line, sizeof line, file)) {
        if (count == MAX_SAMPLES || !read_row(line, columns, row))
            return SV_FORMAT_ERROR;
        keep(its, count++, row, columns);
    }
    its->signature = (sv_signature){count, its->x, its->y, its->time_ms, columns == 5 ? its->pressure : NULL,
                                    its->pen_down};
    return ferror(file) ? SV_FORMAT_ERROR : SV_OK;
}

static int read_csv(const char *path, capture *its)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return SV_FORMAT_ERROR;
    int status = read_rows(file, its);
    fclose(file);
    return status;
}

/* ------------------------------------------------------------------------------------------ the kiosk */

static unsigned char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    long length = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (length > 0 && (bytes = malloc((size_t)length)) != NULL) {
        rewind(file);
        *size = fread(bytes, 1, (size_t)length, file);
    }
    if (file)
        fclose(file);
    return bytes;
}

static int open_kiosk(kiosk *its, const char *model, const char *library)
{
    size_t size = 0;
    its->file = read_whole(model, &size);
    if (!its->file)
        return SV_MODEL_ERROR;
    int status = sv_model_open(its->file, size, &its->model);
    if (status == SV_OK)
        status = sv_litert_open(library, its->model, &its->litert);
    if (status == SV_OK)
        status = sv_verifier_open(its->model, sv_litert_network(its->litert), &its->verifier);
    return status;
}

static void close_kiosk(kiosk *its) /* in the reverse order: each refers to those before */
{
    sv_template_close(its->person);
    sv_verifier_close(its->verifier);
    sv_litert_close(its->litert);
    sv_model_close(its->model);
    free(its->file);
}

static int enroll(kiosk *its, const char *user, char **paths, size_t count)
{
    static const char *const said[] = {"taken", "too short", "too simple", "a bad capture", "a copy",
                                       "unlike the others"};
    sv_signature signatures[SV_MAX_REFERENCES];
    sv_addition additions[SV_MAX_REFERENCES] = {SV_TAKEN};
    for (size_t i = 0; i < count; i++) {
        int status = read_csv(paths[i], &references[i]);
        if (status != SV_OK)
            return status;
        signatures[i] = references[i].signature;
    }
    int status = sv_enroll(its->verifier, user, (int64_t)time(NULL) * 1000, signatures, count, SV_ENFORCE,
                           additions, &its->person);
    for (size_t i = 0; i < count && (status == SV_OK || status == SV_ENROLLMENT_ERROR); i++)
        printf("signature %d: %s\n", (int)i + 1, said[additions[i]]);
    return status;
}

static const char *why(sv_reason reason)
{
    static const char *const words[] = {"alike", "unlike", "unsure", "a copy", "locked", "too little of a signature", "blocked"};
    return words[reason];
}

static void count_try(kiosk *its, const sv_decision *decision)
{
    its->failed = decision->accepted ? 0 : its->failed + 1;
    if (its->failed < TRIES)
        return;
    its->failed = 0;
    its->shut_until = time(NULL) + WAIT_S;
}

static void decide(kiosk *its)
{
    sv_policy policy = {FMR, 0, SV_SKILLED};
    sv_decision decision;
    int status = sv_verify(its->verifier, its->person, &probe.signature, &policy, &decision);
    if (status != SV_OK) {
        printf("failed: %s\n", sv_status_text(status)); /* not a rejection: nothing was compared */
        return;
    }
    count_try(its, &decision);
    printf("%s: %s\n", decision.accepted ? "accepted" : "rejected", why(decision.reason));
}

static void attend(kiosk *its)
{
    char path[MAX_LINE];
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\r\n")] = '\0';
        int status = read_csv(path, &probe);
        if (status != SV_OK)
            printf("no capture: %s\n", sv_status_text(status));
        else if (time(NULL) < its->shut_until)
            puts("locked: wait");
        else
            decide(its);
        fflush(stdout);
    }
}

int main(int count, char **words)
{
    kiosk its = {NULL, NULL, NULL, NULL, NULL, 0, 0};
    if (count < 5 || count - 4 > SV_MAX_REFERENCES) {
        fprintf(stderr, "usage: kiosk MODEL LITERT_LIBRARY USER REFERENCE.csv... < CAPTURES\n");
        return SV_CONFIG_ERROR;
    }
    int status = open_kiosk(&its, words[1], words[2]);
    if (status == SV_OK)
        status = enroll(&its, words[3], words + 4, (size_t)(count - 4));
    if (status == SV_OK)
        attend(&its);
    else
        fprintf(stderr, "kiosk: %s\n", sv_status_text(status));
    close_kiosk(&its);
    return status;
}
