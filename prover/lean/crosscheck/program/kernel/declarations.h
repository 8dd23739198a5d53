/* Declarations of an export, added with the kernel's own check; generated constants are compared with those in the export. */
#ifndef LEANSIEVE_DECLARATIONS_H
#define LEANSIEVE_DECLARATIONS_H
#include "../input/tables.h"
#include <stdio.h>

enum outcome { ACCEPTED, REFUSED, RESOURCE, MALFORMED };

typedef struct {
    tables tables;
    object *environment; /* owned */
    bool candidate;      /* must not declare names built into the kernel */
    size_t heartbeats;   /* maximum number of small allocations of one declaration */
    bool naturals, strings, quotients; /* whether the literals' types are declared as Lean does, and quotients */
    FILE *names, *theorems, *axioms; /* of what was added so far, as elements of a JSON list */
    enum outcome outcome;
    object *name;            /* borrowed: name of the current declaration */
    char why[256];
} reading;

/* Adds the declaration on a line; false if it is not accepted, with `outcome`, `name` and `why` set. */
bool declare(reading *r, const json_line *line);
#endif
