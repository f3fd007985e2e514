/* A provider that answers at once: OpenAI chat completions on any path, Anthropic messages on .../messages.
 * Streams are paced by the prompt: "pace=MS" is the pause between events, "events=N" how many there are.
 * Usage: provider PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

typedef struct {
    char *in;
    size_t used, room;
    int streaming, anthropic, left;
    long pace_ms, next_ms;
} conn;

static conn *conns[MAX_FD];
static int active[MAX_FD], active_count;
static char json_openai[2048], json_anthropic[2048];

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void send_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t sent = write(fd, data, size);
        if (sent < 0) {
            if (errno == EAGAIN) continue;
            return;
        }
        data += sent;
        size -= sent;
    }
}

static int event(char *out, const char *text) {
    return sprintf(out, "%zx\r\n%s\r\n", strlen(text), text);
}

#define CHUNK "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\","

static void next_event(int fd, conn *c);

/* Head, opening events and the first content at once: gateways may hold a stream back until real content comes. */
static void begin_stream(int fd, conn *c) {
    char out[2048];
    int size = sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    if (c->anthropic) {
        size += event(out + size, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","
            "\"role\":\"assistant\",\"model\":\"claude\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
            "\"usage\":{\"input_tokens\":500,\"output_tokens\":1}}}\n\n");
        size += event(out + size, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
            "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
    } else {
        size += event(out + size, CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    }
    send_all(fd, out, size);
    next_event(fd, c);
}

static void next_event(int fd, conn *c) {
    char out[2048];
    int size = 0;
    if (c->anthropic)
        size += event(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            "\"delta\":{\"type\":\"text_delta\",\"text\":\" a few more words\"}}\n\n");
    else
        size += event(out, CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" a few more words\"},\"finish_reason\":null}]}\n\n");
    if (--c->left <= 0) {
        if (c->anthropic) {
            size += event(out + size, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
            size += event(out + size, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                "\"stop_sequence\":null},\"usage\":{\"output_tokens\":60}}\n\n");
            size += event(out + size, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        } else {
            size += event(out + size, CHUNK "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
            size += event(out + size, CHUNK "\"choices\":[],\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":60,\"total_tokens\":560}}\n\n");
            size += event(out + size, "data: [DONE]\n\n");
        }
        size += sprintf(out + size, "0\r\n\r\n");
        c->streaming = 0;
    }
    send_all(fd, out, size);
}

static long number_after(const char *text, size_t size, const char *word, long fallback) {
    char *found = memmem(text, size, word, strlen(word));
    return found ? atol(found + strlen(word)) : fallback;
}

static void answer(int fd, conn *c, const char *head, size_t head_size, const char *body, size_t body_size) {
    c->anthropic = memmem(head, head_size > 200 ? 200 : head_size, "/messages", 9) != NULL;
    int streams = memmem(body, body_size, "\"stream\":true", 13) || memmem(body, body_size, "\"stream\": true", 14);
    if (!streams) {
        const char *json = c->anthropic ? json_anthropic : json_openai;
        send_all(fd, json, strlen(json));
        return;
    }
    c->pace_ms = number_after(body, body_size, "pace=", 5);
    c->left = number_after(body, body_size, "events=", 60);
    c->streaming = 1;
    begin_stream(fd, c);
    c->next_ms = now_ms() + c->pace_ms;
    active[active_count++] = fd;
}

static void drop(int fd) {
    conn *c = conns[fd];
    conns[fd] = NULL;
    for (int i = 0; i < active_count; i++)
        if (active[i] == fd) { active[i] = active[--active_count]; break; }
    free(c->in);
    free(c);
    close(fd);
}

static void readable(int fd) {
    conn *c = conns[fd];
    for (;;) {
        if (c->room - c->used < 65536) c->in = realloc(c->in, c->room = c->room * 2 + 65536);
        ssize_t got = read(fd, c->in + c->used, c->room - c->used);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) { drop(fd); return; }
        c->used += got;
    }
    for (;;) {
        char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
        if (!end) return;
        size_t head = end + 4 - c->in, body = 0;
        for (char *line = c->in; line < end; line++)
            if (*line == '\n' && !strncasecmp(line + 1, "content-length:", 15)) body = atol(line + 16);
        if (c->used < head + body) return;
        answer(fd, c, c->in, head, c->in + head, body);
        memmove(c->in, c->in + head + body, c->used - head - body);
        c->used -= head + body;
        if (!c->used) return;
    }
}

static void prepare(void) {
    char body[1024];
    int n = sprintf(body, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":500,"
        "\"completion_tokens\":60,\"total_tokens\":560}}", "The answer is forty-two, as it has always been; what remains is to find out which question it belongs to. "
        "Many have tried, most have given up, and a few have started a company instead, which is a way of asking as well. Do you want the long version?");
    sprintf(json_openai, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", n, body);
    n = sprintf(body, "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
        "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":500,\"output_tokens\":60}}",
        "The answer is forty-two, as it has always been; what remains is to find out which question it belongs to. "
        "Many have tried, most have given up, and a few have started a company instead, which is a way of asking as well.");
    sprintf(json_anthropic, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", n, body);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {MAX_FD, MAX_FD};
    setrlimit(RLIMIT_NOFILE, &files);
    prepare();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) { perror("listen"); return 1; }
    int poll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, found[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int count = epoll_wait(poll, found, 512, active_count ? 1 : 1000);
        for (int i = 0; i < count; i++) {
            int fd = found[i].data.fd;
            if (fd != listener) { if (conns[fd]) readable(fd); continue; }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                conns[fd] = calloc(1, sizeof(conn));
                wanted.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
            }
        }
        long now = now_ms();
        for (int i = 0; i < active_count; i++) {
            conn *c = conns[active[i]];
            if (now < c->next_ms) continue;
            next_event(active[i], c);
            c->next_ms += c->pace_ms;
            if (!c->streaming) active[i--] = active[--active_count];
        }
    }
}
