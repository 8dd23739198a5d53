/* One line of JSON as a flat array of values. A line is rejected if it is not strict JSON, too deep or too long. */
#ifndef LEANSIEVE_JSON_H
#define LEANSIEVE_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };
enum { JSON_DEPTH = 16, JSON_VALUES = 1 << 20 };

typedef struct {
    uint8_t kind;
    uint32_t start, length; /* strings: between the quotes, with escapes */
    uint32_t count;         /* members (objects) or elements (arrays) */
    uint32_t next;          /* the value after this one and its content */
} json_value;

typedef struct {
    const char *text;
    size_t length;
    json_value *values; /* values[0] is the line itself; a member is its key, a string, followed by its value */
    uint32_t used, room;
} json_line;

/* The reason for rejecting the line; NULL if it is well-formed. */
const char *json_parse(json_line *line, const char *text, size_t length);
/* The value of member `key` of object `of`; 0 if there is none, or more than one. */
uint32_t json_member(const json_line *line, uint32_t of, const char *key);
bool json_is(const json_line *line, uint32_t value, const char *text);
/* A natural number up to `most`. */
bool json_natural(const json_line *line, uint32_t value, uint64_t most, uint64_t *result);
/* The decoded bytes of a string, in a buffer that the next call reuses; NULL if an escape or the UTF-8 is wrong. */
const char *json_string(const json_line *line, uint32_t value, size_t *length);
#endif
