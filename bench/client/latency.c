/* A histogram of latencies in microseconds; its buckets are within 1.6 % of their values. */
#include "client.h"

#include <string.h>

enum { FINE = 64, BUCKETS = FINE * 40 };

static long buckets[BUCKETS];
static long total;

void forget_latencies(void)
{
    memset(buckets, 0, sizeof buckets);
    total = 0;
}

void add_latency(long long us)
{
    int shift = 0;
    if (us < 0)
        us = 0;
    while (us >> shift >= 2 * FINE)
        shift++;
    long bucket = shift * FINE + (us >> shift);
    buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    total++;
}

/* Return the latency that a share of the events did not exceed, or 0 without events. */
long long latency_at(double share)
{
    long wanted = (long)(share * total), passed = 0;
    if (!total)
        return 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        passed += buckets[bucket];
        if (passed > wanted || passed == total) {
            int shift = bucket < 2 * FINE ? 0 : bucket / FINE - 1;
            return (long long)(bucket - shift * FINE) << shift;
        }
    }
    return 0;
}
