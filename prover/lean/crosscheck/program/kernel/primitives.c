#include "primitives.h"
#include <string.h>

static object *name_of(const char *dotted) {
    object *name = BOX(0);
    for (const char *end; *dotted; dotted = *end ? end + 1 : end) {
        end = strchr(dotted, '.');
        if (!end) end = dotted + strlen(dotted);
        name = l_Lean_Name_str___override(name, lean_mk_string_from_bytes(dotted, (size_t)(end - dotted)));
    }
    return name;
}

static bool among(object *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        object *other = name_of(list[i]);
        bool same = lean_name_eq(name, other);
        drop(other);
        if (same) return true;
    }
    return false;
}
#define AMONG(name, list) among(name, list, sizeof list / sizeof *list)

bool is_known_to_kernels(object *name) {
    static const char *const known[] = {
        "Nat", "Nat.zero", "Nat.succ", "Nat.rec", "Nat.add", "Nat.sub", "Nat.mul", "Nat.div", "Nat.mod", "Nat.gcd", "Nat.beq", "Nat.ble", "Nat.land", "Nat.lor",
        "Nat.xor", "Nat.shiftLeft", "Nat.shiftRight", "Nat.pow", "Nat.log2", "Bool", "Bool.true", "Bool.false", "String", "String.mk",
        "String.ofList", "Char", "Char.ofNat", "List", "List.nil", "List.cons", "Eq", "Eq.refl", "Quot", "Quot.mk", "Quot.lift",
        "Quot.ind", "Quot.sound", "propext", "Classical.choice", "sorryAx", "eagerReduce", "Lean.trustCompiler", "Lean.ofReduceBool", "Lean.ofReduceNat"};
    return AMONG(name, known);
}

bool computes_with_code(object *name) {
    static const char *const list[] = {"Lean.reduceBool", "Lean.reduceNat"};
    return AMONG(name, list);
}

static object *sort_one(void) { return lean_expr_mk_sort(lean_level_mk_succ(lean_level_mk_zero(BOX(0)))); }
static object *plain(const char *name) { return lean_expr_mk_const(name_of(name), BOX(0)); }
static object *arrow(object *from, object *to) { return lean_expr_mk_forall(name_of("a"), from, to, 0); }

/* Whether `name` is a constant of kind `tag` (of ConstantInfo) without universe parameters and with exactly this type, of which it takes ownership. */
static bool is_declared(const reading *r, const char *name, int tag, object *type) {
    object *key = name_of(name), *info = constant(r, key);
    bool same = info && (tag < 0 || info->tag == tag);
    if (same) {
        object *head = field(field(info, 0), 0);
        same = is_scalar(field(head, 1)) && lean_expr_eqv(field(head, 2), type);
    }
    if (info) drop(info);
    drop(key);
    drop(type);
    return same;
}

/* Whether `name` is an inductive type of these constructors and of no parameters or indices. */
static bool has_constructors(const reading *r, const char *name, const char *const *names, unsigned count) {
    object *key = name_of(name), *info = constant(r, key), *list = BOX(0);
    while (count > 0) list = cons(name_of(names[--count]), list);
    bool same = info && info->tag == 5;
    if (same) {
        object *value = field(info, 0);
        same = field(value, 1) == BOX(0) && field(value, 2) == BOX(0) && same_names(field(value, 4), list);
    }
    if (info) drop(info);
    drop(key);
    drop(list);
    return same;
}

static bool naturals(const reading *r) {
    return is_declared(r, "Nat", 5, sort_one()) && has_constructors(r, "Nat", (const char *const[]){"Nat.zero", "Nat.succ"}, 2) &&
           is_declared(r, "Nat.zero", 6, plain("Nat")) && is_declared(r, "Nat.succ", 6, arrow(plain("Nat"), plain("Nat")));
}

static bool strings(const reading *r) {
    if (!naturals(r) || !is_declared(r, "String", 5, sort_one()) || !is_declared(r, "Char", 5, sort_one())) return false;
    object *list = lean_expr_mk_const(name_of("List"), cons(lean_level_mk_zero(BOX(0)), BOX(0)));
    return is_declared(r, "Char.ofNat", 1, arrow(plain("Nat"), plain("Char"))) &&
           is_declared(r, "String.ofList", -1, arrow(lean_expr_mk_app(list, plain("Char")), plain("String")));
}

bool literals_have_types(reading *r) {
    r->naturals = r->naturals || (r->tables.natural_literals && naturals(r));
    r->strings = r->strings || (r->tables.string_literals && strings(r));
    if (r->tables.natural_literals && !r->naturals) return stop(r, REFUSED, "a number stands before Nat is declared as Lean declares it");
    if (r->tables.string_literals && !r->strings) return stop(r, REFUSED, "a text stands before String is declared as Lean declares it");
    return true;
}
