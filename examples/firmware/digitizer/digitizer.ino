/* A pen digitizer on a microcontroller: samples go to the daemon while the pen moves, and lamps say what it decided.
 * Copy firmware_bridge/c_client/sigverify_client.h and .c into the folder of this sketch, and on the other end:
 *
 *     sigverify serve --store kiosk.db --key store.key --serial /dev/ttyAMA0 --allow verify --allow enroll
 *
 * For boards of 32 bits (SAMD21, RP2040, STM32 ...) with a `Serial1` and 6 kB of RAM to spare; those with an AVR
 * lack both the memory and a `double` of 64 bits. The pen is read from three analogue pins here: put your digitizer's
 * driver into `read_pen`. Whose signature it shall be is fixed here; on a till it comes from a card or a keypad.
 *
 * Green: accepted. Red: not, or something went wrong; sign again. After a press of the button five signatures are
 * enrolled, in place of those from before: put it where only staff reaches it. The enrollment's lamp is lit until all
 * are taken, green and red say so of each.
 *
 * It signs what it captures where there is a `pen_key.h` beside it, which `sigverify pens add pens.keys pen-7 --header
 * pen_key.h` makes, and the daemon has `--capture-keys pens.keys`. Each pen needs a key of its own, and a place where a number
 * outlives its power: put your flash's or EEPROM's driver into `load_count` and `keep_count`.
 *
 * `loop` waits for nothing but room in the UART's buffer, less than a sample's period. */
#include <string.h>

#include "sigverify_client.h"

#if defined(__has_include)
#if __has_include("pen_key.h")
#include "pen_key.h"
#define SIGNING
#endif
#endif

static const char *const PERSON = "alice";
static const int X_PIN = A0, Y_PIN = A1, PRESSURE_PIN = A2;
static const int GREEN_PIN = 2, RED_PIN = 3, BUTTON_PIN = 4, ENROLLMENT_PIN = 5;
static const int TOUCHING = 20;                /* pressure from which the pen writes */
static const unsigned long PERIOD_MS = 10;     /* 100 samples a second */
static const unsigned long FINISHED_MS = 1000; /* the pen is away that long: the signature is done */
static const unsigned long OVERDUE_MS = 2000;  /* an answer; it is asked for again */
static const int MOST_TRIES = 3;
static const size_t BATCH = 4; /* samples a message: about 100 bytes, 9 ms at 115200 baud */

enum State { RESTING, WRITING, ASKING };

static svc_client client;
static State state = RESTING;
static svc_sample held[SVC_MOST_SAMPLES];
static size_t held_count;
static uint32_t capture, request;
static svc_kind asked;
static bool pen_was_down, button_was_pressed, enrolling;
static int tries;
static unsigned long sampled_ms, began_ms, down_ms, asked_ms, greeted_ms;

static void show(bool good)
{
    digitalWrite(GREEN_PIN, good ? HIGH : LOW);
    digitalWrite(RED_PIN, good ? LOW : HIGH);
    digitalWrite(ENROLLMENT_PIN, enrolling ? HIGH : LOW);
    state = RESTING;
}

/* --------------------------------------------------------------------------------------- its signature */

#ifdef SIGNING
static const uint32_t STEP = 256; /* captures for which flash is written once: a few numbers are lost at each start */
static const svc_pen PEN = {PEN_DEVICE, PEN_KEY};
static uint32_t counted, allowed, number, challenge;

uint32_t load_count(); /* the number kept last; 0: none yet */
void keep_count(uint32_t count);

static void begin_signing()
{
    counted = allowed = load_count();
    svc_sign_as(&client, &PEN);
}

static void number_capture() /* one number a capture, kept before it is used */
{
    if (counted == allowed)
        keep_count(allowed += STEP);
    number = ++counted;
    challenge = 0;
    svc_challenge(&client, &challenge); /* its answer comes while the pen moves; the client keeps it */
}

static bool sign_capture() /* once the challenge is there */
{
    return svc_sign(&client, number, enrolling ? SVC_TO_ENROLL : SVC_TO_DECIDE) == SVC_OK;
}
#else
static void begin_signing() {}

static void number_capture() {}

static bool sign_capture()
{
    return true;
}
#endif

/* ------------------------------------------------------------------------------------------- the line */

static int send_bytes(void *, const uint8_t *bytes, size_t count)
{
    return Serial1.write(bytes, count) == count ? 0 : 1;
}

static void greet()
{
    greeted_ms = millis();
    svc_hello(&client, "digitizer", NULL, NULL);
}

static void give_up() /* begin anew, and let the person do so */
{
    enrolling = false;
    show(false);
    greet();
}

static svc_status put_request()
{
    static const svc_enroll_options anew = {0, 1, NULL, 0, NULL}; /* as many as usual, in place of the old */
    switch (asked) {
    case SVC_END: return svc_end(&client, &request);
    case SVC_ENROLL: return svc_enroll(&client, PERSON, &anew, &request);
    case SVC_ADD: return svc_add(&client, capture, &request);
    case SVC_COMMIT: return svc_commit(&client, &request);
    default: return svc_verify(&client, PERSON, capture, NULL, &request);
    }
}

static void ask() /* again with the same id where the answer is overdue: nothing is done twice */
{
    asked_ms = millis();
    svc_status status = put_request();
    if (status != SVC_OK && status != SVC_DISCONNECTED)
        give_up();
}

static void ask_first(svc_kind what)
{
    state = ASKING;
    asked = what;
    request = 0;
    tries = 1;
    ask();
}

static void answered(void *, const svc_message *message)
{
    if (message->kind == SVC_FAILURE && svc_is(message->as.failure.name, "NoHandshake")) {
        give_up(); /* at the other end the daemon was started anew */
        return;
    }
    if (state != ASKING || message->id != request)
        return; /* the welcome, or what came too late; what was lost of a capture is told at its end */
    switch (message->kind) {
    case SVC_CAPTURED: ask_first(enrolling ? SVC_ADD : SVC_VERIFY); break;
    case SVC_DECISION: show(asked == SVC_VERIFY && message->as.decision.accepted); break;
    case SVC_ADDITION:
        if (message->as.addition.remaining)
            show(message->as.addition.accepted);
        else
            ask_first(SVC_COMMIT);
        break;
    case SVC_ENROLLING:
    case SVC_ENROLLED:
        enrolling = message->kind == SVC_ENROLLING;
        show(true);
        break;
    default: show(false);
    }
}

static void hear()
{
    while (Serial1.available() > 0) {
        uint8_t received = (uint8_t)Serial1.read();
        svc_feed(&client, &received, 1);
    }
    if (!svc_ready(&client) && millis() - greeted_ms >= OVERDUE_MS)
        greet();
    if (state == ASKING && millis() - asked_ms >= OVERDUE_MS) {
        if (tries++ < MOST_TRIES)
            ask();
        else
            give_up();
    }
}

/* -------------------------------------------------------------------------------------------- the pen */

static bool read_pen(svc_sample *sample)
{
    sample->p = analogRead(PRESSURE_PIN);
    sample->x = analogRead(X_PIN);
    sample->y = analogRead(Y_PIN);
    return sample->p >= TOUCHING;
}

static void begin_capture()
{
    began_ms = sampled_ms;
    held_count = 0;
    digitalWrite(GREEN_PIN, LOW);
    digitalWrite(RED_PIN, LOW);
    svc_begin(&client, ++capture, 1);
    number_capture();
    state = WRITING;
}

static void keep(svc_sample sample)
{
    sample.t = (double)(sampled_ms - began_ms);
    sample.ink = pen_was_down; /* no ink on the way to the first sample of a stroke */
    if (held_count == SVC_MOST_SAMPLES)
        give_up(); /* the daemon takes nothing; better no signature than a part */
    else
        held[held_count++] = sample;
}

static void sample_pen()
{
    svc_sample sample;
    sampled_ms = millis();
    bool down = read_pen(&sample);
    bool rested = sampled_ms - down_ms >= FINISHED_MS; /* or it would be the rest of a signature that was given up */
    if (down && state == RESTING && rested && svc_ready(&client))
        begin_capture();
    else if (down && state == RESTING && rested)
        show(false); /* nobody listens */
    if (down && state == WRITING)
        keep(sample);
    if (down)
        down_ms = sampled_ms;
    pen_was_down = down;
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

static void write_on() /* what was sampled goes out; when the pen stays away, that was all */
{
    unsigned long away_ms = millis() - down_ms;
    stream(away_ms >= FINISHED_MS);
    if (away_ms >= FINISHED_MS && held_count == 0 && sign_capture())
        ask_first(SVC_END);
    else if (away_ms >= FINISHED_MS + OVERDUE_MS)
        give_up();
}

static void look_at_button()
{
    bool pressed = digitalRead(BUTTON_PIN) == LOW;
    if (pressed && !button_was_pressed && state == RESTING && svc_ready(&client))
        ask_first(SVC_ENROLL);
    button_was_pressed = pressed;
}

/* ----------------------------------------------------------------------------------------------------- */

void setup()
{
    pinMode(GREEN_PIN, OUTPUT);
    pinMode(RED_PIN, OUTPUT);
    pinMode(ENROLLMENT_PIN, OUTPUT);
    pinMode(BUTTON_PIN, INPUT_PULLUP);
    Serial1.begin(115200);
    svc_init(&client, send_bytes, answered, NULL);
    begin_signing();
    greet();
}

void loop()
{
    hear();
    if (millis() - sampled_ms >= PERIOD_MS) {
        sample_pen();
        look_at_button();
    }
    if (state == WRITING)
        write_on();
}
