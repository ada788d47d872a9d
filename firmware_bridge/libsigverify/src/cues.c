/* Which cues two signatures are compared by, in the order of the model's manifest.
 *
 * A manifest says of each cue how it is computed and weighed. This library has the arithmetic of those in the table
 * below and of no others: a model with another cue, or with one of these described differently, cannot be run. */
#include <string.h>

#include "internal.h"

typedef struct known_cue {
    const char *name;
    int elastic, learned, relative, is_signed;
} known_cue;

/* A template may hold more cues than are known here, so that one of a later model can be passed on, never fewer. */
typedef char svi_has_room[SV_MAX_CUES >= SVI_KNOWN_CUES ? 1 : -1];

/* In the order of svi_cue. */
static const known_cue known[SVI_KNOWN_CUES] = {
    /* name, elastic, learned, relative, signed */
    {"series", 1, 0, 1, 0},   /* hand-made functions of time, aligned */
    {"trimmed", 1, 0, 1, 0},  /* the same, where they agree best */
    {"pair", 1, 1, 1, 0},     /* what the pair network says of them */
    {"sequence", 1, 1, 1, 0}, /* learned local vectors, aligned */
    {"vector", 0, 1, 1, 0},   /* learned global vectors */
    {"extent", 0, 0, 0, 1},   /* how long the signing took */
    {"tempo", 0, 0, 0, 1},    /* how fast the pen was for the size */
};

int svi_cue_is_relative(svi_cue cue)
{
    return known[cue].relative;
}

int svi_cue_is_signed(svi_cue cue)
{
    return known[cue].is_signed;
}

/* As `Cue.columns` in Python; see scoring.c. */
static int columns_of(svi_cue cue)
{
    return known[cue].relative ? SVI_CUE_COLUMNS : known[cue].is_signed ? 2 : 1;
}

int svi_cues_place(const svi_cues *cues, svi_cue cue)
{
    for (int place = 0; place < cues->count; place++)
        if (cues->list[place] == cue)
            return place;
    return -1;
}

int svi_cues_first_column(const svi_cues *cues, int place)
{
    int column = 0;
    for (int earlier = 0; earlier < place; earlier++)
        column += columns_of(cues->list[earlier]);
    return column;
}

int svi_cues_add(svi_cues *cues, const svi_cue_described *described)
{
    for (int i = 0; i < SVI_KNOWN_CUES; i++) {
        const known_cue *cue = &known[i];
        if (strcmp(described->name, cue->name) == 0 && described->elastic == cue->elastic &&
            described->learned == cue->learned && described->relative == cue->relative &&
            described->is_signed == cue->is_signed && svi_cues_place(cues, (svi_cue)i) < 0) {
            cues->list[cues->count++] = (svi_cue)i; /* has room: none of the table is there twice */
            return 1;
        }
    }
    return 0;
}
