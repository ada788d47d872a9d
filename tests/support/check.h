/* A claim that ends the program where it does not hold, and says where. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(claim)                                            \
    do {                                                        \
        if (!(claim)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #claim); \
            abort();                                            \
        }                                                       \
    } while (0)

#endif
