/* Sums, medians and lines that round as numpy's do. */
#include <math.h>
#include <stddef.h>

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

int svi_are_finite(const float *values, size_t count)
{
    int finite = 1;
    for (size_t i = 0; i < count; i++) /* to the end: so compilers make vector instructions of it */
        finite &= isfinite(values[i]) != 0;
    return finite;
}

double svi_select(double *values, size_t count, size_t place)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)count - 1, wanted = (ptrdiff_t)place;
    while (low < high) {
        const double middle = values[wanted];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < middle)
                i++;
            while (values[j] > middle)
                j--;
            if (i <= j) {
                double swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        if (j < wanted)
            low = i;
        if (i > wanted)
            high = j;
    }
    return values[wanted];
}

double svi_median(double *values, size_t count)
{
    const size_t middle = count / 2;
    double above = svi_select(values, count, middle), below;
    if (count % 2)
        return above;
    below = values[0];
    for (size_t i = 1; i < middle; i++)
        below = values[i] > below ? values[i] : below;
    return (below + above) / 2;
}

void svi_spread(double first, double last, double *grid, size_t count)
{
    double step = (last - first) / (double)(count - 1);
    for (size_t i = 0; i + 1 < count; i++)
        grid[i] = (double)i * step + first;
    grid[count - 1] = last;
}

void svi_resample(const double *at, const double *values, size_t count, const double *grid, size_t points, double *out)
{
    size_t last = count - 1, j = 0;
    for (size_t i = 0; i < points; i++) {
        while (j < last && at[j + 1] <= grid[i])
            j++;
        if (j == last || at[j] == grid[i]) {
            out[i] = values[j];
            continue;
        }
        out[i] = (values[j + 1] - values[j]) / (at[j + 1] - at[j]) * (grid[i] - at[j]) + values[j];
    }
}
