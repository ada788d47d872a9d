/* The time axis of a recording: sigverify/modality/pen/clock.py, operation by operation. What each step is for, and
 * where its numbers come from, is said there.
 *
 * Everywhere `steps[i]` is the time from sample i - 1 to sample i; steps[0] is none. */
#include <math.h>

#include "internal.h"

/* As in clock.py. */
#define LONGEST_TICK_MS 500.0     /* ticks of a clock may be longer than a gap, up to here */
#define TICKS 1.5                 /* of the median tick, where that is long: up to here a step is a tick too */
#define LIFT_MS 100.0             /* between two strokes whose stamps tell nothing */
#define SHORT_LIFT 1.5            /* intervals within which no pen lands again */
#define LEAST_LIFTS 2             /* of a recording whose lifts have no time */
#define FEW_LIFTS 0.1             /* share of its lifts that may be longer */
#define ASSUMED_INTERVAL_MS 10.0  /* where no step tells anything */
#define BACK_MS 50.0              /* a step back by less is a clock's unrest */
#define MIN_STEP_MS 1e-6          /* a nanosecond: shorter is nothing */
#define JUMP_MS 30000.0           /* nobody waits so long within a name */
#define UNEVEN 0.3                /* a step so much shorter or longer than the interval, as share of it */
#define UNEVEN_SHARE 0.2          /* more uneven steps than this come of the clock */
#define OFF_TICK 0.15             /* share of a tick, and in addition so many milliseconds, ... */
#define OFF_TICK_MS 1.0
#define MOST_OFF_TICK 0.3         /* ... but no more than this share, by which a multiple of it may be off */
#define FEW_OFF 0.1               /* share of the steps that may be off by more */
#define FEW_SHORT 0.03            /* share of the steps that may be shorter than half a tick */
#define FASTEST_MS 0.25           /* no pad samples faster */
#define SLOWEST_MS 250.0          /* slower, no letter can be seen */
#define INDEX_SAMPLES 1000        /* of fewer samples stamps that count 1, 2, 3 are an index */

#define WRAPS 3

static const double wraps_ms[WRAPS] = {65536.0, 4294967296.0, 4294967296.0 / 1000};

static int is_plausible(double interval)
{
    return FASTEST_MS <= interval && interval <= SLOWEST_MS;
}

/* What the stamps count, if not milliseconds. */
static sv_addition unit_of(double interval)
{
    static const double milliseconds[] = {1e3, 1e-3, 1e-6};
    static const sv_addition units[] = {SV_IN_SECONDS, SV_IN_MICROSECONDS, SV_IN_NANOSECONDS};
    for (int i = 0; i < 3; i++)
        if (is_plausible(interval * milliseconds[i]))
            return units[i];
    return SV_NO_TIME;
}

sv_addition svi_clock_flaw(const double *stamps, const svi_workspace *at)
{
    double *passed = at->numbers, interval;
    size_t steps = 0, width;
    int counts = 1;
    passed[0] = 0.0;
    for (size_t i = 1; i < at->count; i++)
        if (at->ink[i]) {
            double step = fmax(stamps[i] - stamps[i - 1], 0.0); /* wraps and restarts say nothing of the unit */
            counts &= step == 1.0;
            passed[steps + 1] = passed[steps] + step;
            steps++;
        }
    if (!steps)
        return SV_TAKEN;
    /* Slopes over a quarter of the recording, each written where nothing is read any more. */
    width = steps / 4 > 1 ? steps / 4 : 1;
    for (size_t i = 0; i + width <= steps; i++)
        passed[i] = (passed[i + width] - passed[i]) / (double)width;
    interval = svi_median(passed, steps + 1 - width);
    if (interval == 0 || (at->count < INDEX_SAMPLES && counts))
        return SV_NO_TIME;
    return is_plausible(interval) ? SV_TAKEN : unit_of(interval);
}

/* Times from 0 on. */
static void add_up(const double *steps, size_t count, double *time)
{
    time[0] = 0.0;
    for (size_t i = 1; i < count; i++)
        time[i] = time[i - 1] + steps[i];
}

/* Turn times that begin at `latest` into steps, in place; what lies before the latest so far is moved up to it. */
static void to_rising_steps(double *times, size_t count, double latest)
{
    for (size_t i = 1; i < count; i++) {
        double now = times[i] > latest ? times[i] : latest;
        times[i] = now - latest;
        latest = now;
    }
}

/* Up to what steps of strokes are none over which samples are missing. Where most are 0, the others are the ticks of a
 * clock, which may be longer than usual. */
static double gap_of(const double *steps, const svi_workspace *at)
{
    size_t written = 0, ticks = 0;
    double tick;
    for (size_t i = 1; i < at->count; i++)
        if (at->ink[i]) {
            written++;
            if (steps[i] > 0)
                at->others[ticks++] = steps[i];
        }
    if (!ticks || 2 * ticks > written)
        return SVI_MAX_GAP_MS;
    tick = svi_median(at->others, ticks);
    return SVI_MAX_GAP_MS < tick && tick <= LONGEST_TICK_MS ? TICKS * tick : SVI_MAX_GAP_MS;
}

/* Mean step within strokes, gaps apart. */
static double interval_of(const double *steps, const svi_workspace *at, double gap)
{
    double total = 0.0;
    size_t close = 0;
    for (size_t i = 1; i < at->count; i++)
        if (at->ink[i] && steps[i] >= 0 && steps[i] <= gap) {
            total += steps[i];
            close++;
        }
    total = close ? total / (double)close : 0.0;
    return total > 0 ? total : ASSUMED_INTERVAL_MS;
}

/* Let a counter that wrapped go on; `ends` says at which ends some did. */
static double unwrapped(double step, double longest, int *ends)
{
    for (int i = 0; i < WRAPS; i++)
        if (step < -BACK_MS && step + wraps_ms[i] >= 0 && step + wraps_ms[i] <= longest) {
            step += wraps_ms[i];
            ends[i] = 1;
        }
    return step;
}

/* Make steps that are none of handwriting: wraps, restarts, jumps, small ones backwards. */
static void bridge(double *steps, const svi_workspace *at)
{
    double usual, time = 0.0;
    int is_back = 0, restarts = 0, jumps = 0, ends[WRAPS] = {0};
    for (size_t i = 1; i < at->count; i++)
        steps[i] = unwrapped(fabs(steps[i]) < MIN_STEP_MS ? 0.0 : steps[i], at->ink[i] ? SVI_MAX_GAP_MS : JUMP_MS,
                             ends);
    usual = interval_of(steps, at, SVI_MAX_GAP_MS); /* no jump is among what it averages */
    for (size_t i = 1; i < at->count; i++) {
        if (steps[i] < -BACK_MS || steps[i] > JUMP_MS) {
            /* Strokes that begin anew come from a device that counts from each touch; anything else was set. */
            if (steps[i] < 0 && !at->ink[i])
                restarts = 1;
            else
                jumps = 1;
            steps[i] = at->ink[i] ? usual : LIFT_MS;
        }
        is_back |= steps[i] < 0;
    }
    for (int i = 0; i < WRAPS; i++)
        if (ends[i])
            svi_note_repair(at->repairs, SV_COUNTER_WRAPPED);
    if (restarts)
        svi_note_repair(at->repairs, SV_STAMPS_RESTART);
    if (jumps)
        svi_note_repair(at->repairs, SV_CLOCK_JUMPED);
    if (!is_back)
        return;
    for (size_t i = 1; i < at->count; i++) {
        time += steps[i];
        steps[i] = time;
    }
    to_rising_steps(steps, at->count, 0.0);
}

/* Give lifts their time where a burst held the end of one stroke and the beginning of the next: that by which the
 * burst came later than an interval. */
static void lift(double *steps, const svi_workspace *at, double interval)
{
    size_t burst = 0; /* the latest sample that began one; 0: none */
    for (size_t i = 1; i < at->count; i++) {
        if (steps[i] >= UNEVEN * interval) {
            burst = i;
        } else if (!at->ink[i] && burst && at->ink[burst] && steps[burst] > interval) {
            steps[i] += steps[burst] - interval;
            steps[burst] = interval;
        }
    }
}

/* Mark the last step of each lift: 1, or 2 where no pen lands again so soon. Returns how many lifts there are. What
 * comes before the first stroke and after the last one is none. `time` has to be that of the steps. */
static size_t mark_lifts(const svi_workspace *at, double interval, size_t *without_time)
{
    size_t lifts = 0, begin = 0; /* the last sample of the stroke before; 0: there is none */
    *without_time = 0;
    at->marks[0] = 0;
    for (size_t i = 1; i < at->count; i++) {
        int lands = !at->ink[i] && i + 1 < at->count && at->ink[i + 1];
        int is_short = lands && at->time[i] - at->time[begin] < SHORT_LIFT * interval;
        if (at->ink[i])
            begin = i;
        at->marks[i] = (uint8_t)(lands && begin ? 1 + is_short : 0);
        lifts += at->marks[i] != 0;
        *without_time += at->marks[i] == 2;
    }
    return lifts;
}

/* Give all lifts a time where nearly none has one: a device counts only samples that touch. */
static void assume_lifts(double *steps, const svi_workspace *at, double interval)
{
    size_t without_time, lifts;
    add_up(steps, at->count, at->time);
    lifts = mark_lifts(at, interval, &without_time);
    if (without_time < LEAST_LIFTS || (double)without_time < (1 - FEW_LIFTS) * (double)lifts)
        return;
    svi_note_repair(at->repairs, SV_LIFTS_WITHOUT_TIME);
    for (size_t i = 1; i < at->count; i++)
        if (at->marks[i] == 2)
            steps[i] = LIFT_MS;
}

/* Mark the steps to which a clock's unrest may belong: within a stroke, and no gap. */
static void mark_close(const double *steps, const svi_workspace *at, double gap)
{
    at->marks[0] = 0;
    for (size_t i = 1; i < at->count; i++)
        at->marks[i] = at->ink[i] && steps[i] <= gap;
}

/* The longest close step, if the clock is coarse: too many steps are uneven. Otherwise -1. */
static double longest_if_coarse(const double *steps, const svi_workspace *at, double interval)
{
    size_t close = 0, uneven = 0;
    double longest = 0.0;
    for (size_t i = 1; i < at->count; i++)
        if (at->marks[i]) {
            close++;
            uneven += fabs(steps[i] - interval) > UNEVEN * interval;
            longest = steps[i] > longest ? steps[i] : longest;
        }
    return (double)uneven > UNEVEN_SHARE * (double)(close ? close : 1) ? longest : -1.0;
}

/* The step of which nearly all close ones are whole multiples, one at least; -1: there is none. An exact clock counts
 * those, of a pen that samples evenly, where samples are missing. */
static double common_tick(const double *steps, const svi_workspace *at, double interval)
{
    size_t close = 0, off = 0, brief = 0;
    double tick;
    for (size_t i = 1; i < at->count; i++)
        if (at->marks[i])
            at->others[close++] = steps[i];
    tick = svi_select(at->others, close, close / 4);
    if (tick < UNEVEN * interval)
        return -1.0; /* a quarter of the samples came in bursts */
    for (size_t i = 0; i < close; i++) {
        double times = rint(at->others[i] / tick);
        off += fabs(at->others[i] - times * tick) > fmin(OFF_TICK * tick + OFF_TICK_MS, MOST_OFF_TICK * tick);
        brief += times < 1;
    }
    if ((double)brief > FEW_SHORT * (double)close || (double)off > FEW_OFF * (double)close)
        return -1.0;
    return tick;
}

/* Behind the samples of the burst that begins with sample `first`. */
static size_t burst_end(const double *steps, const svi_workspace *at, size_t first, double interval)
{
    size_t end = first + 1;
    while (end < at->count && at->marks[end] && steps[end] < UNEVEN * interval)
        end++;
    return end;
}

/* Let the samples of one burst share the time up to the next burst; those of a stroke's last burst lie an interval
 * apart, but never beyond the next stroke. */
static void share(double *steps, const svi_workspace *at, double interval)
{
    double *time = at->time, before = 0.0;
    size_t end;
    for (end = 1; end < at->count && !(at->marks[end] && steps[end] < UNEVEN * interval); end++)
        continue;
    if (end == at->count)
        return; /* there is none: no number changes */
    add_up(steps, at->count, time);
    for (size_t first = 0; first < at->count; first = end) {
        double each = interval;
        end = burst_end(steps, at, first, interval);
        if (end < at->count) {
            each = (time[end] - time[first]) / (double)(end - first);
            if (!at->marks[end] && interval < each)
                each = interval;
        }
        for (size_t i = first; i < end; i++) {
            double now = time[first] + (double)(i - first) * each;
            steps[i] = now - before; /* that of sample 0 is none */
            before = now;
        }
    }
}

/* Average times over `reach` samples either side, fewer near the ends of the stroke from `start` to before `end`. */
static void average(const double *passed, size_t start, size_t end, size_t reach, double *out)
{
    for (size_t i = start; i < end; i++) {
        size_t side = i - start < end - 1 - i ? i - start : end - 1 - i;
        side = side < reach ? side : reach;
        out[i] = (passed[i + side + 1] - passed[i - side]) / (double)(2 * side + 1);
    }
}

static size_t stroke_end(const svi_workspace *at, size_t start)
{
    size_t end = start + 1;
    while (end < at->count && at->marks[end])
        end++;
    return end;
}

/* Samples an interval apart around the mean time of each stroke; returns by how much that moves one at most. */
static double lay_evenly(const svi_workspace *at, double interval, double *even)
{
    double most = 0.0;
    size_t end;
    for (size_t start = 0; start < at->count; start = end) {
        double total = 0.0, middle;
        end = stroke_end(at, start);
        middle = (double)(end - start - 1) / 2;
        for (size_t i = start; i < end; i++)
            total += at->time[i];
        for (size_t i = start; i < end; i++) {
            even[i] = total / (double)(end - start) + interval * ((double)(i - start) - middle);
            most = fmax(most, fabs(even[i] - at->time[i]));
        }
    }
    return most;
}

/* Average the times of each stroke, which are in `time`, into `steps`. */
static void average_all(double *steps, const svi_workspace *at, size_t reach)
{
    double *passed = at->others;
    size_t end;
    passed[0] = 0.0;
    for (size_t i = 0; i < at->count; i++)
        passed[i + 1] = passed[i] + at->time[i];
    for (size_t start = 0; start < at->count; start = end) {
        end = stroke_end(at, start);
        average(passed, start, end, reach, steps);
    }
}

/* Mend the time axis of a clock that is coarser than the pen, or that jitters; `longest` is its longest close step.
 * Where samples are missing, it stays. */
static void mend_coarse(double *steps, const svi_workspace *at, double interval, double longest)
{
    double tick = common_tick(steps, at, interval);
    if (tick < 0)
        share(steps, at, interval);
    add_up(steps, at->count, at->time);
    if (!(lay_evenly(at, interval, steps) <= (tick < 0 ? longest : tick))) {
        if (tick >= 0)
            return;
        average_all(steps, at, (size_t)ceil(longest / interval));
    }
    svi_note_repair(at->repairs, SV_COARSE_CLOCK);
    to_rising_steps(steps, at->count, steps[0]);
    add_up(steps, at->count, at->time);
}

double svi_clock_mend(const double *stamps, const svi_workspace *at)
{
    double *steps = at->numbers, interval, gap, longest;
    steps[0] = 0.0;
    for (size_t i = 1; i < at->count; i++)
        steps[i] = stamps[i] - stamps[i - 1];
    bridge(steps, at);
    gap = gap_of(steps, at);
    interval = interval_of(steps, at, gap);
    lift(steps, at, interval);
    assume_lifts(steps, at, interval);
    mark_close(steps, at, gap);
    longest = longest_if_coarse(steps, at, interval);
    if (longest >= 0) {
        mend_coarse(steps, at, interval, longest);
        return interval;
    }
    share(steps, at, interval);
    add_up(steps, at->count, at->time);
    return interval;
}
