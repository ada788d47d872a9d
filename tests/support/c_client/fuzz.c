/* Whatever a line can bring, fed to the C client. LLVMFuzzerTestOneInput is libFuzzer's entry (clang
 * -fsanitize=fuzzer -DLIBFUZZER); without LIBFUZZER a main of its own mutates frames instead: `fuzz [SEEDS ROUNDS]`,
 * SEEDS a file of hex lines; by itself 20,000 rounds of the frames of a handshake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sigverify_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t seen; /* so that no read is optimized away */

static int swallow(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    if (!count || count > 256)
        abort();
    seen += bytes[0] + bytes[count - 1];
    return 0;
}

static void look_at(svc_text text)
{
    for (size_t i = 0; i < text.size; i++)
        seen += (unsigned char)text.at[i];
}

static void walk(svc_list list)
{
    svc_text text;
    double number;
    while (list.count && (svc_next_text(&list, &text) ? (look_at(text), 1) : svc_next_number(&list, &number)))
        seen++;
}

static void look(void *context, const svc_message *message)
{
    uint32_t id = 0;
    switch (message->kind) {
    case SVC_WELCOME: look_at(message->as.welcome.nonce), walk(message->as.welcome.capabilities); break;
    case SVC_DECISION: look_at(message->as.decision.outcome), walk(message->as.decision.unlike); break;
    case SVC_MATCHES: walk(message->as.matches.users), walk(message->as.matches.scores); break;
    case SVC_USER_LIST: walk(message->as.user_list.users); break;
    case SVC_FAILURE: look_at(message->as.failure.name), look_at(message->as.failure.message); break;
    case SVC_ABOUT: look_at(message->as.about.model), look_at(message->as.about.model_id); break;
    default: break;
    }
    if (context)
        svc_health(context, &id);
}

static void decode_alone(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* so that the byte after the last is out of bounds */
    svc_message message;
    if (!exact)
        abort();
    memcpy(exact, data, size);
    if (svc_decode(exact, size, &message) == SVC_OK)
        look(NULL, &message);
    free(exact);
}

static void feed_in_pieces(svc_client *client, const uint8_t *data, size_t size)
{
    size_t piece = size ? 1u + data[0] % 64u : 1;
    for (size_t at = 0; at < size; at += piece)
        svc_feed(client, data + at, size - at < piece ? size - at : piece);
}

static void use(svc_client *client)
{
    static const svc_sample samples[2] = {{1, 2.5, 3, 0.1, 1}, {-4, 5e9, 6, 7, 0}};
    uint32_t id = 0, again = 1;
    svc_begin(client, 1, 1);
    svc_points(client, samples, 2);
    svc_end(client, &id);
    svc_verify(client, "ann", 1, NULL, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t token[SVC_TOKEN_SIZE];
    svc_client *client = malloc(sizeof *client);
    if (!client)
        abort();
    decode_alone(data, size);
    svc_init(client, swallow, look, client);
    svc_hello(client, "fuzz", token);
    feed_in_pieces(client, data, size);
    use(client);
    feed_in_pieces(client, data, size);
    free(client);
    return 0;
}

#ifndef LIBFUZZER
enum { MOST_SEEDS = 128, SEED_BYTES = 4096 };

static uint8_t seeds[MOST_SEEDS][SEED_BYTES];
static size_t sizes[MOST_SEEDS], seed_count;
static uint32_t state = 2463534242u;

static uint32_t any(size_t below)
{
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state % (uint32_t)below;
}

static const char *const HANDSHAKE[] = {
    "0d83184001a6656e6f6e636550370102030405060708090a0b0c0d0e0f66637265646974106677696e646f7708677665"
    "7273696f6e016b6d61785f7061796c6f61641920236c6361706162696c697469657382686964656e7469667966766572696679b9a8c70300",
    "0a83184102a0b264713000",
};

static void add_seed(const char *hex)
{
    uint8_t *into = seeds[seed_count];
    size_t size = 0;
    for (unsigned byte; size < SEED_BYTES && sscanf(hex + 2 * size, "%2x", &byte) == 1; size++)
        into[size] = (uint8_t)byte;
    sizes[seed_count++] = size;
}

static void read_seeds(const char *path)
{
    static char line[2 * SEED_BYTES + 2];
    FILE *file = fopen(path, "r");
    if (!file)
        exit(1);
    while (seed_count < MOST_SEEDS && fgets(line, sizeof line, file))
        add_seed(line);
    fclose(file);
}

static void mutate(uint8_t *bytes, size_t *size)
{
    for (uint32_t times = any(4); times-- && *size;) {
        size_t at = any(*size);
        switch (any(4)) {
        case 0: bytes[at] ^= (uint8_t)(1u << any(8)); break;
        case 1: bytes[at] = (uint8_t)any(256); break;
        case 2: *size = at; break;
        default: memmove(bytes + at, bytes + at + 1, --*size - at); break;
        }
    }
}

static size_t compose(uint8_t *bytes)
{
    size_t size = 0;
    for (uint32_t frames = 1 + any(3); frames--;) {
        size_t from = any(seed_count), count = sizes[from];
        memcpy(bytes + size, seeds[from], count);
        mutate(bytes + size, &count);
        size += count;
    }
    return size;
}

int main(int count, char **arguments)
{
    static uint8_t bytes[4 * SEED_BYTES];
    long rounds = count == 3 ? strtol(arguments[2], NULL, 10) : 20000;
    for (size_t i = 0; i < sizeof HANDSHAKE / sizeof *HANDSHAKE; i++)
        add_seed(HANDSHAKE[i]);
    if (count == 3)
        read_seeds(arguments[1]);
    for (long round = 0; seed_count && round < rounds; round++)
        LLVMFuzzerTestOneInput(bytes, compose(bytes));
    printf("%ld rounds of %lu seeds: %s\n", rounds, (unsigned long)seed_count, seen ? "sound" : "nothing seen");
    return seen ? 0 : 1;
}
#endif
