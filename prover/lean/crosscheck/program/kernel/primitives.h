/* The constants that kernels know by name: those they compute with, and the types of literals. */
#ifndef LEANSIEVE_PRIMITIVES_H
#define LEANSIEVE_PRIMITIVES_H
#include "declarations.h"

bool is_known_to_kernels(object *name);
/* Whether the kernel evaluates applications of this constant by running compiled code. */
bool computes_with_code(object *name);
/* Whether the types of the literals in the export so far are declared as in Lean. */
bool literals_have_types(reading *r);

/* Of declarations.c. */
bool stop(reading *r, enum outcome outcome, const char *why);
object *constant(const reading *r, object *name);
bool same_names(object *a, object *b);
#endif
