/* A pen digitiser on a microcontroller: samples go to `sigverify serve --serial` while the pen moves, and a lamp says
 * what was decided. Copy firmware_bridge/c_client/sigverify_client.{h,c} beside this file.
 *
 *     sigverify serve --store kiosk.db --serial /dev/ttyAMA0 --allow verify
 *
 * The pen is read from three analogue pins here; put your digitiser's driver into `read_pen`. `loop` waits
 * for nothing but room in the UART's buffer, less than a sample's period. It wants 6 kB of RAM: no Uno. Whose signature it
 * shall be is fixed here; on a till it comes from a card or a keypad. */
#include <string.h>

#include "sigverify_client.h"

static const char *const USER = "alice";
static const int X_PIN = A0, Y_PIN = A1, PRESSURE_PIN = A2, GREEN_PIN = 2, RED_PIN = 3;
static const int TOUCHING = 20;                /* pressure from which the pen writes */
static const unsigned long PERIOD_MS = 10;     /* 100 samples a second */
static const unsigned long FINISHED_MS = 1000; /* the pen is away that long: the signature is done */
static const unsigned long OVERDUE_MS = 2000;
static const int MOST_TRIES = 3;
static const size_t BATCH = 4; /* samples a message: about 100 bytes, 9 ms at 115200 baud */

enum State { IDLE, WRITING, ENDING, DECIDING };

static svc_client client;
static State state = IDLE;
static svc_sample held[SVC_MOST_SAMPLES];
static size_t held_count;
static uint32_t capture, request;
static bool pen_was_down;
static int tries;
static unsigned long sampled_ms, began_ms, down_ms, asked_ms, greeted_ms;

static void show(bool accepted)
{
    digitalWrite(GREEN_PIN, accepted ? HIGH : LOW);
    digitalWrite(RED_PIN, accepted ? LOW : HIGH);
    state = IDLE;
}

/* ------------------------------------------------------------------------------------------- the line */

static int send_bytes(void *, const uint8_t *bytes, size_t count)
{
    return Serial1.write(bytes, count) == count ? 0 : 1;
}

static void greet()
{
    greeted_ms = millis();
    state = IDLE;
    svc_hello(&client, "digitiser", NULL);
}

static void ask() /* what the state wants; again with the same id where the answer is overdue */
{
    asked_ms = millis();
    svc_status status = state == ENDING ? svc_end(&client, &request)
                                        : svc_verify(&client, USER, capture, NULL, &request);
    if (status != SVC_OK)
        show(false);
}

static void ask_first(State next)
{
    state = next;
    request = 0;
    tries = 1;
    ask();
}

static void answered(void *, const svc_message *message)
{
    if (message->id == 0 || message->id != request)
        return; /* credit, or an answer that came too late; what was lost of a capture is told at its end */
    if (message->kind == SVC_CAPTURED)
        ask_first(DECIDING);
    else if (message->kind == SVC_DECISION)
        show(svc_is(message->as.decision.outcome, "accept"));
    else if (message->kind == SVC_FAILURE)
        show(false);
}

static void listen()
{
    while (Serial1.available() > 0) {
        uint8_t received = (uint8_t)Serial1.read();
        svc_feed(&client, &received, 1);
    }
    if (!svc_ready(&client) && millis() - greeted_ms >= FINISHED_MS)
        greet();
    if ((state == ENDING || state == DECIDING) && millis() - asked_ms >= OVERDUE_MS) {
        if (tries++ < MOST_TRIES) {
            ask();
        } else { /* the daemon is away: begin anew */
            show(false);
            greet();
        }
    }
}

/* -------------------------------------------------------------------------------------------- the pen */

static bool read_pen(svc_sample *sample)
{
    sample->p = analogRead(PRESSURE_PIN);
    sample->x = analogRead(X_PIN);
    sample->y = analogRead(Y_PIN);
    sample->t = (double)(millis() - began_ms); /* small numbers: a double has 24 bits on many boards */
    return sample->p >= TOUCHING;
}

static void stream(bool all) /* at most one message a turn of the loop */
{
    size_t count = held_count < BATCH ? held_count : BATCH;
    if (count == 0 || (count < BATCH && !all))
        return;
    if (svc_points(&client, held, count) != SVC_OK)
        return; /* no credit yet: the next turn tries again */
    held_count -= count;
    memmove(held, held + count, held_count * sizeof *held);
}

static void begin_capture()
{
    began_ms = millis();
    held_count = 0;
    digitalWrite(GREEN_PIN, LOW);
    digitalWrite(RED_PIN, LOW);
    if (svc_begin(&client, ++capture, 1) == SVC_OK)
        state = WRITING;
}

static void keep(svc_sample sample)
{
    sample.ink = pen_was_down; /* no ink on the way to the first sample of a stroke */
    if (held_count == SVC_MOST_SAMPLES) {
        svc_cancel(&client, capture); /* the daemon takes nothing: better none than a part */
        show(false);
        return;
    }
    held[held_count++] = sample;
}

static void sample_pen()
{
    svc_sample sample;
    sampled_ms = millis();
    bool down = read_pen(&sample);
    if (down && state == IDLE) {
        begin_capture();
        sample.t = 0;
    }
    if (down && state == WRITING) {
        keep(sample);
        down_ms = sampled_ms;
    }
    pen_was_down = down;
}

/* ----------------------------------------------------------------------------------------------------- */

void setup()
{
    pinMode(GREEN_PIN, OUTPUT);
    pinMode(RED_PIN, OUTPUT);
    Serial1.begin(115200);
    svc_init(&client, send_bytes, answered, NULL);
    greet();
}

void loop()
{
    listen();
    if (!svc_ready(&client))
        return;
    if (millis() - sampled_ms >= PERIOD_MS)
        sample_pen();
    if (state != WRITING)
        return;
    bool finished = millis() - down_ms >= FINISHED_MS;
    stream(finished);
    if (finished && held_count == 0)
        ask_first(ENDING);
}
