#include "lean.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFINE(result, name, arguments) result(*name) arguments;
KERNEL_FUNCTIONS(DEFINE)
#undef DEFINE

static object *(*add_with_depth)(object *, size_t, size_t, object *, object *);
static object *(*add_without_depth)(object *, size_t, object *, object *);
/* Since which minor version of Lean 4 `lean_add_decl` takes a recursion depth. */
enum { DEPTH_SINCE = 32, RECURSION = 10000 };

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "this library exports no %s\n", name);
        exit(3);
    }
    return found;
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
    identity.minor = (unsigned)unbox(*(object **)symbol(library, "l_Lean_version_minor"));
    identity.version = string_bytes(*(object **)symbol(library, "l_Lean_versionString"));
    identity.githash = string_bytes(*(object **)symbol(library, "l_Lean_githash"));
    void *add = symbol(library, "lean_add_decl");
    if (identity.minor >= DEPTH_SINCE) *(void **)&add_with_depth = add;
    else *(void **)&add_without_depth = add;
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
