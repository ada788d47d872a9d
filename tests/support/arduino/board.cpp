/* A board of a process: Serial1 is standard input and output, the analogue pins follow a recorded pen.
 *
 * board PEN: lines of "time_ms x y pressure", begun half a second after the start. Prints the first pin that goes
 * high to the standard error output, and ends; 1: none did in 20 s, or the line closed. */
#include "Arduino.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

struct Sample {
    double time_ms;
    int value[3];
};

static const double START_MS = 500;
static std::vector<Sample> pen;
static const auto began = std::chrono::steady_clock::now();
HardwareSerial Serial1;

unsigned long millis()
{
    using namespace std::chrono;
    return (unsigned long)duration_cast<milliseconds>(steady_clock::now() - began).count();
}

int analogRead(int pin)
{
    double now = (double)millis() - START_MS;
    if (now < 0 || now > pen.back().time_ms)
        return 0;
    size_t at = 0;
    while (at + 1 < pen.size() && pen[at + 1].time_ms <= now)
        at++;
    return pen[at].value[pin - A0];
}

void pinMode(int, int) {}

void digitalWrite(int pin, int level)
{
    if (level == HIGH) {
        fprintf(stderr, "pin %d\n", pin);
        exit(0);
    }
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

int main(int, char **words)
{
    FILE *file = fopen(words[1], "r");
    Sample each;
    while (file && fscanf(file, "%lf %d %d %d", &each.time_ms, &each.value[0], &each.value[1], &each.value[2]) == 4)
        pen.push_back(each);
    if (pen.empty())
        return 1;
    setup();
    while (millis() < 20000) {
        loop();
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return 1;
}
