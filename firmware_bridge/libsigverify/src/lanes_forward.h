/* All cells of an alignment, from the first diagonal to the last. lanes.c includes this once for each kind of
 * processor, and says before what a `lane` is (LANE_CELLS numbers of 16 bits without sign) and what is done with it. */

/* City-block distances of LANE_CELLS frames of one and of the other. */
TARGET static inline lane NAMED(costs)(const uint8_t *rows, const uint8_t *columns, ptrdiff_t words, ptrdiff_t plane)
{
    lane sum = NAMED(differences)(rows, columns);
    for (ptrdiff_t w = 1; w < words; w++)
        sum = lane_add(sum, NAMED(differences)(rows + w * plane, columns + w * plane));
    return sum;
}

TARGET static void NAMED(forward)(const svi_lanes_job *its)
{
    const svi_lanes_job job = *its; /* a copy, which no store may change */
    const lane most = lane_same(job.most);
    const ptrdiff_t last = 2 * job.frames - 2;
    const uint16_t *const end = job.cells + job.diagonals * job.room;
    uint16_t *two_before = job.cells + 1, *before = two_before + job.room;
    ptrdiff_t low_two_before = 0, low_before = 0;
    /* Before the first cell nothing is reached. */
    memset(job.cells, 0xff, (size_t)job.room * sizeof *job.cells);
    lane_store(before, NAMED(costs)(job.rows, job.columns + WORD * (job.frames - 1), job.words, job.plane));
    before[-1] = before[1] = UNREACHED;
    if (job.places) {
        job.places[1] = 1;
        job.places[2] = (int32_t)job.room + 1;
    }
    for (ptrdiff_t s = 1; s <= last; s++) {
        const ptrdiff_t low = first_row(&job, s), cells = s - 2 * low + 1;
        const uint8_t *rows = frame_at(&job, job.rows, low);
        const uint8_t *columns = frame_at(&job, job.columns, job.frames - 1 + low - s);
        /* Cell k is entered from left[k], from left[k - 1], which is up, and from across[k]. */
        const uint16_t *left = before + (low - low_before), *across = two_before + (low - low_two_before) - 1;
        uint16_t *now = before + job.room < end ? before + job.room : job.cells + 1;
        for (ptrdiff_t k = 0; k < cells; k += LANE_CELLS) {
            lane entry = lane_least(lane_least(lane_load(left + k), lane_load(left + k - 1)), lane_load(across + k));
            lane cost = NAMED(costs)(rows + WORD * k, columns + WORD * k, job.words, job.plane);
            lane_store(now + k, lane_add(lane_least(entry, most), cost));
        }
        now[-1] = now[cells] = UNREACHED;
        if (job.places)
            job.places[s + 2] = (int32_t)(now - job.cells - low);
        two_before = before;
        before = now;
        low_two_before = low_before;
        low_before = low;
    }
}

#undef NAMED
#undef TARGET
#undef LANE_CELLS
#undef lane
#undef lane_load
#undef lane_store
#undef lane_same
#undef lane_add
#undef lane_least
