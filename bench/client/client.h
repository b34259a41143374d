/* What the files of the load client share; main.c describes the program. */
#ifndef CLIENT_H
#define CLIENT_H

enum { TAIL = 256, POSITION = 64 };

enum state { UNUSED, CONNECTING, BEGINNING, OPEN, SLOW, WAITING, LEFT };

struct stream {
    enum state state;
    int number, descriptor;
    int attempt;  /* since it was last open for a while */
    int refusals; /* since it was last open */
    long retry_ms, retry_at, began_at, opened_at;
    long long newest; /* when its newest event was sent, in microseconds */
    int tail_size;
    char tail[TAIL]; /* the end of what was read: an event may be split anywhere */
    char position[POSITION];
};

struct options {
    unsigned address; /* of the first host */
    int hosts;        /* the number of hosts, with consecutive addresses */
    int port;
    const char *head; /* a request; NUMBER in it is replaced by the number of the stream */
    char mark;        /* occurs once in each event, after the time at which it was sent */
    int slow;         /* one stream in this number is slow; 0: none */
    int retry;        /* whether streams that end come back, as the browser client does */
    int at_once;      /* the most connections that wait for an answer while streams are opened */
    int resume;       /* whether they do so with their position */
};

struct counts {
    long started, open, pending, events, bytes, disordered;
    long ended, last_ended_at;           /* streams that were open */
    long unreachable;                    /* attempts that got no connection, or no answer on it */
    long given_up;                       /* attempts without an answer for too long */
    long refused, hurried, refused_again; /* answers other than 200; without Retry-After; not the first */
};

extern struct options options;
extern struct counts counts;

void fail(const char *reason, int length);
void fail_for_system(void);
long milliseconds(void);
long long microseconds(void);

void connect_stream(struct stream *stream);
void handle_stream(struct stream *stream);
void read_slowly(struct stream *stream);
void give_up_when_late(struct stream *stream, long now);

void forget_latencies(void);
void add_latency(long long us);
long long latency_at(double share);

extern int poller;
#endif
