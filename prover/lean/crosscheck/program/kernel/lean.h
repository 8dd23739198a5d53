/* The kernel of a libleanshared.so, reached by its exported symbols: layout of objects, and the functions called.
   Lean's own lean.h comes with a toolchain only, and the library may come without one. */
#ifndef LEANSIEVE_LEAN_H
#define LEANSIEVE_LEAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct object {
    int32_t rc; /* > 0: this thread's, < 0: shared by threads, 0: never freed */
    unsigned size : 16;
    unsigned fields : 8;
    unsigned tag : 8;
} object;

#define KERNEL_FUNCTIONS(F)                                                            \
    F(void, lean_initialize, (void))                                                   \
    F(void, lean_io_mark_end_initialization, (void))                                   \
    F(object *, initialize_Lean, (uint8_t builtin, object *world))                     \
    F(object *, l_Lean_mkEmptyEnvironment, (uint32_t trust, object *world))            \
    F(object *, lean_elab_environment_to_kernel_env, (object *))                       \
    F(object *, lean_environment_find, (object *, object *))                           \
    F(void, lean_io_set_heartbeats, (object *, object *world))                         \
    F(object *, lean_alloc_object, (size_t))                                           \
    F(void, lean_dec_ref_cold, (object *))                                             \
    F(uint8_t, lean_name_eq, (object *, object *))                                     \
    F(uint8_t, lean_expr_eqv, (object *, object *))                                    \
    F(object *, lean_cstr_to_nat, (const char *))                                      \
    F(object *, lean_mk_string_from_bytes, (const char *, size_t))                     \
    F(object *, l_Lean_Name_str___override, (object *, object *))                      \
    F(object *, l_Lean_Name_num___override, (object *, object *))                      \
    F(object *, lean_level_mk_zero, (object *))                                        \
    F(object *, lean_level_mk_succ, (object *))                                        \
    F(object *, lean_level_mk_max, (object *, object *))                               \
    F(object *, lean_level_mk_imax, (object *, object *))                              \
    F(object *, lean_level_mk_param, (object *))                                       \
    F(object *, lean_expr_mk_bvar, (object *))                                         \
    F(object *, lean_expr_mk_sort, (object *))                                         \
    F(object *, lean_expr_mk_const, (object *, object *))                              \
    F(object *, lean_expr_mk_app, (object *, object *))                                \
    F(object *, lean_expr_mk_lambda, (object *, object *, object *, uint8_t))          \
    F(object *, lean_expr_mk_forall, (object *, object *, object *, uint8_t))          \
    F(object *, lean_expr_mk_let, (object *, object *, object *, object *, uint8_t))   \
    F(object *, lean_expr_mk_lit, (object *))                                          \
    F(object *, lean_expr_mk_proj, (object *, object *, object *))                     \
    F(object *, lean_mk_axiom_val, (object *, object *, object *, uint8_t))            \
    F(object *, lean_mk_definition_val, (object *, object *, object *, object *, object *, uint8_t, object *)) \
    F(object *, lean_mk_theorem_val, (object *, object *, object *, object *, object *)) \
    F(object *, lean_mk_opaque_val, (object *, object *, object *, object *, uint8_t, object *)) \
    F(object *, lean_mk_reducibility_hints_regular, (uint32_t))                        \
    F(object *, lean_mk_inductive_decl, (object *, object *, object *, uint8_t))

#define DECLARE(result, name, arguments) extern result(*name) arguments;
KERNEL_FUNCTIONS(DECLARE)
#undef DECLARE

typedef struct {
    const char *version; /* as Lean prints it */
    const char *githash;
    object *environment; /* an empty one */
} kernel_identity;

/* Loads the library and initialises Lean; on failure, reports it on stderr and ends the process. */
kernel_identity kernel_load(const char *path);

/* A new environment: `environment` (borrowed) with `declaration` (borrowed), or a kernel exception. */
object *kernel_add(object *environment, object *declaration, size_t heartbeats);

#define BOX(n) ((object *)(uintptr_t)(((uintptr_t)(n) << 1) | 1))
static inline bool is_scalar(const object *o) { return (uintptr_t)o & 1; }
static inline size_t unbox(const object *o) { return (uintptr_t)o >> 1; }
static inline unsigned tag_of(const object *o) { return is_scalar(o) ? (unsigned)unbox(o) : o->tag; }
static inline object **fields_of(object *o) { return (object **)((char *)o + sizeof(object)); }
static inline object *field(object *o, unsigned i) { return fields_of(o)[i]; }
static inline uint8_t byte_of(object *o, unsigned i) { return ((uint8_t *)(fields_of(o) + o->fields))[i]; }

static inline object *keep(object *o) {
    if (!is_scalar(o)) {
        if (o->rc > 0) o->rc++;
        else if (o->rc < 0) __atomic_fetch_sub(&o->rc, 1, __ATOMIC_RELAXED);
    }
    return o;
}
static inline void drop(object *o) {
    if (is_scalar(o) || o->rc == 0) return;
    if (o->rc > 1) o->rc--;
    else lean_dec_ref_cold(o);
}
/* A constructor object; takes ownership of `a` … `c`. */
object *construct(unsigned tag, unsigned count, object *a, object *b, object *c);
static inline object *cons(object *head, object *tail) { return construct(1, 2, head, tail, NULL); }
/* The bytes of a Lean string, ended by a zero. */
static inline const char *string_bytes(object *s) { return (const char *)s + 32; }
#endif
