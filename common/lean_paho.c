/* SPDX-License-Identifier: Apache-2.0 */
/* Paho as its build option PAHO_HIGH_PERFORMANCE makes it, out of the archive of a distribution that builds it without. There every
 * allocation is kept in a tree and every function call in a list, each under one lock of the whole process: half of what the notifier
 * costs. Linked before the archive, these stand for its own; meson.build sees whether the archive goes with them, and links the shared
 * library where it does not. */
#include <stdlib.h>

int Heap_initialize(void);
void Heap_terminate(void);
void *mymalloc(char *file, int line, size_t size);
void *myrealloc(char *file, int line, void *p, size_t size);
void myfree(char *file, int line, void *p);
void StackTrace_entry(const char *name, int line, int level);
void StackTrace_exit(const char *name, int line, void *result, int level);

int Heap_initialize(void) { return 0; }

void Heap_terminate(void) {}

void *mymalloc(char *file, int line, size_t size) {
    (void)file;
    (void)line;
    return malloc(size);
}

void *myrealloc(char *file, int line, void *p, size_t size) {
    (void)file;
    (void)line;
    return realloc(p, size);
}

void myfree(char *file, int line, void *p) {
    (void)file;
    (void)line;
    free(p);
}

void StackTrace_entry(const char *name, int line, int level) {
    (void)name;
    (void)line;
    (void)level;
}

void StackTrace_exit(const char *name, int line, void *result, int level) {
    (void)name;
    (void)line;
    (void)result;
    (void)level;
}
