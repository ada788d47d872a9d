/* As much of Arduino as the example sketch asks for; board.cpp is the board. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

enum { LOW, HIGH };
enum { INPUT, OUTPUT, INPUT_PULLUP };
enum { A0 = 14, A1, A2 };

unsigned long millis();
int analogRead(int pin);
int digitalRead(int pin);
void pinMode(int pin, int mode);
void digitalWrite(int pin, int level);

struct HardwareSerial {
    void begin(unsigned long baud);
    int available();
    int read();
    size_t write(const uint8_t *bytes, size_t count);
};
extern HardwareSerial Serial1;

uint32_t load_count();
void keep_count(uint32_t count);

void setup();
void loop();

#endif
