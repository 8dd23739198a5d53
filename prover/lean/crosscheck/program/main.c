/* A second kernel: reads exports of Lean declarations (lean4export's NDJSON, format 3) on stdin and has the kernel of a
   libleanshared.so check each declaration. See docs/second-kernel.md for the lines. */
#include "kernel/declarations.h"
#include "kernel/names.h"
#include "sandbox.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_REQUEST = 256 << 20 };

static object *base; /* the environment of the library constants received so far */
static bool base_naturals, base_strings, base_quotients;

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool read_exactly(char *buffer, size_t length) {
    for (size_t at = 0; at < length;) {
        ssize_t n = read(0, buffer + at, length - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

static bool is_format(const json_line *line) {
    uint32_t format = json_member(line, json_member(line, 0, "meta"), "format"), version = json_member(line, format, "version");
    return format && version && line->values[version].kind == JSON_STRING && line->values[version].length >= 2 &&
           memcmp(line->text + line->values[version].start, "3.", 2) == 0;
}

/* Reads all lines of the export; sets the outcome. */
static void read_export(reading *r, json_line *line, const char *text, size_t length, uint32_t *number) {
    for (const char *end = text + length; text < end && r->outcome == ACCEPTED;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text)), *why;
        if (!stop) stop = end;
        ++*number;
        bool known = true;
        if ((why = json_parse(line, text, (size_t)(stop - text)))) r->outcome = MALFORMED;
        else if (*number == 1) {
            if (!is_format(line)) why = "the first line does not name version 3 of lean4export's format", r->outcome = MALFORMED;
        } else if ((why = tables_read(&r->tables, line, &known))) r->outcome = MALFORMED;
        else if (!known) declare(r, line);
        if (why) snprintf(r->why, sizeof r->why, "%s", why);
        text = stop + 1;
    }
}

static void write_text(const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (*s < 0x20 || *s == '"' || *s == '\\') printf("\\u%04x", *s);
        else putchar(*s);
    }
}

static void answer(const char *id, bool candidate, size_t heartbeats, const char *text, size_t length) {
    static const char *const outcomes[] = {"accepted", "refused", "resource", "malformed"};
    static json_line line;
    char *names = NULL, *theorems = NULL, *axioms = NULL;
    size_t bytes[3];
    uint32_t number = 0;
    double start = milliseconds();
    reading r = {.environment = keep(base), .candidate = candidate, .heartbeats = heartbeats, .naturals = base_naturals,
                 .strings = base_strings, .quotients = base_quotients, .names = open_memstream(&names, &bytes[0]),
                 .theorems = open_memstream(&theorems, &bytes[1]), .axioms = open_memstream(&axioms, &bytes[2])};
    if (!r.names || !r.theorems || !r.axioms || !tables_begin(&r.tables)) exit(4);
    read_export(&r, &line, text, length, &number);
    if (number == 0) r.outcome = MALFORMED, snprintf(r.why, sizeof r.why, "the export is empty");
    fclose(r.names);
    fclose(r.theorems);
    fclose(r.axioms);
    printf("{\"id\":%s,\"outcome\":\"%s\",\"names\":[%s],\"theorems\":[%s],\"axioms\":[%s]", id, outcomes[r.outcome], names, theorems, axioms);
    if (r.outcome != ACCEPTED) {
        printf(",\"line\":%u,\"declaration\":", number);
        name_write(stdout, r.name);
        printf(",\"why\":\"");
        write_text(r.why);
        printf("\"");
    }
    printf(",\"ms\":%.3f}\n", milliseconds() - start);
    fflush(stdout);
    if (!candidate) { /* accepted library declarations stay, even if a later one is rejected */
        drop(base);
        base = keep(r.environment);
        base_naturals = r.naturals, base_strings = r.strings, base_quotients = r.quotients;
    }
    drop(r.environment);
    tables_clear(&r.tables);
    free(names);
    free(theorems);
    free(axioms);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s LIBRARY MEMORY_MB\n", argv[0]);
        return 2;
    }
    bound_resources(argv, strtoul(argv[2], NULL, 10));
    kernel_identity kernel = kernel_load(argv[1]);
    base = kernel.environment;
    shut_in();
    printf("{\"lean\":\"%s\",\"githash\":\"%s\"}\n", kernel.version, kernel.githash);
    fflush(stdout);
    char head[128], id[20], kind[12];
    unsigned long length, heartbeats;
    for (;;) { /* `ID library|candidate HEARTBEATS BYTES`, a line, and so many bytes of an export */
        size_t at = 0;
        while (at < sizeof head - 1 && read_exactly(head + at, 1) && head[at] != '\n') at++;
        if (at == 0) return 0;
        head[at] = 0;
        if (sscanf(head, "%18[0-9] %10[a-z] %18lu %18lu", id, kind, &heartbeats, &length) != 4 || length > LONGEST_REQUEST) return 5;
        char *text = malloc(length + 1);
        if (!text || !read_exactly(text, length)) return 4;
        answer(id, strcmp(kind, "library") != 0, heartbeats, text, length);
        free(text);
    }
}
