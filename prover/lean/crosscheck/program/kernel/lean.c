#include "lean.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFINE(result, name, arguments) result(*name) arguments;
KERNEL_FUNCTIONS(DEFINE)
#undef DEFINE

/* Newer kernels take a recursion depth, too (lean4#13956). */
static object *(*add_with_depth)(object *, size_t, size_t, object *, object *);
static object *(*add_without_depth)(object *, size_t, object *, object *);
enum { RECURSION = 10000 };

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "this library exports no %s\n", name);
        exit(3);
    }
    return found;
}

/* Whether the kernel takes an axiom as `kernel_add` calls it now. A call with too few or too many arguments ends a process, so
   another one tries. */
static bool answers(object *environment) {
    pid_t child = fork();
    if (child == 0) {
        close(2);
        object *name = l_Lean_Name_str___override(BOX(0), lean_mk_string_from_bytes("A", 1));
        object *axiom = lean_mk_axiom_val(name, BOX(0), lean_expr_mk_sort(lean_level_mk_zero(BOX(0))), 0);
        object *result = kernel_add(environment, construct(0, 1, axiom, NULL, NULL), SIZE_MAX);
        _exit(tag_of(result) == 1 && !is_scalar(field(result, 0)) ? 0 : 1);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

kernel_identity kernel_load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "the kernel cannot be loaded: %s\n", dlerror());
        exit(3);
    }
#define LOAD(result, name, arguments) *(void **)&name = symbol(library, #name);
    KERNEL_FUNCTIONS(LOAD)
#undef LOAD
    lean_initialize();
    object *done = initialize_Lean(1, BOX(0));
    if (tag_of(done) != 0) {
        fprintf(stderr, "Lean does not initialise\n");
        exit(3);
    }
    lean_io_mark_end_initialization();
    kernel_identity identity;
    identity.version = string_bytes(*(object **)symbol(library, "l_Lean_versionString"));
    identity.githash = string_bytes(*(object **)symbol(library, "l_Lean_githash"));
    object *made = l_Lean_mkEmptyEnvironment(0, BOX(0));
    identity.environment = tag_of(made) == 0 ? lean_elab_environment_to_kernel_env(keep(field(made, 0))) : NULL;
    void *add = symbol(library, "lean_add_decl");
    *(void **)&add_with_depth = add;
    if (identity.environment && !answers(identity.environment)) {
        add_with_depth = NULL;
        *(void **)&add_without_depth = add;
    }
    if (!identity.environment || !answers(identity.environment)) {
        fprintf(stderr, "the kernel of Lean %s is called in a way that is not known here\n", identity.version);
        exit(3);
    }
    return identity;
}

object *kernel_add(object *environment, object *declaration, size_t heartbeats) {
    keep(environment);
    return add_with_depth ? add_with_depth(environment, heartbeats, RECURSION, declaration, BOX(0))
                          : add_without_depth(environment, heartbeats, declaration, BOX(0));
}

object *construct(unsigned tag, unsigned count, object *a, object *b, object *c) {
    object *values[3] = {a, b, c};
    object *o = lean_alloc_object(sizeof(object) + count * sizeof(object *));
    o->rc = 1;
    o->size = (unsigned)(sizeof(object) + count * sizeof(object *));
    o->fields = count & 0xff;
    o->tag = tag & 0xff;
    for (unsigned i = 0; i < count; i++) fields_of(o)[i] = values[i];
    return o;
}
