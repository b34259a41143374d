/* One stream: its connection, what it reads, and how it comes back. */
#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* As the browser client, retry.js and transport.js in apps/sse/client/src, for a page that is visible. */
enum { RETRY_MS = 3000, MAX_RETRY_MS = 5000, HEALTHY_MS = 5000, ANSWER_MS = 10000 };
/*
 * A slow stream reads this number of bytes a second. Its kernel keeps few for it, and has segments as on
 * Ethernet: with those of the loopback, the server's kernel would keep megabytes.
 */
enum { SLOW_BYTES = 1024, SLOW_BUFFER = 4096, SLOW_SEGMENT = 1460 };
enum { BUFFER = 1 << 16, HEAD = 4096, DIGITS = 16 };

static const char OK[] = "HTTP/1.1 200";
/* The end of the last read, then what is read now. */
static char buffer[TAIL + BUFFER + 1];
static char *const fresh = buffer + TAIL;

static void watch(struct stream *stream, int operation, unsigned events)
{
    struct epoll_event wanted = {.events = events, .data.ptr = stream};
    if (epoll_ctl(poller, operation, stream->descriptor, &wanted))
        fail_for_system();
}

/* Come back later: after `wait`, and a random part of a delay that doubles at each attempt. */
static void retry(struct stream *stream, long wait)
{
    long delay = stream->retry_ms ? stream->retry_ms : RETRY_MS;
    long most = delay > MAX_RETRY_MS ? delay : MAX_RETRY_MS;
    for (int i = 0; i < stream->attempt && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    stream->attempt++;
    stream->state = WAITING;
    stream->retry_at = milliseconds() + wait + (long)(delay * (0.1 + 0.9 * drand48()));
}

/* The connection is gone, or the server refused and asks to wait. */
static void end(struct stream *stream, const char *reason, long wait)
{
    close(stream->descriptor);
    stream->tail_size = 0;
    if (stream->state == OPEN || stream->state == SLOW) {
        counts.open--;
        counts.ended++;
        counts.last_ended_at = milliseconds();
        if (counts.last_ended_at - stream->opened_at >= HEALTHY_MS)
            stream->attempt = 0;
    } else {
        counts.pending--;
    }
    if (stream->state == SLOW)
        stream->state = LEFT;
    else if (options.retry)
        retry(stream, wait);
    else
        fail(reason, strcspn(reason, "\r"));
}

static int is_slow(const struct stream *stream)
{
    return options.slow && stream->number % options.slow == options.slow - 1;
}

void connect_stream(struct stream *stream)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    server.sin_addr.s_addr = htonl(options.address + stream->number % options.hosts);
    int small = SLOW_BUFFER, segment = SLOW_SEGMENT;
    stream->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (stream->descriptor < 0)
        fail_for_system();
    if (is_slow(stream)) {
        setsockopt(stream->descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        setsockopt(stream->descriptor, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    stream->state = CONNECTING;
    stream->began_at = milliseconds();
    counts.pending++;
    if (connect(stream->descriptor, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) {
        if (errno != ECONNREFUSED)
            fail_for_system();
        counts.unreachable++;
        end(stream, "the server does not listen", 0);
        return;
    }
    watch(stream, EPOLL_CTL_ADD, EPOLLOUT);
}

static void send_request(struct stream *stream)
{
    char request[HEAD];
    const char *place = strstr(options.head, "NUMBER");
    int size = place ? snprintf(request, HEAD, "%.*s%d%s", (int)(place - options.head), options.head,
                                stream->number, place + strlen("NUMBER"))
                     : snprintf(request, HEAD, "%s", options.head);
    if (options.resume && stream->position[0]) /* instead of the empty line */
        size += snprintf(request + size - 2, HEAD - size, "Last-Event-ID: %s\r\n\r\n", stream->position) - 2;
    if (send(stream->descriptor, request, size, MSG_NOSIGNAL) != size) {
        counts.unreachable++;
        end(stream, "the server does not take the request", 0);
        return;
    }
    stream->state = BEGINNING;
    watch(stream, EPOLL_CTL_MOD, EPOLLIN);
}

static void take_refusal(struct stream *stream)
{
    char *header = strcasestr(fresh, "\r\nretry-after:");
    counts.refused++;
    counts.hurried += !header;
    counts.refused_again += stream->refusals++ > 0;
    end(stream, fresh, header ? 1000 * atol(strchr(header, ':') + 1) : 0);
}

/* Read the beginning of the response, whose body is left for read_stream(). */
static void begin(struct stream *stream)
{
    ssize_t size = recv(stream->descriptor, fresh, HEAD, MSG_PEEK);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        counts.unreachable++;
        end(stream, "the server closed a connection without an answer", 0);
        return;
    }
    fresh[size] = 0;
    if (!strstr(fresh, "\r\n\r\n"))
        return;
    if (memcmp(fresh, OK, sizeof OK - 1)) {
        take_refusal(stream);
        return;
    }
    stream->state = OPEN;
    stream->refusals = 0;
    stream->opened_at = milliseconds();
    counts.open++;
    counts.pending--;
    if (is_slow(stream)) {
        stream->state = SLOW;
        watch(stream, EPOLL_CTL_DEL, 0);
    }
}

/* Count an event whose mark is at `mark`: the digits before it are the time at which it was sent. */
static void take_event(struct stream *stream, const char *from, const char *mark, long long now)
{
    long long sent = 0;
    counts.events++;
    if (mark - from < DIGITS)
        return;
    for (const char *digit = mark - DIGITS; digit < mark; digit++)
        if (!isdigit(*digit))
            return;
        else
            sent = sent * 10 + (*digit - '0');
    add_latency(now - sent);
    counts.disordered += sent <= stream->newest;
    stream->newest = sent;
}

/* Keep the value of the last whole line that begins with `field`. */
static int last_value(char *from, const char *field, char *value, int room)
{
    char *found = NULL;
    for (char *at = from; (at = strstr(at, field)); at++)
        if (strchr(at + 1, '\n'))
            found = at + strlen(field);
    if (!found)
        return 0;
    snprintf(value, room, "%.*s", (int)strcspn(found, "\r\n"), found);
    return 1;
}

static void read_fields(struct stream *stream, char *from)
{
    char milliseconds[20];
    last_value(from, "\nid: ", stream->position, POSITION);
    if (last_value(from, "retry: ", milliseconds, sizeof milliseconds))
        stream->retry_ms = atol(milliseconds);
}

static void read_stream(struct stream *stream)
{
    char *from = fresh - stream->tail_size;
    ssize_t size = recv(stream->descriptor, fresh, BUFFER, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        end(stream, "the server ended a stream", 0);
        return;
    }
    char *until = fresh + size;
    long long now = microseconds();
    *until = 0;
    memcpy(from, stream->tail, stream->tail_size);
    counts.bytes += size;
    for (char *at = fresh; (at = memchr(at, options.mark, until - at)); at++)
        take_event(stream, from, at, now);
    if (options.retry)
        read_fields(stream, from);
    stream->tail_size = until - from < TAIL ? until - from : TAIL;
    memcpy(stream->tail, until - stream->tail_size, stream->tail_size);
}

void read_slowly(struct stream *stream)
{
    ssize_t size = recv(stream->descriptor, fresh, SLOW_BYTES, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN))
        end(stream, "", 0);
}

void give_up_when_late(struct stream *stream, long now)
{
    if ((stream->state == CONNECTING || stream->state == BEGINNING) && now - stream->began_at >= ANSWER_MS) {
        counts.given_up++;
        end(stream, "", 0);
    }
}

void handle_stream(struct stream *stream)
{
    if (stream->state == CONNECTING)
        send_request(stream);
    else if (stream->state == BEGINNING)
        begin(stream);
    else if (stream->state == OPEN)
        read_stream(stream);
}
