/* libFuzzer's place, for compilers without it: LLVMFuzzerTestOneInput is given every file, then mutations of them.
 *
 *     fuzz RUNS FILE...
 *
 * Always the same ones. RUNS 0 only repeats files, as those that libFuzzer leaves where it finds something. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SEEDS = 256, MOST_BYTES = 16384 };

static uint8_t seeds[MOST_SEEDS][MOST_BYTES];
static size_t sizes[MOST_SEEDS], seed_count;
static uint32_t state = 2463534242u;

static size_t any(size_t below)
{
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state % below;
}

static void read_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || seed_count == MOST_SEEDS) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    sizes[seed_count] = fread(seeds[seed_count], 1, MOST_BYTES, file);
    seed_count++;
    fclose(file);
}

static void mutate(uint8_t *bytes, size_t *size)
{
    size_t at = any(*size), other = any(seed_count), from = any(sizes[other] + 1), count = any(32);
    switch (any(5)) {
    case 0: bytes[at] ^= (uint8_t)(1u << any(8)); break;
    case 1: bytes[at] = (uint8_t)any(256); break;
    case 2: *size = at + 1; break;
    case 3: memmove(bytes + at, bytes + at + 1, --*size - at); break;
    default: /* some of another file goes in between */
        count = count < sizes[other] - from ? count : sizes[other] - from;
        count = count < MOST_BYTES - *size ? count : MOST_BYTES - *size;
        memmove(bytes + at + count, bytes + at, *size - at);
        memcpy(bytes + at, seeds[other] + from, count);
        *size += count;
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* so that the byte after the last is out of bounds */
    if (!exact)
        exit(2);
    memcpy(exact, bytes, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int count, char **words)
{
    static uint8_t bytes[MOST_BYTES];
    long runs = count > 2 ? strtol(words[1], NULL, 10) : -1;
    for (int i = 2; i < count; i++)
        read_seed(words[i]);
    if (runs < 0 || !seed_count)
        return 2;
    for (size_t i = 0; i < seed_count; i++)
        run(seeds[i], sizes[i]);
    for (long i = 0; i < runs; i++) {
        size_t from = any(seed_count), size = sizes[from];
        memcpy(bytes, seeds[from], size);
        for (size_t times = 1 + any(5); times-- && size;)
            mutate(bytes, &size);
        run(bytes, size);
    }
    printf("%ld runs of %lu files: sound\n", runs, (unsigned long)seed_count);
    return 0;
}
