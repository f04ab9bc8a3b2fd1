/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of a measurement. */
#include "people.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int people_read(struct people *people, const char *path) {
    char line[512];
    struct person person;
    size_t capacity = 0;
    int r = 0;
    *people = (struct people){ 0 };
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (r == 0 && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%15s %39s %159s", person.role, person.account, person.password) != 3)
            continue;
        if (people->count == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            struct person *list = realloc(people->list, capacity * sizeof(*list));
            if (!list)
                r = -ENOMEM;
            else
                people->list = list;
        }
        if (r == 0)
            people->list[people->count++] = person;
    }
    fclose(file);
    if (r < 0)
        people_deinit(people);
    return r;
}

void people_deinit(struct people *people) {
    free(people->list);
    *people = (struct people){ 0 };
}

static const struct person *nth(const struct people *people, const char *role, size_t n) {
    for (size_t i = 0; i < people->count; i++) {
        if (strcmp(people->list[i].role, role) == 0 && n-- == 0)
            return &people->list[i];
    }
    return NULL;
}

const char *people_account(const struct people *people, const char *role, size_t n) {
    const struct person *person = nth(people, role, n);
    return person ? person->account : NULL;
}

int people_connect(const struct people *people, const char *role, size_t n, int port, struct wire *wire) {
    const struct person *person = nth(people, role, n);
    if (!person)
        return -ENOENT;
    struct wire_account account = { person->account, person->password, person->account };
    return wire_connect(wire, port, &account);
}
