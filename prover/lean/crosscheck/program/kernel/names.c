#include "names.h"

/* The last part of a name, as in a JSON string. */
static void write_part(FILE *out, object *name) {
    object *part = field(name, 1);
    if (name->tag == 2) {
        fprintf(out, "%zu", is_scalar(part) ? unbox(part) : 0);
        return;
    }
    for (const unsigned char *s = (const unsigned char *)string_bytes(part); *s; s++) {
        if (*s < 0x20 || *s == '"' || *s == '\\') fprintf(out, "\\u%04x", *s);
        else fputc(*s, out);
    }
}

void name_write_dotted(FILE *out, object *name) {
    object *before = field(name, 0);
    if (!is_scalar(before)) {
        name_write_dotted(out, before);
        fputc('.', out);
    }
    write_part(out, name);
}

void name_write(FILE *out, object *name) {
    fputc('"', out);
    if (name && !is_scalar(name)) name_write_dotted(out, name);
    fputc('"', out);
}

static void write_parts(FILE *out, object *name) {
    object *before = field(name, 0);
    if (!is_scalar(before)) {
        write_parts(out, before);
        fputc(',', out);
    }
    if (name->tag == 1) fputc('"', out);
    write_part(out, name);
    if (name->tag == 1) fputc('"', out);
}

void name_append(FILE *names, object *name) {
    fputs(ftell(names) > 0 ? ",[" : "[", names);
    write_parts(names, name);
    fputc(']', names);
}
