#include "declarations.h"
#include "names.h"
#include "primitives.h"
#include <string.h>

bool stop(reading *r, enum outcome outcome, const char *why) {
    r->outcome = outcome;
    snprintf(r->why, sizeof r->why, "%s", why);
    return false;
}

static bool malformed(reading *r, const char *why) { return stop(r, MALFORMED, why); }

/* The messages of kernel exceptions, by constructor, in order. */
static bool refuse(reading *r, object *exception) {
    static const char *const says[] = {
        "it mentions an unknown constant", "it is declared already", "its value does not have the declared type",
        "metavariables are left", "free variables are left", "what is applied is no function", "what stands for a type is none",
        "the value of a let does not have its type", "an expression does not have the type that is expected",
        "an argument does not have the type that the function expects", "a projection that its structure does not have",
        "the type of a theorem is no proposition", "", "the heartbeats ran out", "the memory ran out", "recursion is too deep", "interrupted"};
    enum { UNKNOWN_CONSTANT = 0, OTHER = 12, FIRST_OF_RESOURCES = 13, COUNT = sizeof says / sizeof *says };
    unsigned tag = tag_of(exception);
    stop(r, tag >= FIRST_OF_RESOURCES ? RESOURCE : REFUSED, tag < COUNT ? says[tag] : "the kernel refuses it");
    if (!is_scalar(exception) && tag == OTHER) stop(r, REFUSED, string_bytes(field(exception, 0)));
    if (!is_scalar(exception) && tag == UNKNOWN_CONSTANT) {
        FILE *out = fmemopen(r->why, sizeof r->why, "w");
        if (out) {
            fputs(says[tag], out);
            fputs(": ", out);
            object *part = field(exception, 1);
            if (!is_scalar(part)) name_write_dotted(out, part);
            fclose(out);
            r->why[sizeof r->why - 1] = 0;
        }
    }
    return false;
}

/* Sends `declaration`, of which it takes ownership, to the kernel. */
static bool submit(reading *r, object *declaration) {
    lean_io_set_heartbeats(BOX(0), BOX(0));
    object *result = kernel_add(r->environment, declaration, r->heartbeats);
    drop(declaration);
    bool accepted = tag_of(result) == 1;
    if (accepted) {
        drop(r->environment);
        r->environment = keep(field(result, 0));
    } else refuse(r, field(result, 0));
    drop(result);
    return accepted;
}

object *constant(const reading *r, object *name) {
    object *found = lean_environment_find(keep(r->environment), keep(name));
    if (is_scalar(found)) return NULL;
    object *info = keep(field(found, 0));
    drop(found);
    return info;
}

typedef struct {
    object *name, *type; /* borrowed */
    uint32_t parameters; /* the list of names of universe parameters, as a value of the line */
} signature;

static bool read_signature(reading *r, const json_line *line, uint32_t of, signature *s) {
    s->name = tables_name(&r->tables, line, json_member(line, of, "name"));
    s->type = tables_closed(&r->tables, line, json_member(line, of, "type"));
    s->parameters = json_member(line, of, "levelParams");
    object *list = s->name ? tables_names(&r->tables, line, s->parameters) : NULL;
    if (!s->name || is_scalar(s->name) || !s->type || !list) return malformed(r, "a declaration without name, parameters or type");
    drop(list);
    r->name = s->name;
    uint32_t is_unsafe = json_member(line, of, "isUnsafe"), safety = json_member(line, of, "safety");
    if ((is_unsafe && line->values[is_unsafe].kind != JSON_FALSE) || (safety && !json_is(line, safety, "safe")))
        return stop(r, REFUSED, "it is not safe");
    if (r->candidate && is_known_to_kernels(s->name)) return stop(r, REFUSED, "the kernel knows this name, so no candidate may declare it");
    if (computes_with_code(s->name)) return stop(r, REFUSED, "the kernel would run compiled code for it");
    return true;
}

static bool read_hints(reading *r, const json_line *line, uint32_t value, object **hints) {
    uint64_t height;
    if (value && json_is(line, value, "opaque")) *hints = BOX(0);
    else if (value && json_is(line, value, "abbrev")) *hints = BOX(1);
    else if (value && json_natural(line, json_member(line, value, "regular"), UINT32_MAX, &height)) *hints = lean_mk_reducibility_hints_regular((uint32_t)height);
    else return malformed(r, "a definition without its hints");
    return true;
}

static bool declare_value(reading *r, const json_line *line, uint32_t of, char kind) {
    signature s;
    object *all = NULL, *hints = BOX(0), *value = NULL;
    if (!read_signature(r, line, of, &s)) return false;
    if (kind == 'a') {
        if (!submit(r, construct(0, 1, lean_mk_axiom_val(keep(s.name), tables_names(&r->tables, line, s.parameters), keep(s.type), 0), NULL, NULL))) return false;
        name_append(r->names, s.name);
        name_append(r->axioms, s.name);
        return true;
    }
    if (!(value = tables_closed(&r->tables, line, json_member(line, of, "value")))) return malformed(r, "a declaration without its value");
    if (kind == 'd' && !read_hints(r, line, json_member(line, of, "hints"), &hints)) return false;
    if (!(all = tables_names(&r->tables, line, json_member(line, of, "all")))) {
        drop(hints);
        return malformed(r, "a declaration without its block");
    }
    object *parameters = tables_names(&r->tables, line, s.parameters), *made;
    keep(s.name), keep(s.type), keep(value);
    if (kind == 'd') made = construct(1, 1, lean_mk_definition_val(s.name, parameters, s.type, value, hints, 1, all), NULL, NULL);
    else if (kind == 't') made = construct(2, 1, lean_mk_theorem_val(s.name, parameters, s.type, value, all), NULL, NULL);
    else made = construct(3, 1, lean_mk_opaque_val(s.name, parameters, s.type, value, 0, all), NULL, NULL);
    if (!submit(r, made)) return false;
    name_append(r->names, s.name);
    if (kind == 't') name_append(r->theorems, s.name);
    return true;
}

bool same_names(object *a, object *b) {
    while (!is_scalar(a) && !is_scalar(b)) {
        if (!lean_name_eq(field(a, 0), field(b, 0))) return false;
        a = field(a, 1), b = field(b, 1);
    }
    return is_scalar(a) && is_scalar(b);
}

static bool claims_names(const reading *r, const json_line *line, uint32_t value, object *generated) {
    object *claimed = tables_names(&r->tables, line, value);
    bool same = claimed && same_names(claimed, generated);
    if (claimed) drop(claimed);
    return same;
}

static bool claims_number(const json_line *line, uint32_t of, const char *key, object *generated) {
    uint64_t claimed;
    return json_natural(line, json_member(line, of, key), UINT32_MAX, &claimed) && is_scalar(generated) && unbox(generated) == claimed;
}

static bool claims_flag(const json_line *line, uint32_t of, const char *key, uint8_t generated) {
    uint32_t value = json_member(line, of, key);
    return value && line->values[value].kind == (generated ? JSON_TRUE : JSON_FALSE);
}

static bool claims_rules(const reading *r, const json_line *line, uint32_t value, object *rules) {
    if (!value || line->values[value].kind != JSON_ARRAY) return false;
    uint32_t at = value + 1;
    for (uint32_t i = 0; i < line->values[value].count; i++, at = line->values[at].next, rules = field(rules, 1)) {
        if (is_scalar(rules)) return false;
        object *rule = field(rules, 0), *constructor = tables_name(&r->tables, line, json_member(line, at, "ctor"));
        object *right = tables_closed(&r->tables, line, json_member(line, at, "rhs"));
        if (!constructor || !right || !lean_name_eq(constructor, field(rule, 0)) || !claims_number(line, at, "nfields", field(rule, 1)) ||
            !lean_expr_eqv(right, field(rule, 2)))
            return false;
    }
    return is_scalar(rules);
}

/* Whether the kernel's generated constants equal those in the export. */
static bool claims(const reading *r, const json_line *line, uint32_t of, const signature *s, object *info, unsigned tag) {
    object *value = info->tag == tag ? field(info, 0) : NULL, *head = value ? field(value, 0) : NULL;
    if (!value || !claims_names(r, line, s->parameters, field(head, 1)) || !lean_expr_eqv(s->type, field(head, 2))) return false;
    if (tag == 5)
        return claims_number(line, of, "numParams", field(value, 1)) && claims_number(line, of, "numIndices", field(value, 2)) &&
               claims_names(r, line, json_member(line, of, "all"), field(value, 3)) && claims_names(r, line, json_member(line, of, "ctors"), field(value, 4)) &&
               claims_number(line, of, "numNested", field(value, 5)) && claims_flag(line, of, "isRec", byte_of(value, 0)) && claims_flag(line, of, "isReflexive", byte_of(value, 2));
    if (tag == 6) {
        object *type = tables_name(&r->tables, line, json_member(line, of, "induct"));
        return type && lean_name_eq(type, field(value, 1)) && claims_number(line, of, "cidx", field(value, 2)) &&
               claims_number(line, of, "numParams", field(value, 3)) && claims_number(line, of, "numFields", field(value, 4));
    }
    if (tag == 7)
        return claims_names(r, line, json_member(line, of, "all"), field(value, 1)) && claims_number(line, of, "numParams", field(value, 2)) &&
               claims_number(line, of, "numIndices", field(value, 3)) && claims_number(line, of, "numMotives", field(value, 4)) &&
               claims_number(line, of, "numMinors", field(value, 5)) && claims_rules(r, line, json_member(line, of, "rules"), field(value, 6)) &&
               claims_flag(line, of, "k", byte_of(value, 0));
    return true; /* a constant of quotients has no other fields */
}

static bool compare(reading *r, const json_line *line, uint32_t of, unsigned tag) {
    signature s;
    if (!read_signature(r, line, of, &s)) return false;
    object *info = constant(r, s.name);
    bool same = info && claims(r, line, of, &s, info, tag);
    if (info) drop(info);
    if (!same) return stop(r, REFUSED, "it differs from what the kernel generates");
    name_append(r->names, s.name);
    return true;
}

/* The constructors of type number `type` of the block, as a list; NULL if one is missing. */
static object *constructors(reading *r, const json_line *line, uint32_t type, uint32_t from) {
    uint32_t names = json_member(line, type, "ctors");
    object *wanted = tables_names(&r->tables, line, names);
    if (!wanted) return NULL;
    object *made[256], *list = BOX(0), *rest = wanted;
    uint32_t count = 0;
    for (; !is_scalar(rest) && count < 256; rest = field(rest, 1)) {
        uint32_t at = from + 1;
        signature s = {0};
        for (uint32_t i = 0; i < line->values[from].count; i++, at = line->values[at].next) {
            object *name = tables_name(&r->tables, line, json_member(line, at, "name"));
            if (name && lean_name_eq(name, field(rest, 0))) break;
        }
        if (at >= line->values[from].next || !read_signature(r, line, at, &s)) break;
        made[count++] = construct(0, 2, keep(s.name), keep(s.type), NULL);
    }
    bool complete = is_scalar(rest);
    while (count > 0) list = cons(made[--count], list);
    drop(wanted);
    if (complete) return list;
    drop(list);
    return NULL;
}

static bool compare_all(reading *r, const json_line *line, uint32_t list, unsigned tag) {
    uint32_t at = list + 1;
    for (uint32_t i = 0; i < line->values[list].count; i++, at = line->values[at].next)
        if (!compare(r, line, at, tag)) return false;
    return true;
}

static bool declare_inductive(reading *r, const json_line *line, uint32_t of) {
    uint32_t types = json_member(line, of, "types"), from = json_member(line, of, "ctors"), recursors = json_member(line, of, "recs"), at;
    for (int i = 0; i < 3; i++)
        if (!(at = (uint32_t[]){types, from, recursors}[i]) || line->values[at].kind != JSON_ARRAY) return malformed(r, "an inductive type without its parts");
    uint32_t count = line->values[types].count;
    if (count == 0 || count > 64) return malformed(r, "a block of no types, or of too many");
    object *made[64], *list = BOX(0), *parameters = NULL;
    uint64_t fixed = 0, others;
    uint32_t done = 0;
    bool good = true;
    r->outcome = ACCEPTED;
    for (at = types + 1; good && done < count; at = line->values[at].next) {
        signature s;
        good = read_signature(r, line, at, &s) && json_natural(line, json_member(line, at, "numParams"), UINT32_MAX, &others) && (done == 0 || others == fixed) &&
               (done == 0 || claims_names(r, line, s.parameters, parameters));
        object *inner = good ? constructors(r, line, at, from) : NULL;
        good = inner != NULL;
        if (!good) break;
        if (done == 0) {
            fixed = others;
            parameters = tables_names(&r->tables, line, s.parameters);
        }
        made[done++] = construct(0, 3, keep(s.name), keep(s.type), inner);
    }
    while (done > 0) list = cons(made[--done], list);
    if (!good) {
        drop(list);
        if (parameters) drop(parameters);
        return r->outcome == ACCEPTED ? malformed(r, "the types of a block do not fit together") : false;
    }
    if (!submit(r, lean_mk_inductive_decl(parameters, BOX(fixed), list, 0))) return false;
    return compare_all(r, line, types, 5) && compare_all(r, line, from, 6) && compare_all(r, line, recursors, 7);
}

static bool declare_quotient(reading *r, const json_line *line, uint32_t of) {
    if (!r->quotients && !submit(r, BOX(4))) return false;
    r->quotients = true;
    return compare(r, line, of, 4);
}

bool declare(reading *r, const json_line *line) {
    static const struct { const char *key; char kind; } values[] = {{"axiom", 'a'}, {"def", 'd'}, {"thm", 't'}, {"opaque", 'o'}};
    uint32_t of;
    r->name = NULL;
    if (!literals_have_types(r)) return false;
    for (unsigned k = 0; k < 4; k++)
        if ((of = json_member(line, 0, values[k].key))) return declare_value(r, line, of, values[k].kind);
    if ((of = json_member(line, 0, "inductive"))) return declare_inductive(r, line, of);
    if ((of = json_member(line, 0, "quot"))) return declare_quotient(r, line, of);
    return malformed(r, "a line of an unknown kind");
}
