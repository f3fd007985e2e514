/* Sends one request over and over and tells, as JSON, how it went.
 * Usage: load closed  PORT CONNECTIONS SECONDS REQUEST_FILE   as fast as it goes
 *        load rate    PORT RPS         SECONDS REQUEST_FILE   at a fixed rate; latency counts from when it was due
 *        load streams PORT CONNECTIONS SECONDS REQUEST_FILE   streamed answers, one after the other per connection
 *        load idle    PORT CONNECTIONS SECONDS REQUEST_FILE   one request each, then silence */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536
#define MAX_SAMPLES 4000000

typedef struct {
    double due, sent_at;
    size_t unsent, need;
    int busy, in_body, chunked, first, newline;
    size_t head_used;
    char head[16384], tail[8];
} conn;

static conn *conns[MAX_FD];
static int fds[MAX_FD], fd_count, port, poll_fd;
static char *request;
static size_t request_size;
static long done, failed, events, status_bad;
static double *latency, *first_byte;
static long latency_count, first_count;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int open_one(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&at, sizeof at)) { perror("connect"); exit(1); }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    conns[fd] = calloc(1, sizeof(conn));
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &wanted);
    return fd;
}

static void push(int fd) {
    conn *c = conns[fd];
    while (c->unsent) {
        ssize_t sent = send(fd, request + request_size - c->unsent, c->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) break;
        c->unsent -= sent;
    }
    struct epoll_event wanted = {.events = EPOLLIN | (c->unsent ? EPOLLOUT : 0), .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &wanted);
}

static void begin(int fd, double due) {
    conn *c = conns[fd];
    c->due = due;
    c->sent_at = now();
    c->busy = c->first = 1;
    c->in_body = 0;
    c->head_used = 0;
    c->unsent = request_size;
    ssize_t sent = send(fd, request, request_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) c->unsent -= sent;
    if (c->unsent) push(fd);
}

static void sample(double **list, long *count, double value) {
    if (*count < MAX_SAMPLES) (*list)[(*count)++] = value;
}

/* Takes bytes of an answer; 1 when it is complete. */
static int take(conn *c, char *data, ssize_t size) {
    if (!c->in_body) {
        size_t fits = sizeof c->head - c->head_used;
        size_t copy = (size_t)size < fits ? (size_t)size : fits;
        memcpy(c->head + c->head_used, data, copy);
        char *end = memmem(c->head, c->head_used + copy, "\r\n\r\n", 4);
        if (!end) { c->head_used += copy; return 0; }
        if (strncmp(c->head + 9, "200", 3)) status_bad++;
        size_t head = end + 4 - c->head, skip = head - c->head_used;
        c->chunked = 1;
        for (char *line = c->head; line < end; line++)
            if (*line == '\n' && !strncasecmp(line + 1, "content-length:", 15)) { c->chunked = 0; c->need = atol(line + 16); }
        c->in_body = 1;
        memset(c->tail, 0, sizeof c->tail);
        data += skip;
        size -= skip;
    }
    if (!c->chunked) { c->need -= size; return c->need == 0; }
    if (size && c->first) { c->first = 0; sample(&first_byte, &first_count, now() - c->sent_at); }
    for (ssize_t i = 0; i < size; i++) {
        if (data[i] == '\n' && c->newline) { events++; c->newline = 0; }
        else c->newline = data[i] == '\n';
    }
    for (ssize_t i = size > 5 ? size - 5 : 0; i < size; i++) { memmove(c->tail, c->tail + 1, 4); c->tail[4] = data[i]; }
    return !memcmp(c->tail, "0\r\n\r\n", 5);
}

static int by_size(const void *a, const void *b) {
    double x = *(double *)a, y = *(double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(double *list, long count, double p) {
    return count ? list[(long)((count - 1) * p)] * 1e6 : 0;
}

int main(int argc, char **argv) {
    if (argc != 6) { fprintf(stderr, "usage: load closed|rate|streams|idle PORT N SECONDS REQUEST_FILE\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {MAX_FD, MAX_FD};
    setrlimit(RLIMIT_NOFILE, &files);
    const char *mode = argv[1];
    port = atoi(argv[2]);
    long n = atol(argv[3]);
    double seconds = atof(argv[4]);
    FILE *file = fopen(argv[5], "rb");
    request = malloc(4 << 20);
    request_size = fread(request, 1, 4 << 20, file);
    latency = malloc(sizeof(double) * MAX_SAMPLES);
    first_byte = malloc(sizeof(double) * MAX_SAMPLES);
    poll_fd = epoll_create1(0);
    int rate = !strcmp(mode, "rate"), idle = !strcmp(mode, "idle"), streams = !strcmp(mode, "streams");
    long wanted = rate ? 16 : n;
    double start = now(), end;
    for (long i = 0; i < wanted; i++) {
        fds[fd_count++] = open_one();
        if (!rate && !streams) begin(fds[i], now());
    }
    double opened = start = now(), spread = streams ? 1.0 : 0, due = start;
    end = start + seconds;
    long begun = streams ? 0 : wanted;
    static char data[1 << 18];
    struct epoll_event found[1024];
    while (now() < end) {
        while (streams && begun < wanted && now() - opened >= spread * begun / wanted) begin(fds[begun++], now());
        while (rate && due <= now()) {
            for (int i = 0; i < fd_count; i++)
                if (!conns[fds[i]]->busy) { begin(fds[i], due); break; }
                else if (i == fd_count - 1) failed++;
            due += 1.0 / n;
        }
        /* Asleep while nothing is due: the provider lives on this core too. */
        double wait_ms = rate ? (due - now()) * 1000 : begun < wanted ? 1 : 100;
        int count = epoll_wait(poll_fd, found, 1024, wait_ms > 0 ? (int)wait_ms : 0);
        for (int i = 0; i < count; i++) {
            int fd = found[i].data.fd;
            conn *c = conns[fd];
            if (found[i].events & EPOLLOUT) push(fd);
            if (!(found[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t got = recv(fd, data, sizeof data, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) {
                failed++;
                close(fd);
                for (int k = 0; k < fd_count; k++)
                    if (fds[k] == fd) { free(c); conns[fd] = NULL; fds[k] = open_one(); if (!rate) begin(fds[k], now()); break; }
                continue;
            }
            if (!take(c, data, got)) continue;
            done++;
            c->busy = 0;
            sample(&latency, &latency_count, now() - c->due);
            if (!rate && !idle) begin(fd, now());
        }
    }
    double took = now() - start;
    qsort(latency, latency_count, sizeof(double), by_size);
    qsort(first_byte, first_count, sizeof(double), by_size);
    printf("{\"requests\": %ld, \"failed\": %ld, \"not_200\": %ld, \"events\": %ld, \"seconds\": %.4f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"first_byte_p50_us\": %.1f, \"first_byte_p99_us\": %.1f}\n",
           done, failed, status_bad, events, took, percentile(latency, latency_count, .5), percentile(latency, latency_count, .99),
           percentile(first_byte, first_count, .5), percentile(first_byte, first_count, .99));
    return 0;
}
