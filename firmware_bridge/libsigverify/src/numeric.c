/* Sums and medians that round as numpy's do. */
#include <stdlib.h>

#include "internal.h"

/* Pairwise summation as numpy does it along the last axis: halves down to blocks of at most 128, and eight sums side by
 * side in a block. The order of additions decides the last bit of a float32. */
#define PAIRWISE_SUM(name, type)                                                                          \
    type name(const type *values, size_t count)                                                           \
    {                                                                                                     \
        type total = 0, eight[8];                                                                         \
        size_t i, half;                                                                                   \
        if (count < 8) {                                                                                  \
            for (i = 0; i < count; i++)                                                                   \
                total += values[i];                                                                       \
            return total;                                                                                 \
        }                                                                                                 \
        if (count > 128) {                                                                                \
            half = count / 2;                                                                             \
            half -= half % 8;                                                                             \
            return name(values, half) + name(values + half, count - half);                                \
        }                                                                                                 \
        for (i = 0; i < 8; i++)                                                                           \
            eight[i] = values[i];                                                                         \
        for (; i < count - count % 8; i += 8)                                                             \
            for (size_t k = 0; k < 8; k++)                                                                \
                eight[k] += values[i + k];                                                                \
        total = ((eight[0] + eight[1]) + (eight[2] + eight[3])) + ((eight[4] + eight[5]) + (eight[6] + eight[7])); \
        for (; i < count; i++)                                                                            \
            total += values[i];                                                                           \
        return total;                                                                                     \
    }

PAIRWISE_SUM(svi_sum_f, float)
PAIRWISE_SUM(svi_sum_d, double)

static int compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

double svi_median(double *values, size_t count)
{
    size_t middle = count / 2;
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}
