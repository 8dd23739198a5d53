/* The names, levels and expressions of one export, by number. */
#ifndef LEANSIEVE_TABLES_H
#define LEANSIEVE_TABLES_H
#include "json.h"
#include "../kernel/lean.h"

enum {
    MOST_ENTRIES = 8 << 20,      /* names, levels or expressions of an export, each */
    MOST_BOUND = 1 << 16,        /* index of a bound variable, and binders around one */
    MOST_EXPRESSION_DEPTH = 20000,
    MOST_LEVEL_DEPTH = 1000,
    MOST_NAME_DEPTH = 1000,
    MOST_DIGITS = 1 << 17        /* of a number's literal */
};

typedef struct {
    object **of;
    uint32_t *depth;
    uint32_t *loose; /* expressions: one more than the largest free index of a bound variable */
    uint32_t used, room;
} table;

typedef struct {
    table names, levels, expressions;
    bool natural_literals, string_literals; /* whether the text so far has one */
} tables;

/* Prepares the tables for an export; entry 0 of names and levels is the anonymous name and zero. */
bool tables_begin(tables *t);
void tables_clear(tables *t);
/* Reads a line that makes an entry; `known` returns whether it is one. Returns the reason for rejecting it, or NULL. */
const char *tables_read(tables *t, const json_line *line, bool *known);

/* Borrowed entries; NULL if the value is not the number of an entry. An expression of a declaration has no loose variables. */
object *tables_name(const tables *t, const json_line *line, uint32_t value);
object *tables_closed(const tables *t, const json_line *line, uint32_t value);
/* A new list of names; NULL if an element is not a name. */
object *tables_names(const tables *t, const json_line *line, uint32_t value);
#endif
