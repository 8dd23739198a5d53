#include "json.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    json_line *line;
    size_t at;
    const char *why;
} reader;

static int peek(const reader *r) { return r->at < r->line->length ? (unsigned char)r->line->text[r->at] : -1; }
static void skip(reader *r) {
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\r') r->at++;
}
static bool fail(reader *r, const char *why) {
    if (!r->why) r->why = why;
    return false;
}

static bool new_value(reader *r, enum json_kind kind, uint32_t *index) {
    json_line *l = r->line;
    if (l->used == JSON_VALUES) return fail(r, "too many values in a line");
    if (l->used == l->room) {
        uint32_t room = l->room ? 2 * l->room : 256;
        json_value *values = realloc(l->values, room * sizeof *values);
        if (!values) return fail(r, "no memory for a line");
        l->values = values;
        l->room = room;
    }
    *index = l->used++;
    l->values[*index] = (json_value){.kind = (uint8_t)kind, .start = (uint32_t)r->at};
    return true;
}

static bool scan_string(reader *r, uint32_t *index) {
    r->at++;
    if (!new_value(r, JSON_STRING, index)) return false;
    for (;; r->at++) {
        int c = peek(r);
        if (c < 0x20) return fail(r, "a string without its end");
        if (c == '"') break;
        if (c == '\\' && ++r->at >= r->line->length) return fail(r, "a string without its end");
    }
    json_value *v = &r->line->values[*index];
    v->length = (uint32_t)(r->at++ - v->start);
    v->next = r->line->used;
    return true;
}

static bool scan_word(reader *r, const char *word, enum json_kind kind) {
    size_t length = strlen(word);
    uint32_t index;
    if (r->line->length - r->at < length || memcmp(r->line->text + r->at, word, length) != 0) return fail(r, "no JSON value");
    if (!new_value(r, kind, &index)) return false;
    r->at += length;
    r->line->values[index].length = (uint32_t)length;
    r->line->values[index].next = r->line->used;
    return true;
}

static bool scan_number(reader *r) {
    uint32_t index;
    if (!new_value(r, JSON_NUMBER, &index)) return false;
    size_t start = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') r->at++;
    if (r->at == start) return fail(r, "no JSON value");
    if (r->line->text[start] == '0' && r->at > start + 1) return fail(r, "a number with a leading zero");
    r->line->values[index].length = (uint32_t)(r->at - start);
    r->line->values[index].next = r->line->used;
    return true;
}

static bool scan(reader *r, unsigned depth) {
    skip(r);
    int c = peek(r);
    uint32_t index, key;
    if (c == '"') return scan_string(r, &index);
    if (c == 't') return scan_word(r, "true", JSON_TRUE);
    if (c == 'f') return scan_word(r, "false", JSON_FALSE);
    if (c == 'n') return scan_word(r, "null", JSON_NULL);
    if (c != '{' && c != '[') return scan_number(r);
    if (depth == JSON_DEPTH) return fail(r, "too deep");
    int end = c == '{' ? '}' : ']';
    if (!new_value(r, c == '{' ? JSON_OBJECT : JSON_ARRAY, &index)) return false;
    r->at++;
    skip(r);
    uint32_t count = 0;
    while (peek(r) != end) {
        if (count && peek(r) != ',') return fail(r, "no comma where one belongs");
        if (count) r->at++;
        if (c == '{') {
            skip(r);
            if (peek(r) != '"' || !scan_string(r, &key)) return fail(r, "a member without a name");
            skip(r);
            if (peek(r) != ':') return fail(r, "a member without a value");
            r->at++;
        }
        if (!scan(r, depth + 1)) return false;
        count++;
        skip(r);
    }
    r->at++;
    r->line->values[index].count = count;
    r->line->values[index].next = r->line->used;
    return true;
}

const char *json_parse(json_line *line, const char *text, size_t length) {
    if (length > UINT32_MAX / 2) return "a line is too long";
    line->text = text;
    line->length = length;
    line->used = 0;
    reader r = {.line = line};
    if (!scan(&r, 0)) return r.why;
    skip(&r);
    return r.at == length ? NULL : "something stands after the value";
}

bool json_is(const json_line *line, uint32_t value, const char *text) {
    const json_value *v = &line->values[value];
    return v->kind == JSON_STRING && v->length == strlen(text) && memcmp(line->text + v->start, text, v->length) == 0;
}

uint32_t json_member(const json_line *line, uint32_t of, const char *key) {
    const json_value *v = &line->values[of];
    if (v->kind != JSON_OBJECT) return 0;
    uint32_t at = of + 1, found = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        if (json_is(line, at, key)) {
            if (found) return 0;
            found = at + 1;
        }
        at = line->values[at + 1].next;
    }
    return found;
}

bool json_natural(const json_line *line, uint32_t value, uint64_t most, uint64_t *result) {
    const json_value *v = &line->values[value];
    if (!value || v->kind != JSON_NUMBER || v->length > 18) return false;
    uint64_t n = 0;
    for (uint32_t i = 0; i < v->length; i++) n = n * 10 + (uint64_t)(line->text[v->start + i] - '0');
    *result = n;
    return n <= most;
}

static bool hex(const char *s, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return false;
        *code = *code * 16 + (uint32_t)digit;
    }
    return true;
}

/* The length of the UTF-8 character at `s`, 0 if it is none. */
static size_t character(const unsigned char *s, size_t left) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xc0 && s[0] < 0xe0 ? 2 : 0;
    if (n == 0 || n > left) return 0;
    uint32_t code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        code = (code << 6) | (s[i] & 0x3f);
    }
    return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

static size_t put(char *out, uint32_t code) {
    if (code < 0x80) return out[0] = (char)code, 1;
    if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 0x3f)), 2;
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 0x3f)), out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f)), out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

const char *json_string(const json_line *line, uint32_t value, size_t *length) {
    static char *buffer;
    static size_t room;
    const json_value *v = &line->values[value];
    if (!value || v->kind != JSON_STRING) return NULL;
    if (room < v->length + 5u) {
        char *larger = realloc(buffer, 2 * (v->length + 5u));
        if (!larger) return NULL;
        buffer = larger;
        room = 2 * (v->length + 5u);
    }
    const char *s = line->text + v->start, *end = s + v->length;
    size_t n = 0;
    while (s < end) {
        if (*s != '\\') {
            size_t bytes = character((const unsigned char *)s, (size_t)(end - s));
            if (bytes == 0) return NULL;
            memcpy(buffer + n, s, bytes);
            n += bytes;
            s += bytes;
            continue;
        }
        static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
        const char *simple = s[1] ? strchr(names, s[1]) : NULL;
        if (simple) {
            buffer[n++] = means[simple - names];
            s += 2;
            continue;
        }
        uint32_t code, low;
        if (s[1] != 'u' || end - s < 6 || !hex(s + 2, &code)) return NULL;
        s += 6;
        if (code >= 0xd800 && code < 0xdc00) {
            if (end - s < 6 || s[0] != '\\' || s[1] != 'u' || !hex(s + 2, &low) || low < 0xdc00 || low >= 0xe000) return NULL;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
        } else if (code >= 0xdc00 && code < 0xe000) return NULL;
        n += put(buffer + n, code);
    }
    buffer[n] = 0;
    *length = n;
    return buffer;
}
