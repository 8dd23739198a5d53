/* Maps pages of files into the memory of a Node process, copy-on-write: all processes share the pages that none of them
 * has written to.
 *
 * It is preloaded (LD_PRELOAD) and linked to Node as if it were a part of it, so that Node's permission model can deny
 * all addons. pages.js calls it. Both functions return false if they fail; pages.js then reads the file, or keeps its
 * copy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <node_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    int file;
    off_t position;
    size_t length;
} Range;

static uintptr_t page_size(void) {
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

/* A page beyond the end of a file must never be mapped: touching it raises SIGBUS. */
static bool holds(Range range) {
    struct stat about;
    return fstat(range.file, &about) == 0 && S_ISREG(about.st_mode) && range.position >= 0 && about.st_size >= range.position
        && range.length <= (uintmax_t)(about.st_size - range.position);
}

static bool read_into(char *to, Range range) {
    while (range.length > 0) {
        ssize_t count = pread(range.file, to, range.length, range.position);
        if (count <= 0)
            return false;
        to += count;
        range.position += count;
        range.length -= (size_t)count;
    }
    return true;
}

/* Maps the pages of the file that lie entirely within [at, at + length), and leaves the bytes before and after them as
 * they are. `lead` is set to the length of the part before the pages, `inner` to the length of the pages. */
static bool put_pages(char *at, Range range, size_t *lead, size_t *inner) {
    uintptr_t page = page_size();
    *lead = -(uintptr_t)at & (page - 1);
    if (range.length < *lead + page || ((uintptr_t)range.position + *lead) % page != 0)
        return false;
    *inner = (range.length - *lead) & ~(page - 1);
    off_t start = range.position + (off_t)*lead;
    return mmap(at + *lead, *inner, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, range.file, start) != MAP_FAILED;
}

static bool fill(char *at, Range range) {
    size_t lead, inner;
    if (!holds(range) || !put_pages(at, range, &lead, &inner))
        return false;
    posix_fadvise(range.file, range.position, (off_t)range.length, POSIX_FADV_WILLNEED);
    size_t after = lead + inner;
    return read_into(at, (Range){range.file, range.position, lead})
        && read_into(at + after, (Range){range.file, range.position + (off_t)after, range.length - after});
}

/* Searches [start, end) for a copy of `original` that has the same offset within a page as the range in its file, and
 * maps the file over it. */
static bool replace_copy_within(char *start, char *end, const char *original, Range range) {
    uintptr_t page = page_size();
    size_t within = (uintptr_t)range.position % page;
    size_t pages = (size_t)(end - start) / page;
    unsigned char *resident = malloc(pages);
    bool found = false;
    if (resident && mincore(start, pages * page, resident) == 0) {
        for (size_t n = 0; n < pages && !found; n++) {
            char *copy = start + n * page + within;
            if (copy + range.length > end)
                break;
            if (!(resident[n] & 1) || memcmp(copy, original, page - within) != 0 || memcmp(copy, original, range.length) != 0)
                continue;
            size_t lead, inner;
            found = put_pages(copy, range, &lead, &inner);
        }
    }
    free(resident);
    return found;
}

static bool replace_copy(Range range) {
    size_t within = (uintptr_t)range.position % page_size();
    FILE *maps = holds(range) && range.length >= page_size() ? fopen("/proc/self/maps", "re") : NULL;
    if (!maps)
        return false;
    bool found = false;
    char *mapped = mmap(NULL, range.length + within, PROT_READ, MAP_PRIVATE, range.file, range.position - (off_t)within);
    if (mapped != MAP_FAILED) {
        char *line = NULL;
        size_t room = 0;
        while (!found && getline(&line, &room, maps) > 0) {
            uintptr_t start, end;
            unsigned long inode;
            char mode[5];
            if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, mode, &inode) == 4 && strcmp(mode, "rw-p") == 0 && inode == 0
                && end - start >= range.length)
                found = replace_copy_within((char *)start, (char *)end, mapped + within, range);
        }
        free(line);
        munmap(mapped, range.length + within);
    }
    fclose(maps);
    return found;
}

/* Arguments: descriptor, position, bytes to fill. */
static napi_value js_fill(napi_env env, napi_callback_info info) {
    size_t count = 3, length;
    napi_value arguments[3], answer;
    int32_t file;
    int64_t position;
    void *data;
    bool done = napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == 3
        && napi_get_value_int32(env, arguments[0], &file) == napi_ok && napi_get_value_int64(env, arguments[1], &position) == napi_ok
        && napi_get_typedarray_info(env, arguments[2], NULL, &length, &data, NULL, NULL) == napi_ok
        && fill(data, (Range){file, position, length});
    return napi_get_boolean(env, done, &answer) == napi_ok ? answer : NULL;
}

/* Arguments: descriptor, position, length. */
static napi_value js_replace_copy(napi_env env, napi_callback_info info) {
    size_t count = 3;
    napi_value arguments[3], answer;
    int32_t file;
    int64_t position, length;
    bool done = napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == 3
        && napi_get_value_int32(env, arguments[0], &file) == napi_ok && napi_get_value_int64(env, arguments[1], &position) == napi_ok
        && napi_get_value_int64(env, arguments[2], &length) == napi_ok && length > 0
        && replace_copy((Range){file, position, (size_t)length});
    return napi_get_boolean(env, done, &answer) == napi_ok ? answer : NULL;
}

static napi_value init(napi_env env, napi_value exports) {
    napi_property_descriptor functions[] = {
        {"fill", NULL, js_fill, NULL, NULL, NULL, napi_default, NULL},
        {"replaceCopy", NULL, js_replace_copy, NULL, NULL, NULL, napi_default, NULL},
    };
    return napi_define_properties(env, exports, 2, functions) == napi_ok ? exports : NULL;
}

static napi_module module = {NAPI_MODULE_VERSION, 0, __FILE__, init, "leansieve_pages", NULL, {0}};

/* Weak, because the shell that starts Node is preloaded with this library, too. */
extern void napi_module_register(napi_module *) __attribute__((weak));

__attribute__((constructor)) static void link_to_node(void) {
    if (napi_module_register)
        napi_module_register(&module);
}
