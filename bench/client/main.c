/*
 * The load client: opens many event streams, counts the events that arrive, and measures their latency.
 *
 *     client ADDRESS PORT HEAD MARK [hosts=N] [slow=N] [retry=1] [resume=1] [at_once=N]
 *
 * Each stream is a connection to PORT of ADDRESS, or of the N addresses from there on in turn, that sends
 * HEAD, a complete request. An event is counted when its MARK arrives, a byte that occurs once in each
 * event and nowhere else. The 16 digits before it are the time at which it was sent, on the clock of this
 * machine that only moves forward.
 *
 * Lines on the standard input are questions. Each answer is a line of JSON. The end of the input ends
 * the client.
 *
 *     wait STREAMS EVENTS MILLISECONDS   the counts, when so many streams are open and so many events
 *                                        have arrived, or at the timeout
 *     forget                             the counts; latencies are measured from now on
 *     times                              the times at which streams were opened, in ms
 *
 * If a stream is refused or ends, the client ends with a reason, {"failed": "…"}; with retry=1 the
 * stream comes back, and with resume=1 it sends the id of its newest event. With slow=N each Nth stream
 * reads 1 KiB a second; its events are not counted.
 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 1024, TICK_MS = 5, SLOW_MS = 1000 };

struct options options = {.at_once = 16, .hosts = 1};
struct counts counts;
int poller;

static struct stream *streams;
static long wanted_streams, wanted_events, deadline;
static int is_waiting;

void fail(const char *reason, int length)
{
    printf("{\"failed\": \"%.*s\"}\n", length, reason);
    exit(1);
}

void fail_for_system(void)
{
    fail(strerror(errno), 100);
}

long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

long milliseconds(void)
{
    return microseconds() / 1000;
}

static void answer(void)
{
    printf("{\"open\": %ld, \"events\": %ld, \"bytes\": %ld, \"disordered\": %ld, \"ended\": %ld, ", counts.open,
           counts.events, counts.bytes, counts.disordered, counts.ended);
    printf("\"last_ended_at\": %ld, \"unreachable\": %ld, \"given_up\": %ld, \"refused\": %ld, \"hurried\": %ld, ",
           counts.last_ended_at, counts.unreachable, counts.given_up, counts.refused, counts.hurried);
    printf("\"refused_again\": %ld, \"median\": %.3f, \"p99\": %.3f}\n", counts.refused_again,
           latency_at(0.5) / 1000.0, latency_at(0.99) / 1000.0);
    fflush(stdout);
}

static void answer_times(void)
{
    printf("[");
    for (long i = 0; i < counts.started; i++)
        printf("%s%ld", i ? ", " : "", streams[i].opened_at);
    printf("]\n");
    fflush(stdout);
}

static void take_question(void)
{
    char line[100];
    long patience;
    ssize_t size = read(0, line, sizeof line - 1);
    if (size <= 0)
        exit(0);
    line[size] = 0;
    if (!strcmp(line, "times\n")) {
        answer_times();
    } else if (!strcmp(line, "forget\n")) {
        forget_latencies();
        answer();
    } else if (sscanf(line, "wait %ld %ld %ld", &wanted_streams, &wanted_events, &patience) == 3) {
        if (wanted_streams > sysconf(_SC_OPEN_MAX))
            fail("more streams than this process may open files: raise its limit", 100);
        deadline = milliseconds() + patience;
        is_waiting = 1;
    } else {
        fail("a question is not understood", 100);
    }
}

static void answer_when_due(void)
{
    if (!is_waiting)
        return;
    if (milliseconds() < deadline && (counts.open < wanted_streams || counts.events < wanted_events))
        return;
    is_waiting = 0;
    answer();
}

static void open_more(void)
{
    while (counts.started < wanted_streams && counts.pending < options.at_once) {
        struct stream *stream = &streams[counts.started];
        stream->number = counts.started++;
        connect_stream(stream);
    }
}

/* Open streams again whose delay is over, give late ones up, and read from the slow ones. */
static void tick(void)
{
    static long next, next_slow;
    long now = milliseconds();
    if (now < next)
        return;
    next = now + TICK_MS;
    for (long i = 0; options.retry && i < counts.started; i++) {
        give_up_when_late(&streams[i], now);
        if (streams[i].state == WAITING && streams[i].retry_at <= now)
            connect_stream(&streams[i]);
    }
    for (long i = 0; options.slow && now >= next_slow && i < counts.started; i++)
        if (streams[i].state == SLOW)
            read_slowly(&streams[i]);
    if (now >= next_slow)
        next_slow = now + SLOW_MS;
}

static int patience(void)
{
    if (options.retry || options.slow)
        return TICK_MS;
    long left = deadline - milliseconds();
    return is_waiting ? (left > 0 ? (int)left : 0) : -1;
}

static void read_options(int count, char **arguments)
{
    if (count < 5)
        fail("usage: client ADDRESS PORT HEAD MARK [OPTION=NUMBER …]", 100);
    options.address = ntohl(inet_addr(arguments[1]));
    options.port = atoi(arguments[2]);
    options.head = arguments[3];
    options.mark = arguments[4][0];
    for (int i = 5; i < count; i++) {
        sscanf(arguments[i], "hosts=%d", &options.hosts);
        sscanf(arguments[i], "slow=%d", &options.slow);
        sscanf(arguments[i], "retry=%d", &options.retry);
        sscanf(arguments[i], "resume=%d", &options.resume);
        sscanf(arguments[i], "at_once=%d", &options.at_once);
    }
}

int main(int count, char **arguments)
{
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    read_options(count, arguments);
    poller = epoll_create1(0);
    streams = calloc(sysconf(_SC_OPEN_MAX), sizeof *streams);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input))
        fail_for_system();
    for (;;) {
        struct epoll_event ready[BATCH];
        int size = epoll_wait(poller, ready, BATCH, patience());
        for (int i = 0; i < size; i++)
            ready[i].data.ptr ? handle_stream(ready[i].data.ptr) : take_question();
        tick();
        open_more();
        answer_when_due();
    }
}
