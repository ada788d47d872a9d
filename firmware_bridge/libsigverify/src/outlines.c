/* Copies of a capture, by the line the pen went: sigverify/modality/pen/outlines.py, operation by operation. What each
 * step is for, and where its numbers come from, is said there.
 *
 * For a computer that keeps many captures in mind: -DSV_SMALL leaves this file out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#if !defined(SV_SMALL)

/* As in outlines.py. */
#define POINTS (SV_OUTLINE_STEPS + 1)
#define FINE 4             /* points for each of them in which the line is smoothed */
#define SMOOTH 1.2         /* deviation of the smoothing, in points of the outline */
#define LONGEST 120        /* counts in one step along a straight line */
#define WINDOW 8           /* points before and after the same place within which the closest is looked for */
#define FEW (POINTS / 4)   /* points by which the nearest are chosen */
#define COUNTED 76         /* points that are fitted and counted */
#define TURNS 8
#define TINY 1e-9          /* added to the diagonal of normal equations */
#define FLAT 1e-12         /* a second axis of less than this share of the first is rounding */
#define ENDS 0.06          /* share of the ink that strokes at either end have at most, to be left out */
#define LIKELY 0.15        /* outlines farther apart are not looked at closely */
#define LOOKED_AT 2        /* of the nearest */
#define MOST_CUT 27        /* half points left out at an end, at most */
#define CUT_STEP 3
#define CUTS (2 * MOST_CUT / CUT_STEP + 1)

#define TAPS 15            /* of the kernel, either side: three deviations */
#define NEAR (2 * WINDOW + 1) /* segments looked at for each point */

/* One axis of several lines, which are compared at once; what compilers make several instructions of where vectors are
 * shorter, and one number where they have none. */
#if SVI_LANES
#define LINES 4
typedef double block __attribute__((vector_size(LINES * sizeof(double))));
#else
#define LINES 1
typedef double block;
#endif

/* What takes the time is compiled into each of the functions below that are for one kind of processor. */
#if defined(__GNUC__)
#define INTO_EACH static inline __attribute__((always_inline))
#else
#define INTO_EACH static inline
#endif

/* The two axes of a line. */
typedef double axes[2][POINTS];

/* ---------------------------------------------------------------------------------------- the line of a capture */

static void measure_steps(const double *x, const double *y, size_t count, double *lengths)
{
    for (size_t i = 0; i + 1 < count; i++) {
        double dx = x[i + 1] - x[i], dy = y[i + 1] - y[i];
        lengths[i] = sqrt(dx * dx + dy * dy);
    }
}

/* `points` at equal steps along a line; `way` has room for `count` numbers, `places` for `points`. */
static void lay_along(const double *x, const double *y, size_t count, double *way, double *places, size_t points,
                      double *out_x, double *out_y)
{
    measure_steps(x, y, count, way + 1);
    way[0] = 0.0;
    for (size_t i = 1; i < count; i++)
        way[i] += way[i - 1];
    svi_spread(0.0, way[count - 1], places, points);
    svi_resample(way, x, count, places, points, out_x);
    svi_resample(way, y, count, places, points, out_y);
}

static void smooth(const double *axis, double *out)
{
    const double deviation = SMOOTH * FINE;
    double weights[2 * TAPS + 1], longer[FINE * POINTS + 2 * TAPS], total = 0.0;
    for (int i = -TAPS; i <= TAPS; i++) {
        double place = i / deviation;
        weights[i + TAPS] = exp(-0.5 * (place * place));
        total += weights[i + TAPS];
    }
    for (int i = 0; i < FINE * POINTS + 2 * TAPS; i++) { /* beyond an end lies the end */
        int from = i - TAPS;
        longer[i] = axis[from < 0 ? 0 : from < FINE * POINTS ? from : FINE * POINTS - 1];
    }
    memset(out, 0, FINE * POINTS * sizeof *out);
    for (int k = 0; k <= 2 * TAPS; k++) {
        const double weight = weights[k] / total;
        for (int i = 0; i < FINE * POINTS; i++)
            out[i] += weight * longer[k + i];
    }
}

/* Equal steps along the line, in counts; -> steps, two numbers each. */
static void count_steps(axes line, int8_t *steps)
{
    double lengths[POINTS], longest = 0.0, scale, before[2] = {0.0, 0.0};
    measure_steps(line[0], line[1], POINTS, lengths);
    for (int i = 0; i < SV_OUTLINE_STEPS; i++)
        longest = lengths[i] > longest ? lengths[i] : longest;
    scale = LONGEST / (longest > 1e-12 ? longest : 1e-12);
    for (int i = 1; i < POINTS; i++)
        for (int axis = 0; axis < 2; axis++) {
            double count = rint((line[axis][i] - line[axis][0]) * scale);
            steps[2 * (i - 1) + axis] = (int8_t)(count - before[axis]);
            before[axis] = count;
        }
}

/* The outline of a part of a line; `way` has room for as many numbers as it has points, and for FINE x POINTS. */
static void follow(const double *x, const double *y, size_t count, double *way, int8_t *steps)
{
    double fine[2][FINE * POINTS], smoothed[2][FINE * POINTS], places[FINE * POINTS];
    axes line;
    lay_along(x, y, count, way, places, FINE * POINTS, fine[0], fine[1]);
    smooth(fine[0], smoothed[0]);
    smooth(fine[1], smoothed[1]);
    lay_along(smoothed[0], smoothed[1], FINE * POINTS, way, places, POINTS, line[0], line[1]);
    count_steps(line, steps);
}

/* Where a line begins, and with which point it ends, without short strokes at its ends. `written` gets the length of the
 * ink up to each point. */
static void find_core(const svi_capture *capture, double *written, size_t *begin, size_t *end)
{
    const size_t last = capture->count - 1;
    double few;
    measure_steps(capture->x, capture->y, capture->count, written + 1);
    written[0] = 0.0;
    for (size_t i = 1; i <= last; i++)
        written[i] = written[i - 1] + (capture->ink[i] ? written[i] : 0.0);
    few = ENDS * written[last];
    *begin = 0;
    *end = last;
    for (size_t i = 1; i <= last; i++)
        if (!capture->ink[i] && written[i] <= few)
            *begin = i;
    for (size_t i = last; i > 0; i--) /* before a stroke begins, one ends */
        if (!capture->ink[i] && written[last] - written[i - 1] <= few)
            *end = i - 1;
    if (*begin < *end)
        return;
    *begin = 0;
    *end = last;
}

int svi_outlines(const svi_capture *capture, int8_t *steps)
{
    int8_t *core = steps + 2 * SV_OUTLINE_STEPS;
    size_t most = capture->count > FINE * POINTS ? capture->count : FINE * POINTS, begin, end;
    double *way = malloc(most * sizeof *way);
    if (!way)
        return SV_NO_MEMORY;
    find_core(capture, way, &begin, &end);
    follow(capture->x, capture->y, capture->count, way, steps);
    if (begin == 0 && end == capture->count - 1)
        memcpy(core, steps, 2 * SV_OUTLINE_STEPS);
    else
        follow(capture->x + begin, capture->y + begin, end - begin + 1, way, core);
    free(way);
    return SV_OK;
}

/* -------------------------------------------------------------------------------------------- whole numbers */

/* Where steps lead from 0 on. */
static void walk(const int8_t *steps, int32_t ways[2][POINTS])
{
    for (int axis = 0; axis < 2; axis++) {
        ways[axis][0] = 0;
        for (int i = 0; i < SV_OUTLINE_STEPS; i++)
            ways[axis][i + 1] = ways[axis][i] + steps[2 * i + axis];
    }
}

/* The middle at 0, in RMS radii. */
static void normalize(int32_t ways[2][POINTS], axes out)
{
    int64_t sums[2] = {0, 0}, squares = 0;
    double radius;
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < POINTS; i++) {
            sums[axis] += ways[axis][i];
            squares += (int64_t)ways[axis][i] * ways[axis][i];
        }
    radius = sqrt((double)(POINTS * squares - (sums[0] * sums[0] + sums[1] * sums[1])));
    radius = radius > 1.0 ? radius : 1.0;
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < POINTS; i++)
            out[axis][i] = (double)(POINTS * (int64_t)ways[axis][i] - sums[axis]) / radius;
}

static int32_t most(int32_t value, int32_t least)
{
    return value > least ? value : least;
}

/* Of the rest of a line its `number`-th of `count` points lies at this part of 2 x (count - 1) between two points. */
static int32_t place_in_rest(int cut, int32_t count, int32_t number)
{
    return most(cut, 0) * (count - 1) + (2 * (POINTS - 1) - abs(cut)) * number;
}

/* A point of a rest, 2 x (count - 1) times as large, so that it is a whole number. */
static int32_t point_of_rest(const int32_t *axis, int cut, int32_t count, int32_t number)
{
    const int32_t parts = 2 * (count - 1), place = place_in_rest(cut, count, number);
    const int32_t from = place / parts, beyond = place % parts;
    return axis[from] * (parts - beyond) + (beyond ? axis[from + 1] * beyond : 0);
}

/* --------------------------------------------------------------------------------- compared point by point */

/* A few points of the probe, the axis along which it is longer first, and what a fit to them divides by. */
typedef struct few_points {
    double axis[2][FEW], sum[2];
    double longer, beside, rest;
} few_points;

static double vary(const double *one, const double *other)
{
    double products = 0.0, sum = 0.0, others = 0.0; /* whole numbers, exact in any order */
    for (int i = 0; i < FEW; i++) {
        products += one[i] * other[i];
        sum += one[i];
        others += other[i];
    }
    return FEW * products - sum * others;
}

static void choose_few(int32_t ways[2][POINTS], few_points *few)
{
    double axis[2][FEW], both;
    int first;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < FEW; i++)
            axis[k][i] = point_of_rest(ways[k], 0, FEW, i);
    first = vary(axis[1], axis[1]) > vary(axis[0], axis[0]);
    memcpy(few->axis[0], axis[first], sizeof axis[0]);
    memcpy(few->axis[1], axis[!first], sizeof axis[0]);
    for (int k = 0; k < 2; k++) {
        few->sum[k] = 0.0;
        for (int i = 0; i < FEW; i++)
            few->sum[k] += few->axis[k][i];
    }
    few->longer = fmax(vary(few->axis[0], few->axis[0]), 1.0);
    both = vary(few->axis[0], few->axis[1]);
    few->beside = both / few->longer;
    few->rest = fmax(vary(few->axis[1], few->axis[1]) - few->beside * both, FLAT * few->longer);
}

/* A point of a rest: so much of point number `from` of the line, so much of the next one. */
typedef struct rest_point {
    int32_t from;
    double before, beyond;
} rest_point;

static void choose_rests(rest_point rests[CUTS][FEW])
{
    const int32_t parts = 2 * (FEW - 1);
    for (int cut = 0; cut < CUTS; cut++)
        for (int32_t k = 0; k < FEW; k++) {
            const int32_t place = place_in_rest(cut * CUT_STEP - MOST_CUT, FEW, k);
            rests[cut][k] = (rest_point){place / parts, parts - place % parts, place % parts};
        }
}

/* Sums over a few points of one axis of lines, as whole numbers: of them, of their squares, and of their products with
 * both axes of the probe. */
typedef struct rest_sums {
    block sums, squares, one, other;
} rest_sums;

INTO_EACH void add_point(rest_sums *to, const block *from, const rest_point *rest, double one, double other)
{
    const block point = from[0] * rest->before + from[1] * rest->beyond;
    to->sums += point;
    to->squares += point * point;
    to->one += point * one;
    to->other += point * other;
}

/* What a fit leaves of one axis, and what there is, squared. */
INTO_EACH void weigh(const few_points *few, const rest_sums *of, block *left, block *whole)
{
    const block along = FEW * of->one - few->sum[0] * of->sums;
    const block across = (FEW * of->other - few->sum[1] * of->sums) - few->beside * along;
    *whole = FEW * of->squares - of->sums * of->sums;
    *left = *whole - along * along / few->longer - across * across / few->rest;
}

/* One cut of lines, both axes together. */
INTO_EACH void compare_rests(const few_points *few, block points[2][POINTS + 1], const rest_point *rest, block *left,
                             block *whole)
{
    rest_sums x, y;
    block left_y, whole_y;
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    for (int k = 0; k < FEW; k++) {
        const double one = few->axis[0][k], other = few->axis[1][k];
        add_point(&x, points[0] + rest[k].from, &rest[k], one, other);
        add_point(&y, points[1] + rest[k].from, &rest[k], one, other);
    }
    weigh(few, &x, left, whole);
    weigh(few, &y, &left_y, &whole_y);
    *left += left_y;
    *whole += whole_y;
}

/* One cut of one line, and how far it lies from the probe. */
typedef struct candidate {
    double distance;
    int cut; /* its number */
    size_t line;
} candidate;

/* Nearer, or as near and before it in order of cuts, then of lines. */
static int precedes(const candidate *one, const candidate *other)
{
    if (one->distance != other->distance)
        return one->distance < other->distance;
    return one->cut != other->cut ? one->cut < other->cut : one->line < other->line;
}

static void keep_nearest(candidate found, candidate nearest[LOOKED_AT])
{
    for (int i = 0; i < LOOKED_AT; i++)
        if (precedes(&found, &nearest[i])) {
            candidate next = nearest[i];
            nearest[i] = found;
            found = next;
        }
}

static double number(const block *of, size_t line)
{
    return ((const double *)of)[line];
}

/* Of up to LINES lines: how far each is apart at its nearest cut. */
INTO_EACH void compare_lines(const few_points *few, rest_point rests[CUTS][FEW], const int8_t *known, size_t first,
                             size_t count, double *apart, candidate nearest[LOOKED_AT])
{
    block points[2][POINTS + 1]; /* one more: the last lies between nothing */
    memset(points, 0, sizeof points);
    for (size_t line = 0; line < count; line++) {
        int32_t ways[2][POINTS];
        walk(known + (first + line) * 2 * SV_OUTLINE_STEPS, ways);
        for (int axis = 0; axis < 2; axis++)
            for (int i = 0; i < POINTS; i++)
                ((double *)&points[axis][i])[line] = ways[axis][i];
        apart[first + line] = INFINITY;
    }
    for (int cut = 0; cut < CUTS; cut++) {
        block left, whole;
        compare_rests(few, points, rests[cut], &left, &whole);
        for (size_t line = 0; line < count; line++) {
            double rest = number(&left, line), all = number(&whole, line);
            candidate found = {sqrt((rest > 0.0 ? rest : 0.0) / (all > 1.0 ? all : 1.0)), cut, first + line};
            if (found.distance < apart[found.line])
                apart[found.line] = found.distance;
            if (precedes(&found, &nearest[LOOKED_AT - 1]))
                keep_nearest(found, nearest);
        }
    }
}

/* ------------------------------------------------------------------------------------------ fitted by turns */

/* The segments of a line; that which lies `k - WINDOW` from point i is number i + k. */
typedef struct segments {
    double start[2][POINTS + NEAR - 1], way[2][POINTS + NEAR - 1], reach[2][POINTS + NEAR - 1];
} segments;

static void look_out(axes line, segments *all)
{
    for (int i = 0; i < POINTS + NEAR - 1; i++) {
        int from = i - WINDOW, at = from < 0 ? 0 : from < POINTS - 1 ? from : POINTS - 2;
        double length, way[2];
        for (int axis = 0; axis < 2; axis++) {
            all->start[axis][i] = line[axis][at];
            way[axis] = all->way[axis][i] = line[axis][at + 1] - line[axis][at];
        }
        length = way[0] * way[0] + way[1] * way[1];
        for (int axis = 0; axis < 2; axis++)
            all->reach[axis][i] = way[axis] / (length > 1e-12 ? length : 1e-12);
    }
}

/* At which share of segment `number` a place is nearest. */
INTO_EACH double share_at(const segments *all, int number, double x, double y)
{
    double share = (x - all->start[0][number]) * all->reach[0][number] +
                   (y - all->start[1][number]) * all->reach[1][number];
    share = share > 0.0 ? share : 0.0;
    return share < 1.0 ? share : 1.0;
}

/* How far each place lies from the nearest segment near it, squared, and which that is: the first of equals. */
INTO_EACH void find_closest(const segments *all, axes places, double *gaps, double *chosen)
{
    for (int i = 0; i < POINTS; i++) {
        gaps[i] = INFINITY;
        chosen[i] = 0.0;
    }
    for (int k = 0; k < NEAR; k++)
        for (int i = 0; i < POINTS; i++) {
            const double share = share_at(all, i + k, places[0][i], places[1][i]);
            const double x = (places[0][i] - all->start[0][i + k]) - share * all->way[0][i + k];
            const double y = (places[1][i] - all->start[1][i + k]) - share * all->way[1][i + k];
            const double square = x * x + y * y;
            chosen[i] = square < gaps[i] ? k : chosen[i]; /* as wide as a gap: one vector instruction for both */
            gaps[i] = square < gaps[i] ? square : gaps[i];
        }
}

static void meet_closest(const segments *all, axes places, const double *chosen, axes targets)
{
    for (int i = 0; i < POINTS; i++) {
        const int number = i + (int)chosen[i];
        const double share = share_at(all, number, places[0][i], places[1][i]);
        for (int axis = 0; axis < 2; axis++)
            targets[axis][i] = all->start[axis][number] + share * all->way[axis][number];
    }
}

static double sum_of_products(const double *one, const double *other, const double *counted)
{
    double products[POINTS];
    for (int i = 0; i < POINTS; i++)
        products[i] = one[i] * counted[i] * other[i];
    return svi_sum_d(products, POINTS);
}

/* Sums of products of a line's points, which stay the same while all of them count. */
typedef struct line_of_probe {
    double ones[POINTS], xx[POINTS], xy[POINTS], yy[POINTS];
    axes at;
} line_of_probe;

/* Map the probe affinely to targets, by the points that count: the normal equations of 1, x and y, taken apart into a
 * lower triangle, its mirror and a diagonal. */
static void map_to(line_of_probe *mine, axes targets, const double *counted, axes places)
{
    double *x = mine->at[0], *y = mine->at[1], *ones = mine->ones;
    const double s = svi_sum_d(counted, POINTS);
    const double sx = sum_of_products(x, ones, counted), sy = sum_of_products(y, ones, counted);
    const double sxx = sum_of_products(mine->xx, ones, counted), sxy = sum_of_products(mine->xy, ones, counted);
    const double syy = sum_of_products(mine->yy, ones, counted);
    const double first = s + TINY, x_of_one = sx / first, y_of_one = sy / first;
    const double second = (sxx + TINY) - x_of_one * sx, mixed = sxy - x_of_one * sy, y_of_x = mixed / second;
    const double third = ((syy + TINY) - y_of_one * sy) - y_of_x * mixed;
    for (int axis = 0; axis < 2; axis++) {
        const double to_one = sum_of_products(ones, targets[axis], counted);
        const double to_x = sum_of_products(x, targets[axis], counted) - x_of_one * to_one;
        const double to_y = (sum_of_products(y, targets[axis], counted) - y_of_one * to_one) - y_of_x * to_x;
        const double by_y = to_y / third, by_x = to_x / second - y_of_x * by_y;
        const double moved = (to_one / first - x_of_one * by_x) - y_of_one * by_y;
        for (int i = 0; i < POINTS; i++)
            places[axis][i] = (by_x * x[i] + by_y * y[i]) + moved;
    }
}

static int compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Fit the probe to the closest points of another line, by turns: root mean square of the gaps that count. */
INTO_EACH double fit(line_of_probe *mine, axes theirs)
{
    segments all;
    axes targets, places;
    double counted[POINTS], gaps[POINTS], chosen[POINTS], sorted[POINTS];
    look_out(theirs, &all);
    memcpy(targets, theirs, sizeof targets);
    for (int i = 0; i < POINTS; i++)
        counted[i] = 1.0;
    for (int turn = 0; turn < TURNS; turn++) {
        double limit;
        map_to(mine, targets, counted, places);
        find_closest(&all, places, gaps, chosen);
        memcpy(sorted, gaps, sizeof sorted);
        limit = svi_select(sorted, POINTS, COUNTED);
        meet_closest(&all, places, chosen, targets);
        for (int i = 0; i < POINTS; i++)
            counted[i] = gaps[i] <= limit ? 1.0 : 0.0;
    }
    qsort(sorted, COUNTED, sizeof *sorted, compare_doubles);
    return sqrt(svi_sum_d(sorted, COUNTED) / COUNTED);
}

INTO_EACH double fit_candidate(line_of_probe *mine, const int8_t *known, const candidate *near)
{
    int32_t ways[2][POINTS], rest[2][POINTS];
    axes theirs;
    walk(known + near->line * 2 * SV_OUTLINE_STEPS, ways);
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < POINTS; i++)
            rest[axis][i] = point_of_rest(ways[axis], near->cut * CUT_STEP - MOST_CUT, POINTS, i);
    normalize(rest, theirs);
    return fit(mine, theirs);
}

static void begin_fit(int32_t ways[2][POINTS], line_of_probe *mine)
{
    normalize(ways, mine->at);
    for (int i = 0; i < POINTS; i++) {
        mine->ones[i] = 1.0;
        mine->xx[i] = mine->at[0][i] * mine->at[0][i];
        mine->xy[i] = mine->at[0][i] * mine->at[1][i];
        mine->yy[i] = mine->at[1][i] * mine->at[1][i];
    }
}

typedef void compare_outlines(const int8_t *outline, const int8_t *known, size_t count, double *apart);

INTO_EACH void compare_all(const int8_t *outline, const int8_t *known, size_t count, double *apart)
{
    candidate nearest[LOOKED_AT];
    int32_t ways[2][POINTS];
    few_points few;
    rest_point rests[CUTS][FEW];
    line_of_probe mine;
    for (int i = 0; i < LOOKED_AT; i++)
        nearest[i] = (candidate){INFINITY, CUTS, 0};
    walk(outline, ways);
    choose_few(ways, &few);
    choose_rests(rests);
    for (size_t first = 0; first < count; first += LINES)
        compare_lines(&few, rests, known, first, count - first < LINES ? count - first : LINES, apart, nearest);
    begin_fit(ways, &mine);
    for (int i = 0; i < LOOKED_AT; i++)
        if (nearest[i].distance < LIKELY) {
            double fitted = fit_candidate(&mine, known, &nearest[i]);
            if (fitted < apart[nearest[i].line])
                apart[nearest[i].line] = fitted;
        }
}

static void compare_plainly(const int8_t *outline, const int8_t *known, size_t count, double *apart)
{
    compare_all(outline, known, count, apart);
}

#if SVI_LANES && defined(__x86_64__)
__attribute__((target("avx2"))) static void compare_avx2(const int8_t *outline, const int8_t *known, size_t count,
                                                         double *apart)
{
    compare_all(outline, known, count, apart);
}

static compare_outlines *fastest(void)
{
    return svi_processor_width() >= SVI_256_BITS ? compare_avx2 : compare_plainly;
}
#else
static compare_outlines *fastest(void)
{
    return compare_plainly;
}
#endif

int sv_outlines_apart(const int8_t *outline, const int8_t *known, size_t count, double *apart)
{
    if (!outline || (count && (!known || !apart)))
        return SV_CONFIG_ERROR;
    fastest()(outline, known, count, apart);
    return SV_OK;
}

int sv_outlines(const sv_signature *signature, int8_t *steps)
{
    svi_capture capture;
    int status;
    if (!steps)
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_capture_open(signature, &capture));
    status = svi_outlines(&capture, steps);
    svi_capture_close(&capture);
    return status;
}

int sv_examine(sv_verifier *verifier, const sv_signature *signature, sv_addition *flaw, sv_embedding *embedding,
               int8_t *outlines)
{
    svi_capture capture;
    int status = SV_OK;
    if (!flaw || !svi_can_hold(verifier, embedding))
        return SV_CONFIG_ERROR;
    SVI_TRY(svi_capture_open(signature, &capture));
    *flaw = svi_capture_flaw(&capture);
    if (*flaw == SV_TAKEN && outlines)
        status = svi_outlines(&capture, outlines);
    if (*flaw == SV_TAKEN && status == SV_OK)
        status = svi_embed(verifier, &capture, embedding);
    svi_capture_close(&capture);
    return status;
}

#endif
