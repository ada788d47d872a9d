/* Alignments by each way that lanes.c has, for test_lanes.py: compiled with alignment.c, path.c and lanes.c. */
#include <string.h>

#include "../../../firmware_bridge/libsigverify/src/internal.h"

#define EXPORTED __attribute__((visibility("default")))

/* A path as `frames` numbers each, and its cost alone. Returns 1 if vector instructions found it, 0 if alignment.c had
 * to, -1 if this processor has none as wide as `width`. */
EXPORTED int path_by(int width, const int8_t *one, const int8_t *other, size_t frames, size_t channels, int without,
                     int32_t *cost, int16_t *first, int16_t *last, int32_t totals[2])
{
    /* A sequence beside the series, as a verifier has: of other sizes, in the same room. */
    const svi_shape shape = {frames, channels, 0, frames / 2, channels + 3, 0, 0};
    svi_aligner aligner;
    int found = 0;
    if (svi_aligner_open(&shape, &aligner) != SV_OK)
        return -2;
    aligner.forward = width == SVI_SCALAR ? NULL : svi_lanes_of((svi_lanes_width)width);
    if (width == SVI_SCALAR || (aligner.forward && aligner.forward != svi_lanes_of((svi_lanes_width)(width - 1)))) {
        found = svi_lanes_align(&aligner, one, other, frames, channels, without, 1) >= 0;
        svi_find_path(&aligner, one, other, frames, channels, without);
        memcpy(cost, aligner.path.cost, frames * sizeof *cost);
        memcpy(first, aligner.path.first, frames * sizeof *first);
        memcpy(last, aligner.path.last, frames * sizeof *last);
        totals[0] = aligner.path.total;
        totals[1] = svi_align(&aligner, one, other, frames, channels, without, 0);
    } else {
        found = -1;
    }
    svi_aligner_close(&aligner);
    return found;
}

/* The same checksum whichever way it is computed: by tables from a certain size on, below it without. */
EXPORTED uint32_t checksum(const uint8_t *data, size_t size)
{
    return svi_crc32(data, size);
}
