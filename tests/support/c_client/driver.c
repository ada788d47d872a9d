/* Drives the C client by commands, a line each, and prints what comes of them: `> hex` is written (one line a
 * request), `< {json}` is answered, `= status` ends each command. With an argument it talks to that unix socket;
 * without, `feed HEX` stands for the daemon, and `room BYTES` makes the line take so many and then fail. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sigverify_client.h"

enum { LINE_BYTES = 1 << 16, MOST_WORDS = 512 };

static svc_client client;
static int line_to_daemon = -1, answers, first_byte = 1, patience_ms = 5000;
static size_t room = SIZE_MAX;
static char command[LINE_BYTES];
static char *words[MOST_WORDS];
static size_t word_count;

static int write_bytes(void *context, const uint8_t *bytes, size_t count)
{
    size_t taken = count < room ? count : room;
    (void)context;
    if (line_to_daemon >= 0)
        return write(line_to_daemon, bytes, count) == (ssize_t)count ? 0 : -1;
    room -= room == SIZE_MAX ? 0 : taken;
    fputs(first_byte ? "> " : "", stdout);
    first_byte = 0;
    for (size_t i = 0; i < taken; i++)
        printf("%02x", bytes[i]);
    return taken == count ? 0 : -1;
}

/* ------------------------------------------------------------------------------------- answers as JSON */

static void print_text(svc_text text)
{
    putchar('"');
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] == '"' || text.at[i] == '\\' || (unsigned char)text.at[i] < 32)
            printf("\\u%04x", (unsigned)(unsigned char)text.at[i]);
        else
            putchar(text.at[i]);
    putchar('"');
}

static void text(const char *name, svc_text value)
{
    if (!value.at)
        return;
    printf(", \"%s\": ", name);
    print_text(value);
}

static void bytes(const char *name, svc_text value)
{
    if (!value.at)
        return;
    printf(", \"%s\": {\"hex\": \"", name);
    for (size_t i = 0; i < value.size; i++)
        printf("%02x", (unsigned)(unsigned char)value.at[i]);
    printf("\"}");
}

static void number(const char *name, double value)
{
    if (svc_is_present(value))
        printf(", \"%s\": %.17g", name, value);
}

/* What is 0 where it is left out. */
static void count(const char *name, uint32_t value)
{
    if (value)
        number(name, value);
}

static void flag(const char *name, int value)
{
    printf(", \"%s\": %s", name, value ? "true" : "false");
}

static void list(const char *name, svc_list value, int of_texts)
{
    svc_text one;
    double figure;
    const char *comma = "";
    if (!value.at)
        return;
    printf(", \"%s\": [", name);
    for (; of_texts ? svc_next_text(&value, &one) : svc_next_number(&value, &figure); comma = ", ") {
        fputs(comma, stdout);
        if (of_texts)
            print_text(one);
        else
            printf("%.17g", figure);
    }
    putchar(']');
}

#define TEXT(body, name) text(#name, its->as.body.name)
#define NUMBER(body, name) number(#name, its->as.body.name)
#define COUNT(body, name) count(#name, its->as.body.name)
#define FLAG(body, name) flag(#name, its->as.body.name)
#define TEXTS(body, name) list(#name, its->as.body.name, 1)

static void print_decision(const svc_message *its)
{
    TEXT(decision, outcome), FLAG(decision, accepted), TEXT(decision, reason), NUMBER(decision, score);
    NUMBER(decision, threshold), NUMBER(decision, confidence), TEXTS(decision, unlike), TEXTS(decision, missing);
    TEXT(decision, flaw), NUMBER(decision, retry_after_s), NUMBER(decision, latency_ms);
    TEXTS(decision, kinds), list("scores", its->as.decision.scores, 0), TEXTS(decision, left_out);
}

static void print_enrolled(const svc_message *its)
{
    TEXT(enrolled, user_id), NUMBER(enrolled, references), NUMBER(enrolled, template_bytes);
    TEXT(enrolled, model_id), NUMBER(enrolled, created_ms), NUMBER(enrolled, complexity);
    NUMBER(enrolled, consistency), TEXTS(enrolled, reasons), NUMBER(enrolled, latency_ms);
    NUMBER(enrolled, strangers), TEXTS(enrolled, cautions);
}

static void print_addition(const svc_message *its)
{
    FLAG(addition, accepted), TEXT(addition, reason), NUMBER(addition, remaining);
    NUMBER(addition, duration_ms), NUMBER(addition, complexity), TEXT(addition, flaw), TEXTS(addition, repairs);
}

static void print_welcome(const svc_message *its)
{
    NUMBER(welcome, version), NUMBER(welcome, max_payload), NUMBER(welcome, window);
    NUMBER(welcome, credit), bytes("nonce", its->as.welcome.nonce), TEXTS(welcome, capabilities);
    if (its->as.welcome.signed_only)
        FLAG(welcome, signed_only);
}

static void print_challenged(const svc_message *its)
{
    bytes("nonce", its->as.challenged.nonce), NUMBER(challenged, life_s);
}

static void print_about(const svc_message *its)
{
    TEXT(about, sdk_version), TEXT(about, model), TEXT(about, model_id);
    NUMBER(about, max_samples), NUMBER(about, max_references), COUNT(about, max_image_bytes);
}

static void print_condition(const svc_message *its)
{
    FLAG(condition, ready), NUMBER(condition, uptime_s), NUMBER(condition, clients);
    NUMBER(condition, waiting);
}

static void print_message(const svc_message *its)
{
    printf("< {\"kind\": %d, \"id\": %lu", (int)its->kind, (unsigned long)its->id);
    switch (its->kind) {
    case SVC_WELCOME: print_welcome(its); break;
    case SVC_DONE: bytes("proof", its->as.done.proof); break;
    case SVC_CREDIT: NUMBER(credit, points); break;
    case SVC_CAPTURED: NUMBER(captured, samples), NUMBER(captured, duration_ms), COUNT(captured, size); break;
    case SVC_DECISION: print_decision(its); break;
    case SVC_MATCHES: TEXTS(matches, user_ids), list("scores", its->as.matches.scores, 0); break;
    case SVC_ENROLLING: NUMBER(enrolling, remaining); break;
    case SVC_ADDITION: print_addition(its); break;
    case SVC_ENROLLED: print_enrolled(its); break;
    case SVC_USER_LIST: TEXTS(user_list, user_ids), FLAG(user_list, more); break;
    case SVC_ABOUT: print_about(its); break;
    case SVC_CONDITION: print_condition(its); break;
    case SVC_FAILURE: NUMBER(failure, status), TEXT(failure, name), TEXT(failure, message), TEXT(failure, reason); break;
    case SVC_CHALLENGED: print_challenged(its); break;
    default: break;
    }
    printf("}\n");
}

static void answered(void *context, const svc_message *its)
{
    (void)context;
    answers++;
    if (!first_byte)
        putchar('\n');
    first_byte = 1;
    print_message(its);
}

/* --------------------------------------------------------------------------------------------- commands */

static const char *word(size_t index)
{
    return index < word_count && strcmp(words[index], "-") != 0 ? words[index] : NULL;
}

static double figure(size_t index)
{
    return word(index) ? strtod(word(index), NULL) : 0;
}

static uint32_t whole(size_t index)
{
    return (uint32_t)figure(index);
}

static size_t from_hex(const char *hex, uint8_t *into)
{
    size_t count = 0;
    for (unsigned byte; sscanf(hex + 2 * count, "%2x", &byte) == 1; count++)
        into[count] = (uint8_t)byte;
    return count;
}

/* Read the line once; -1: nothing came in time, or the daemon hung up. */
static int read_once(void)
{
    uint8_t received[7]; /* an odd size, so that frames come in pieces */
    struct pollfd ready = {.fd = line_to_daemon, .events = POLLIN};
    ssize_t count;
    if (poll(&ready, 1, patience_ms) != 1 || (count = read(line_to_daemon, received, sizeof received)) <= 0)
        return -1;
    return (int)svc_feed(&client, received, (size_t)count);
}

static int await(int more)
{
    int status = 0, wanted = answers + more;
    while (line_to_daemon >= 0 && answers < wanted && !status)
        status = read_once();
    return status;
}

static int hello(void)
{
    static uint8_t token[LINE_BYTES / 2];
    static const uint8_t nonce[SVC_NONCE_SIZE] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    int with_token = word(2) && from_hex(word(2), token);
    int status = (int)svc_hello(&client, word(1), with_token ? token : NULL, with_token ? nonce : NULL);
    while (line_to_daemon >= 0 && !status && !svc_ready(&client))
        status = read_once();
    return status;
}

static int points(void)
{
    svc_sample samples[SVC_MOST_SAMPLES + 1];
    size_t count = 0;
    while (count + 1 < word_count && count < sizeof samples / sizeof *samples) {
        svc_sample *its = &samples[count++];
        if (sscanf(words[count], "%lf,%lf,%lf,%lf,%d", &its->x, &its->y, &its->t, &its->p, &its->ink) != 5)
            return -1;
    }
    while (line_to_daemon >= 0 && !svc_credit(&client))
        if (read_once())
            return -1;
    return (int)svc_points(&client, samples, count);
}

/* The bytes as hex digits; `image -`: none. */
static int image(void)
{
    static uint8_t data[LINE_BYTES / 2];
    size_t count = word(1) ? from_hex(word(1), data) : 0;
    while (line_to_daemon >= 0 && !svc_credit(&client))
        if (read_once())
            return -1;
    return (int)svc_image(&client, data, count);
}

#ifndef SVC_NO_SIGNING
/* The pen's name and key; `pen - -`: none. */
static int sign_as(void)
{
    static char device[LINE_BYTES];
    static uint8_t key[LINE_BYTES / 2];
    static svc_pen pen = {device, key};
    if (word(1))
        strcpy(device, word(1));
    if (word(2))
        from_hex(word(2), key);
    svc_sign_as(&client, word(1) ? &pen : NULL);
    return 0;
}
#endif

static int verify(uint32_t *id)
{
    svc_verify_options options = {figure(3), word(4), figure(5), whole(6)};
    return (int)svc_verify(&client, word(1), whole(2), word_count > 3 ? &options : NULL, id);
}

static int identify(uint32_t *id)
{
    svc_identify_options options = {whole(2), figure(3), word(4)};
    return (int)svc_identify(&client, whole(1), word_count > 2 ? &options : NULL, id);
}

static int enroll(uint32_t *id)
{
    const char *groups[1] = {word(4)};
    svc_enroll_options options = {whole(2), (int)whole(3), groups, word_count > 4 ? 1 : 0, word(5)};
    return (int)svc_enroll(&client, word(1), word_count > 2 ? &options : NULL, id);
}

static int ask(const char *name, uint32_t *id)
{
    if (!strcmp(name, "end")) return (int)svc_end(&client, id);
    if (!strcmp(name, "verify")) return verify(id);
    if (!strcmp(name, "identify")) return identify(id);
    if (!strcmp(name, "enroll")) return enroll(id);
    if (!strcmp(name, "add")) return (int)svc_add(&client, whole(1), id);
    if (!strcmp(name, "commit")) return (int)svc_commit(&client, id);
    if (!strcmp(name, "abandon")) return (int)svc_abandon(&client, id);
    if (!strcmp(name, "users")) return (int)svc_users(&client, word(1), id);
    if (!strcmp(name, "forget")) return (int)svc_forget(&client, word(1), id);
    if (!strcmp(name, "info")) return (int)svc_info(&client, id);
    if (!strcmp(name, "health")) return (int)svc_health(&client, id);
#ifndef SVC_NO_SIGNING
    if (!strcmp(name, "challenge")) return (int)svc_challenge(&client, id);
#endif
    if (!strcmp(name, "again")) return (int)svc_health(&client, (*id = whole(1), id));
    if (!strcmp(name, "again-end")) return (int)svc_end(&client, (*id = whole(1), id));
    if (!strcmp(name, "nowhere")) return (int)svc_health(&client, NULL);
    return -1;
}

static int feed(void)
{
    static uint8_t fed[LINE_BYTES / 2];
    return (int)svc_feed(&client, fed, from_hex(words[1], fed));
}

static int decode(void)
{
    static uint8_t payload[LINE_BYTES / 2];
    svc_message message;
    int status = (int)svc_decode(payload, from_hex(words[1], payload), &message);
    if (!status)
        print_message(&message);
    return status;
}

static int run(const char *name)
{
    uint32_t id = 0;
    int status;
    if (!strcmp(name, "hello")) return hello();
    if (!strcmp(name, "begin")) return (int)svc_begin(&client, whole(1), (int)whole(2));
    if (!strcmp(name, "begin-image")) return (int)svc_begin_image(&client, whole(1), whole(2));
    if (!strcmp(name, "image")) return image();
    if (!strcmp(name, "no-image")) return (int)svc_image(&client, NULL, 1);
    if (!strcmp(name, "points")) return points();
#ifndef SVC_NO_SIGNING
    if (!strcmp(name, "pen")) return sign_as();
    if (!strcmp(name, "sign")) return (int)svc_sign(&client, whole(1), (svc_purpose)whole(2));
#endif
    if (!strcmp(name, "no-points")) return (int)svc_points(&client, NULL, 0);
    if (!strcmp(name, "cancel")) return (int)svc_cancel(&client, whole(1));
    if (!strcmp(name, "room")) return room = word(1) ? (size_t)figure(1) : SIZE_MAX, 0;
    if (!strcmp(name, "number")) return client.number = whole(1), 0; /* of the last request */
    if (!strcmp(name, "patience")) return patience_ms = (int)whole(1), 0; /* with the daemon, for each of its bytes */
    if (!strcmp(name, "phase")) return client.phase;
    if (!strcmp(name, "feed")) return feed();
    if (!strcmp(name, "decode")) return decode();
    status = ask(name, &id);
    return status ? status : await(1);
}

static void split(void)
{
    word_count = 0;
    for (char *at = strtok(command, " \n"); at && word_count < MOST_WORDS; at = strtok(NULL, " \n"))
        words[word_count++] = at;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    line_to_daemon = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(line_to_daemon, (struct sockaddr *)&address, sizeof address);
}

int main(int count, char **arguments)
{
    if (count > 1 && connect_to(arguments[1]))
        return 1;
    signal(SIGPIPE, SIG_IGN); /* the other end may go away: `write` says so */
    svc_init(&client, write_bytes, answered, NULL);
    while (fgets(command, sizeof command, stdin)) {
        int status;
        split();
        first_byte = 1;
        status = word_count ? run(words[0]) : -1;
        printf("%s= %d\n", first_byte ? "" : "\n", status);
        fflush(stdout);
    }
    return 0;
}
