/* Names as text. */
#ifndef LEANSIEVE_NAMES_H
#define LEANSIEVE_NAMES_H
#include "lean.h"
#include <stdio.h>

/* The parts of a name between dots, as in a JSON string. */
void name_write_dotted(FILE *out, object *name);
/* The same as a whole JSON string; empty for no name. */
void name_write(FILE *out, object *name);
/* Adds a name to a JSON list, as the list of its parts: joined by dots, a part that contains a dot would look like two, and a number like a text. */
void name_append(FILE *names, object *name);
#endif
