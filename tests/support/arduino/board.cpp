/* A board of a process: Serial1 is standard input and output; a pen and a button follow a script.
 *
 * board SCRIPT: lines of "time_ms x y pressure button mark", each good until the next; at the last the board ends.
 * Every turn of the loop takes a millisecond of its clock and less of the world, so that however slow this machine is,
 * no sample is missed; and when a lamp goes on, the clock jumps to where somebody writes again. Prints
 * "time_ms pin level" for every pin that changes, and "time_ms 0 mark" for a mark that is not 0, to the standard error
 * output. 1: the line closed. */
#include "Arduino.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

struct Moment {
    unsigned long time_ms;
    int x, y, pressure, button, mark;
};

static const unsigned long LEAST_MS = 50;
static std::vector<Moment> script;
static size_t now_at;
static unsigned long now_ms;
static int levels[32];
HardwareSerial Serial1;

unsigned long millis()
{
    return now_ms;
}

static const Moment &now()
{
    while (now_at + 1 < script.size() && script[now_at + 1].time_ms <= now_ms)
        if (script[++now_at].mark)
            fprintf(stderr, "%lu 0 %d\n", now_ms, script[now_at].mark);
    return script[now_at];
}

int analogRead(int pin)
{
    const Moment &its = now();
    return pin == A0 ? its.x : pin == A1 ? its.y : its.pressure;
}

int digitalRead(int)
{
    return now().button ? LOW : HIGH;
}

void pinMode(int, int) {}

/* To shortly before the pen comes down again, a mark, or the end. */
static void jump()
{
    size_t at = now_at;
    while (at + 1 < script.size() && (at == now_at || !(script[at].pressure || script[at].mark)))
        at++;
    if (script[at].time_ms > now_ms + LEAST_MS)
        now_ms = script[at].time_ms - LEAST_MS;
}

void digitalWrite(int pin, int level)
{
    if (levels[pin] != level)
        fprintf(stderr, "%lu %d %d\n", millis(), pin, level);
    levels[pin] = level;
    if (level == HIGH && now().pressure == 0)
        jump();
}

/* Flash: one number in the file that SIGVERIFY_FLASH names. */
uint32_t load_count()
{
    unsigned long count = 0;
    FILE *file = fopen(getenv("SIGVERIFY_FLASH"), "r");
    if (file && fscanf(file, "%lu", &count) != 1)
        exit(3);
    if (file)
        fclose(file);
    return (uint32_t)count;
}

void keep_count(uint32_t count)
{
    FILE *file = fopen(getenv("SIGVERIFY_FLASH"), "w");
    if (!file || fprintf(file, "%lu", (unsigned long)count) < 0 || fclose(file))
        exit(3);
}

void HardwareSerial::begin(unsigned long) {}

int HardwareSerial::available()
{
    pollfd line = {0, POLLIN, 0};
    return poll(&line, 1, 0) > 0 ? 1 : 0;
}

int HardwareSerial::read()
{
    uint8_t byte;
    if (::read(0, &byte, 1) != 1)
        exit(1);
    return byte;
}

size_t HardwareSerial::write(const uint8_t *bytes, size_t count)
{
    ssize_t written = ::write(1, bytes, count);
    return written < 0 ? 0 : (size_t)written;
}

int main(int count, char **words)
{
    FILE *file = count == 2 ? fopen(words[1], "r") : NULL;
    Moment its;
    while (file && fscanf(file, "%lu %d %d %d %d %d", &its.time_ms, &its.x, &its.y, &its.pressure, &its.button,
                          &its.mark) == 6)
        script.push_back(its);
    if (script.empty())
        return 2;
    for (setup(); now_ms < script.back().time_ms; now_ms++) {
        loop();
        std::this_thread::sleep_for(std::chrono::microseconds(now().pressure ? 200 : 300));
    }
    return 0;
}
