#include "tables.h"
#include <stdlib.h>
#include <string.h>

static const char *const unknown = "a number that stands for nothing before it", *const misnumbered = "entries are numbered from the first, without gaps";

static bool append(table *t, object *o, uint32_t depth, uint32_t loose) {
    if (t->used == t->room) {
        uint32_t room = t->room ? 2 * t->room : 1024;
        object **of = realloc(t->of, room * sizeof *of);
        if (of) t->of = of;
        uint32_t *depths = realloc(t->depth, room * sizeof *depths);
        if (depths) t->depth = depths;
        uint32_t *looses = realloc(t->loose, room * sizeof *looses);
        if (looses) t->loose = looses;
        if (!of || !depths || !looses) {
            drop(o);
            return false;
        }
        t->room = room;
    }
    t->of[t->used] = o;
    t->depth[t->used] = depth;
    t->loose[t->used++] = loose;
    return true;
}

static void clear(table *t) {
    for (uint32_t i = 0; i < t->used; i++) drop(t->of[i]);
    free(t->of);
    free(t->depth);
    free(t->loose);
    memset(t, 0, sizeof *t);
}

bool tables_begin(tables *t) {
    memset(t, 0, sizeof *t);
    return append(&t->names, BOX(0), 0, 0) && append(&t->levels, lean_level_mk_zero(BOX(0)), 0, 0);
}

void tables_clear(tables *t) {
    clear(&t->names);
    clear(&t->levels);
    clear(&t->expressions);
}

static bool entry(const table *t, const json_line *line, uint32_t value, uint32_t *index) {
    uint64_t n;
    if (!json_natural(line, value, MOST_ENTRIES, &n) || n >= t->used) return false;
    *index = (uint32_t)n;
    return true;
}

object *tables_name(const tables *t, const json_line *line, uint32_t value) {
    uint32_t i;
    return entry(&t->names, line, value, &i) ? t->names.of[i] : NULL;
}

object *tables_closed(const tables *t, const json_line *line, uint32_t value) {
    uint32_t i;
    return entry(&t->expressions, line, value, &i) && t->expressions.loose[i] == 0 ? t->expressions.of[i] : NULL;
}

static object *list_of(const table *from, const json_line *line, uint32_t value) {
    if (!value || line->values[value].kind != JSON_ARRAY) return NULL;
    uint32_t count = line->values[value].count; /* numbers take one value each, so the last one stands at value + count */
    object *list = BOX(0);
    for (uint32_t i = count; i > 0; i--) {
        uint32_t index;
        if (line->values[value].next != value + count + 1 || !entry(from, line, value + i, &index)) {
            drop(list);
            return NULL;
        }
        list = cons(keep(from->of[index]), list);
    }
    return list;
}

object *tables_names(const tables *t, const json_line *line, uint32_t value) { return list_of(&t->names, line, value); }

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static const char *add(table *t, object *o, uint32_t depth, uint32_t loose) {
    return append(t, o, depth, loose) ? NULL : "no memory for an entry";
}

static const char *read_name(tables *t, const json_line *line, uint32_t of, bool string) {
    uint32_t prefix;
    if (!entry(&t->names, line, json_member(line, of, "pre"), &prefix)) return unknown;
    uint32_t depth = t->names.depth[prefix] + 1;
    if (depth > MOST_NAME_DEPTH) return "a name has too many parts";
    object *before = t->names.of[prefix];
    if (string) {
        size_t length;
        const char *part = json_string(line, json_member(line, of, "str"), &length);
        if (!part) return "no string where one belongs";
        return add(&t->names, l_Lean_Name_str___override(keep(before), lean_mk_string_from_bytes(part, length)), depth, 0);
    }
    uint64_t number;
    if (!json_natural(line, json_member(line, of, "i"), UINT64_MAX, &number)) return "no number where one belongs";
    return add(&t->names, l_Lean_Name_num___override(keep(before), BOX(number)), depth, 0);
}

static const char *read_level(tables *t, const json_line *line, uint32_t of, const char *key) {
    uint32_t a, b;
    if (strcmp(key, "param") == 0) {
        object *name = tables_name(t, line, of);
        return name ? add(&t->levels, lean_level_mk_param(keep(name)), 1, 0) : unknown;
    }
    if (strcmp(key, "succ") == 0) {
        if (!entry(&t->levels, line, of, &a)) return unknown;
        b = a;
    } else if (line->values[of].kind != JSON_ARRAY || line->values[of].count != 2 || line->values[of].next != of + 3 ||
               !entry(&t->levels, line, of + 1, &a) || !entry(&t->levels, line, of + 2, &b))
        return unknown;
    uint32_t depth = larger(t->levels.depth[a], t->levels.depth[b]) + 1;
    if (depth > MOST_LEVEL_DEPTH) return "a universe level is too deep";
    object *x = keep(t->levels.of[a]);
    if (key[0] == 's') return add(&t->levels, lean_level_mk_succ(x), depth, 0);
    object *y = keep(t->levels.of[b]);
    return add(&t->levels, key[0] == 'm' ? lean_level_mk_max(x, y) : lean_level_mk_imax(x, y), depth, 0);
}

static bool binder_info(const json_line *line, uint32_t value, uint8_t *info) {
    static const char *const names[] = {"default", "implicit", "strictImplicit", "instImplicit"};
    for (*info = 0; *info < 4; ++*info)
        if (value && json_is(line, value, names[*info])) return true;
    return false;
}

static const char *read_literal(tables *t, const json_line *line, uint32_t of, bool natural) {
    size_t length;
    const char *text = json_string(line, of, &length);
    if (!text) return "no string where one belongs";
    object *value;
    if (natural) {
        if (length == 0 || length > MOST_DIGITS || strspn(text, "0123456789") != length) return "no number where one belongs";
        value = lean_cstr_to_nat(text);
        t->natural_literals = true;
    } else {
        value = lean_mk_string_from_bytes(text, length);
        t->string_literals = true;
    }
    return add(&t->expressions, lean_expr_mk_lit(construct(natural ? 0 : 1, 1, value, NULL, NULL)), 1, 0);
}

/* The expressions that a line names, in the order of `keys`. */
static const char *parts(const tables *t, const json_line *line, uint32_t of, const char *const *keys, uint32_t count,
                         uint32_t *index, uint32_t *depth) {
    *depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!entry(&t->expressions, line, json_member(line, of, keys[i]), &index[i])) return unknown;
        *depth = larger(*depth, t->expressions.depth[index[i]]);
    }
    return ++*depth > MOST_EXPRESSION_DEPTH ? "an expression is too deep" : NULL;
}

static uint32_t under_binder(uint32_t loose) { return loose ? loose - 1 : 0; }

static const char *read_expression(tables *t, const json_line *line, uint32_t of, const char *key) {
    table *e = &t->expressions;
    uint32_t i[3], depth;
    uint64_t n;
    const char *why;
    if (strcmp(key, "bvar") == 0) {
        if (!json_natural(line, of, MOST_BOUND, &n)) return "no index of a bound variable";
        return add(e, lean_expr_mk_bvar(BOX(n)), 1, (uint32_t)n + 1);
    }
    if (strcmp(key, "sort") == 0) {
        if (!entry(&t->levels, line, of, i)) return unknown;
        return add(e, lean_expr_mk_sort(keep(t->levels.of[i[0]])), 1, 0);
    }
    if (strcmp(key, "const") == 0) {
        object *name = tables_name(t, line, json_member(line, of, "name"));
        object *levels = name ? list_of(&t->levels, line, json_member(line, of, "us")) : NULL;
        return levels ? add(e, lean_expr_mk_const(keep(name), levels), 1, 0) : unknown;
    }
    if (strcmp(key, "natVal") == 0 || strcmp(key, "strVal") == 0) return read_literal(t, line, of, key[0] == 'n');
    if (strcmp(key, "app") == 0) {
        if ((why = parts(t, line, of, (const char *const[]){"fn", "arg"}, 2, i, &depth))) return why;
        return add(e, lean_expr_mk_app(keep(e->of[i[0]]), keep(e->of[i[1]])), depth, larger(e->loose[i[0]], e->loose[i[1]]));
    }
    if (strcmp(key, "mdata") == 0) {
        if ((why = parts(t, line, of, (const char *const[]){"expr"}, 1, i, &depth))) return why;
        return add(e, keep(e->of[i[0]]), e->depth[i[0]], e->loose[i[0]]);
    }
    if (strcmp(key, "proj") == 0) {
        object *structure = tables_name(t, line, json_member(line, of, "typeName"));
        if ((why = parts(t, line, of, (const char *const[]){"struct"}, 1, i, &depth))) return why;
        if (!structure || !json_natural(line, json_member(line, of, "idx"), MOST_BOUND, &n)) return unknown;
        return add(e, lean_expr_mk_proj(keep(structure), BOX(n), keep(e->of[i[0]])), depth, e->loose[i[0]]);
    }
    object *name = tables_name(t, line, json_member(line, of, "name"));
    if (!name) return unknown;
    if (strcmp(key, "letE") == 0) {
        uint32_t nondep = json_member(line, of, "nondep");
        if ((why = parts(t, line, of, (const char *const[]){"type", "value", "body"}, 3, i, &depth))) return why;
        uint32_t loose = larger(larger(e->loose[i[0]], e->loose[i[1]]), under_binder(e->loose[i[2]]));
        bool apart = nondep && line->values[nondep].kind == JSON_TRUE;
        return add(e, lean_expr_mk_let(keep(name), keep(e->of[i[0]]), keep(e->of[i[1]]), keep(e->of[i[2]]), apart), depth, loose);
    }
    uint8_t info;
    if (!binder_info(line, json_member(line, of, "binderInfo"), &info)) return "no kind of binder";
    if ((why = parts(t, line, of, (const char *const[]){"type", "body"}, 2, i, &depth))) return why;
    object *(*make)(object *, object *, object *, uint8_t) = key[0] == 'l' ? lean_expr_mk_lambda : lean_expr_mk_forall;
    return add(e, make(keep(name), keep(e->of[i[0]]), keep(e->of[i[1]]), info), depth, larger(e->loose[i[0]], under_binder(e->loose[i[1]])));
}

static const char *numbered(const table *t, const json_line *line, uint32_t value) {
    uint64_t n;
    if (t->used == MOST_ENTRIES) return "too many entries";
    return json_natural(line, value, MOST_ENTRIES, &n) && n == t->used ? NULL : misnumbered;
}

const char *tables_read(tables *t, const json_line *line, bool *known) {
    static const char *const names[] = {"str", "num"}, *const levels[] = {"succ", "max", "imax", "param"};
    static const char *const expressions[] = {"bvar", "sort", "const", "app", "lam", "forallE", "letE", "proj", "natVal", "strVal", "mdata"};
    uint32_t id, of;
    const char *why;
    *known = true;
    if ((id = json_member(line, 0, "ie"))) {
        if ((why = numbered(&t->expressions, line, id))) return why;
        for (unsigned k = 0; k < sizeof expressions / sizeof *expressions; k++)
            if ((of = json_member(line, 0, expressions[k]))) return read_expression(t, line, of, expressions[k]);
    } else if ((id = json_member(line, 0, "in"))) {
        if ((why = numbered(&t->names, line, id))) return why;
        for (unsigned k = 0; k < 2; k++)
            if ((of = json_member(line, 0, names[k]))) return read_name(t, line, of, k == 0);
    } else if ((id = json_member(line, 0, "il"))) {
        if ((why = numbered(&t->levels, line, id))) return why;
        for (unsigned k = 0; k < 4; k++)
            if ((of = json_member(line, 0, levels[k]))) return read_level(t, line, of, levels[k]);
    } else {
        *known = false;
        return NULL;
    }
    return "an entry of an unknown kind";
}
