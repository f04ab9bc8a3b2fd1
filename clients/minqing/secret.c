/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of accounts. */
#include "secret.h"

#include "file.h"

#include "clients/common/options.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_BYTES 64
#define FILE_LEAST 16
#define FILE_MOST 128

void mq_secret_new(char out[MQ_SECRET_TEXT]) {
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < MQ_SECRET_LENGTH; i++)
        out[i] = characters[randombytes_uniform(sizeof(characters) - 1)];
    out[MQ_SECRET_LENGTH] = '\0';
}

int mq_secret_hash(struct mq_str secret, const unsigned char salt[MQ_SALT_BYTES], char out[MQ_HASH_TEXT]) {
    unsigned char own[MQ_SALT_BYTES], hash[HASH_BYTES];
    char salt_text[32], hash_text[96];
    if (!salt)
        randombytes_buf(own, sizeof(own));
    const unsigned char *used = salt ? salt : own;
    if (PKCS5_PBKDF2_HMAC(secret.s, (int)secret.n, used, MQ_SALT_BYTES, MQ_HASH_ITERATIONS, EVP_sha512(), HASH_BYTES, hash) != 1)
        return -EIO;
    sodium_bin2base64(salt_text, sizeof(salt_text), used, MQ_SALT_BYTES, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(hash_text, sizeof(hash_text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
    snprintf(out, MQ_HASH_TEXT, "$7$%d$%s$%s", MQ_HASH_ITERATIONS, salt_text, hash_text);
    return 0;
}

int mq_secret_read(const char *path, char **out) {
    MQ_CLEANUP(mq_file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    char text[FILE_MOST + 2] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int error = errno;
    if (n < 0) {
        mq_complain(0, "不能读取密码文件 cannot read %s: %s", path, strerror(error));
        return -error;
    }
    size_t length = strcspn(text, "\r\n");
    text[length] = '\0';
    bool good = length >= FILE_LEAST && length <= FILE_MOST;
    for (size_t i = 0; i < length; i++)
        good = good && text[i] > ' ' && text[i] < 0x7f;
    *out = good ? strdup(text) : NULL;
    sodium_memzero(text, sizeof(text));
    if (!good)
        mq_complain(0, "%s: 密码应为 %d–%d 个可见字符 / a secret has %d to %d printable characters", path, FILE_LEAST, FILE_MOST,
                    FILE_LEAST, FILE_MOST);
    return !good ? -EINVAL : *out ? 0 : -ENOMEM;
}

int mq_secret_write(const char *path, bool append, struct mq_str text) {
    MQ_CLEANUP(mq_file_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (append ? O_APPEND : O_TRUNC), 0600);
    int r = fd < 0 ? -errno : fchmod(fd, 0600) < 0 ? -errno : mq_file_write(fd, text);
    if (r < 0)
        mq_complain(0, "不能写入密码文件 cannot write %s: %s", path, strerror(-r));
    return r;
}
