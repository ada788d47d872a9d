/* Prints the HMAC-SHA-256 of the C client, whose functions are its own: `hmac KEY DATA`, both hex digits. */
#include <stdio.h>
#include <string.h>

#include "sigverify_client.c"

static size_t from_hex(const char *hex, uint8_t *into)
{
    size_t count = 0;
    for (unsigned byte; sscanf(hex + 2 * count, "%2x", &byte) == 1; count++)
        into[count] = (uint8_t)byte;
    return count;
}

int main(int count, char **words)
{
    uint8_t key[256], data[256], digest[32];
    svc_text its = {(const char *)key, 0};
    size_t size;
    if (count != 3)
        return 1;
    its.size = from_hex(words[1], key);
    size = from_hex(words[2], data);
    hmac(its, data, size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        printf("%02x", digest[i]);
    return 0;
}
