/*
 * The load client: opens many event streams and counts the events that arrive.
 *
 *     client PORT HEAD MARK
 *
 * Each stream is a connection to PORT of the loopback that sends HEAD, a complete request. An event
 * is counted when its MARK arrives, a byte that occurs once in each event and nowhere else. So reads
 * may split events anywhere.
 *
 * A line "STREAMS EVENTS MILLISECONDS" on the standard input requests a number of streams and a total
 * number of events. The response is "STREAMS EVENTS" when they have arrived, or with the numbers
 * reached at the timeout; or "failed: " and the reason, once, when a stream is refused or ends. The
 * end of the input ends the client.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 16, BATCH = 1024, BUFFER = 1 << 16 };

static const char OK[] = "HTTP/1.1 200";

static struct sockaddr_in server;
static const char *head;
static char mark;
static int poller;
static char *is_open; /* by descriptor */
static long started, opened, events;
static long wanted_streams, wanted_events, deadline;
static int is_requested;
static char buffer[BUFFER];

static void fail(const char *reason, int length)
{
    printf("failed: %.*s\n", length, reason);
    exit(1);
}

static void fail_for_system(void)
{
    fail(strerror(errno), 100);
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch(int descriptor)
{
    struct epoll_event readable = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &readable))
        fail_for_system();
}

static void start_stream(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&server, sizeof server))
        fail_for_system();
    if (write(descriptor, head, strlen(head)) != (ssize_t)strlen(head))
        fail_for_system();
    watch(descriptor);
    started++;
}

/* Return whether the response has begun; fail if the server refused. */
static int begins(int descriptor)
{
    ssize_t size = recv(descriptor, buffer, BUFFER, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0 && size < (ssize_t)sizeof OK - 1)
        return 0;
    if (size > 0 && memcmp(buffer, OK, sizeof OK - 1))
        fail(buffer, strcspn(buffer, "\r"));
    is_open[descriptor] = 1;
    opened++;
    return 1;
}

static void read_stream(int descriptor)
{
    if (!is_open[descriptor] && !begins(descriptor))
        return;
    ssize_t size = recv(descriptor, buffer, BUFFER, MSG_DONTWAIT);
    if (size == 0)
        fail("the server ended a stream", 100);
    if (size < 0 && errno != EAGAIN)
        fail_for_system();
    for (char *at = buffer; size > 0 && (at = memchr(at, mark, buffer + size - at)); at++)
        events++;
}

static void take_question(void)
{
    char line[100];
    long patience;
    ssize_t size = read(0, line, sizeof line - 1);
    if (size <= 0)
        exit(0);
    line[size] = 0;
    if (sscanf(line, "%ld %ld %ld", &wanted_streams, &wanted_events, &patience) != 3)
        fail("the question is not STREAMS EVENTS MILLISECONDS", 100);
    deadline = milliseconds() + patience;
    is_requested = 1;
}

static void answer_when_due(void)
{
    if (!is_requested || ((opened < wanted_streams || events < wanted_events) && milliseconds() < deadline))
        return;
    printf("%ld %ld\n", opened, events);
    fflush(stdout);
    is_requested = 0;
}

int main(int count, char **arguments)
{
    if (count != 4)
        fail("usage: client PORT HEAD MARK", 100);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(arguments[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    head = arguments[2];
    mark = arguments[3][0];
    poller = epoll_create1(0);
    is_open = calloc(sysconf(_SC_OPEN_MAX), 1);
    watch(0);
    for (;;) {
        struct epoll_event ready[BATCH];
        long patience = is_requested ? deadline - milliseconds() : -1;
        int size = epoll_wait(poller, ready, BATCH, is_requested && patience < 0 ? 0 : (int)patience);
        for (int i = 0; i < size; i++)
            ready[i].data.fd ? read_stream(ready[i].data.fd) : take_question();
        while (started < wanted_streams && started - opened < AT_ONCE)
            start_stream();
        answer_when_due();
    }
}
