/* The constants that kernels know by name: what they compute with, and what literals stand for. */
#ifndef LEANSIEVE_PRIMITIVES_H
#define LEANSIEVE_PRIMITIVES_H
#include "declarations.h"

bool is_known_to_kernels(object *name);
/* Whether the kernel evaluates applications of this constant by running compiled code. */
bool computes_with_code(object *name);
/* Whether the literals that stand in the export so far have their types declared as Lean does. */
bool literals_have_types(reading *r);

/* Of declarations.c. */
bool stop(reading *r, enum outcome outcome, const char *why);
object *constant(const reading *r, object *name);
bool same_names(object *a, object *b);
#endif
