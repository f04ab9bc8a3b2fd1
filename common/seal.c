/* SPDX-License-Identifier: Apache-2.0 */
/* Personal data sealed at rest. */
#include "seal.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ID_BYTES 33 /* with the zero byte */
#define MOST_KEYS 64
#define LINE_BYTES (ID_BYTES - 1 + 1 + 2 * KEY_BYTES + 1)
#define FILE_BYTES (MOST_KEYS * LINE_BYTES)

struct key {
    char id[ID_BYTES];
    unsigned char bytes[KEY_BYTES];
};

struct mq_seal {
    size_t count;
    struct key keys[MOST_KEYS];
};

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

void mq_seal_free(struct mq_seal *seal) {
    if (!seal)
        return;
    sodium_munlock(seal, sizeof(*seal)); /* wipes, too */
    free(seal);
}

static void free_seal(struct mq_seal **seal) {
    mq_seal_free(*seal);
}

static bool id_valid(struct mq_str id) {
    for (size_t i = 0; i < id.n; i++) {
        char c = id.s[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return id.n > 0 && id.n < ID_BYTES;
}

static const struct key *find_key(const struct mq_seal *seal, struct mq_str id) {
    for (size_t i = 0; i < seal->count; i++) {
        if (mq_str_equal(mq_str(seal->keys[i].id), id))
            return &seal->keys[i];
    }
    return NULL;
}

/* What is wrong with the line, NULL: nothing, and the key is there. */
static const char *read_line(struct mq_seal *seal, struct mq_str line) {
    const char *space = memchr(line.s, ' ', line.n);
    if (!space)
        return "no space between id and key";
    struct mq_str id = { line.s, (size_t)(space - line.s) };
    struct mq_str hex = { space + 1, line.n - id.n - 1 };
    if (!id_valid(id))
        return "an id is 1 to 32 letters, digits, '-', '_', '.'";
    if (find_key(seal, id))
        return "this id is there already";
    if (seal->count == MOST_KEYS)
        return "more than 64 keys";
    struct key *key = &seal->keys[seal->count];
    size_t n;
    if (hex.n != 2 * KEY_BYTES || sodium_hex2bin(key->bytes, KEY_BYTES, hex.s, hex.n, NULL, &n, NULL) != 0 || n != KEY_BYTES)
        return "a key is 64 hexadecimal digits";
    memcpy(key->id, id.s, id.n);
    key->id[id.n] = '\0';
    seal->count++;
    return NULL;
}

static int read_keys(struct mq_seal *seal, const char *key_file, struct mq_str text) {
    for (unsigned number = 1; text.n > 0; number++) {
        const char *end = memchr(text.s, '\n', text.n);
        struct mq_str line = { text.s, end ? (size_t)(end - text.s) : text.n };
        size_t taken = line.n + (end ? 1 : 0);
        text.s += taken;
        text.n -= taken;
        const char *fault = line.n > 0 ? read_line(seal, line) : NULL;
        if (fault) {
            mq_log(MQ_ERROR, "seal-key", "%s:%u: %s", key_file, number, fault);
            return -EINVAL;
        }
    }
    if (seal->count == 0) {
        mq_log(MQ_ERROR, "seal-key", "%s: no key in it; each line is an id, a space and 64 hexadecimal digits", key_file);
        return -EINVAL;
    }
    return 0;
}

/* Reads at most FILE_BYTES + 1 of a file that nobody else may read. Negative errno, or how many. */
static ssize_t read_private(const char *key_file, char bytes[FILE_BYTES + 1]) {
    MQ_CLEANUP(close_fd) int fd = open(key_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return -EPERM;
    size_t n = 0;
    while (n < FILE_BYTES + 1) {
        ssize_t got = read(fd, bytes + n, FILE_BYTES + 1 - n);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)n;
}

static void log_unreadable(const char *key_file, int error) {
    if (error == EPERM)
        mq_log(MQ_ERROR, "seal-key", "%s: others than its owner have rights on this key file; chmod 600 it", key_file);
    else if (error == EINVAL)
        mq_log(MQ_ERROR, "seal-key", "%s: not a regular file", key_file);
    else
        mq_log(MQ_ERROR, "seal-key", "%s: cannot read the key file: %s", key_file, strerror(error));
}

int mq_seal_new(const char *key_file, struct mq_seal **out) {
    if (sodium_init() < 0)
        return -EIO;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = calloc(1, sizeof(*seal));
    if (!seal)
        return -ENOMEM;
    /* Best effort: without the right to lock memory the keys may be swapped. */
    (void)sodium_mlock(seal, sizeof(*seal));

    char bytes[FILE_BYTES + 1];
    ssize_t n = read_private(key_file, bytes);
    int error = 0;
    if (n < 0) {
        error = (int)n;
        log_unreadable(key_file, -error);
    } else if ((size_t)n > FILE_BYTES) {
        error = -EINVAL;
        mq_log(MQ_ERROR, "seal-key", "%s: longer than %u keys can be", key_file, (unsigned)MOST_KEYS);
    } else {
        error = read_keys(seal, key_file, (struct mq_str){ bytes, (size_t)n });
    }
    sodium_memzero(bytes, sizeof(bytes));
    if (error < 0)
        return error;
    *out = seal;
    seal = NULL;
    return 0;
}

static const struct key *sealing_key(const struct mq_seal *seal) {
    return &seal->keys[seal->count - 1];
}

const char *mq_seal_key_id(const struct mq_seal *seal) {
    return sealing_key(seal)->id;
}

int mq_seal_close(const struct mq_seal *seal, struct mq_str clear, struct mq_str context, struct mq_buffer *out) {
    size_t n;
    if (__builtin_add_overflow(clear.n, NONCE_BYTES + TAG_BYTES, &n) || mq_buffer_reserve(out, n) < 0)
        return -ENOMEM;
    unsigned char *nonce = (unsigned char *)out->data + out->len;
    randombytes_buf(nonce, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, (const unsigned char *)clear.s, clear.n,
                                               (const unsigned char *)context.s, context.n, NULL, nonce,
                                               sealing_key(seal)->bytes);
    out->len += n;
    out->data[out->len] = '\0';
    return 0;
}

int mq_seal_open(const struct mq_seal *seal, const char *key_id, struct mq_str sealed, struct mq_str context,
                 struct mq_buffer *out) {
    const struct key *key = find_key(seal, mq_str(key_id));
    if (!key)
        return -ENOKEY;
    if (sealed.n < NONCE_BYTES + TAG_BYTES)
        return -EBADMSG;
    size_t n = sealed.n - NONCE_BYTES - TAG_BYTES;
    if (mq_buffer_reserve(out, n) < 0)
        return -ENOMEM;
    const unsigned char *nonce = (const unsigned char *)sealed.s;
    unsigned char *clear = (unsigned char *)out->data + out->len;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(clear, NULL, NULL, nonce + NONCE_BYTES, n + TAG_BYTES,
                                                   (const unsigned char *)context.s, context.n, nonce, key->bytes) != 0) {
        *clear = '\0';
        return -EBADMSG;
    }
    out->len += n;
    out->data[out->len] = '\0';
    return 0;
}

static int write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* A key file that a power cut takes back would make what was sealed with it unreadable. */
static int sync_folder(const char *key_file) {
    char *path = strdup(key_file);
    if (!path)
        return -ENOMEM;
    MQ_CLEANUP(close_fd) int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    free(path);
    return error;
}

/* Written aside and linked, so that there is never half a key under its name, nor one overwritten. */
static int write_key_file(const char *key_file, const char *line, size_t n) {
    char *aside = NULL;
    if (asprintf(&aside, "%s.XXXXXX", key_file) < 0)
        return -ENOMEM;
    int error = 0;
    MQ_CLEANUP(close_fd) int fd = mkostemp(aside, O_CLOEXEC);
    if (fd < 0) {
        error = -errno;
    } else {
        error = write_all(fd, line, n);
        if (error == 0 && link(aside, key_file) < 0)
            error = -errno;
        unlink(aside);
    }
    free(aside);
    return error < 0 ? error : sync_folder(key_file);
}

int mq_seal_create(const char *key_file, const char *key_id) {
    if (!id_valid(mq_str(key_id)))
        return -EINVAL;
    if (sodium_init() < 0)
        return -EIO;
    unsigned char key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], line[LINE_BYTES + 1];
    randombytes_buf(key, sizeof(key));
    sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
    int n = snprintf(line, sizeof(line), "%s %s\n", key_id, hex);
    int error = write_key_file(key_file, line, (size_t)n);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(hex, sizeof(hex));
    sodium_memzero(line, sizeof(line));
    return error;
}
