/* What a network's inputs and outputs hold: real = scale x (stored - zero point), as sigverify/runtime/tensor.py. */
#include <math.h>
#include <string.h>

#include "internal.h"

size_t svi_port_bytes(const svi_port *port)
{
    return port->elements * (port->type == SVI_FLOAT32 ? sizeof(float) : 1);
}

/* clip(rint(real / scale) + zero_point), in float32 as numpy does it. Clipped before rounding, to whole numbers, which
 * makes no difference; what is not a number becomes the least. */
void svi_store(const svi_port *port, const float *values, void *stored)
{
    const float scale = port->scale, zero = port->zero_point;
    const float low = (port->type == SVI_INT8 ? -128.0f : 0.0f) - zero, high = low + 255.0f;
    const size_t count = port->elements;
    uint8_t *restrict out = stored;
    if (port->type == SVI_FLOAT32) {
        memcpy(stored, values, svi_port_bytes(port));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float value = values[i] / scale;
        value = value > low ? value : low;
        value = value < high ? value : high;
        out[i] = (uint8_t)((int)(svi_rounded(value) + zero) & 255);
    }
}

float svi_to_real(const svi_port *port, const void *stored, size_t index)
{
    if (port->type == SVI_FLOAT32)
        return ((const float *)stored)[index];
    if (port->type == SVI_INT8)
        return ((float)((const int8_t *)stored)[index] - port->zero_point) * port->scale;
    return ((float)((const uint8_t *)stored)[index] - port->zero_point) * port->scale;
}
