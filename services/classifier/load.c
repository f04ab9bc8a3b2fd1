/* SPDX-License-Identifier: Apache-2.0 */
/* The model in use, and its replacement without a restart. */
#include "classifier.h"

#include "common/log.h"

#include <errno.h>
#include <sys/stat.h>

int mq_classifier_load(struct mq_classifier *classifier) {
    struct stat st;
    if (stat(classifier->model_path, &st) < 0) {
        int r = -errno;
        mq_log_limited("model-missing", 60000, classifier->model ? MQ_WARNING : MQ_ERROR, "no model at %s: %s; make one with minqing-train",
                       classifier->model_path, strerror(errno));
        return classifier->model ? 0 : r;
    }
    int64_t modified = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (classifier->model && modified == classifier->modified_ns && st.st_ino == classifier->inode)
        return 0;
    classifier->modified_ns = modified;
    classifier->inode = st.st_ino;
    char fault[200] = "";
    struct mq_model *model = NULL;
    struct mq_scratch *scratch = NULL;
    int r = mq_model_open(classifier->model_path, &model, fault);
    if (r == 0)
        r = mq_scratch_new(model, &scratch);
    if (r < 0) {
        mq_model_free(model);
        mq_log(MQ_ERROR, "model-refused", "model %s refused: %s; %s", classifier->model_path, *fault ? fault : strerror(-r),
               classifier->model ? "the one in use stays" : "make one with minqing-train");
        return classifier->model ? 0 : r;
    }
    mq_scratch_free(classifier->scratch);
    mq_model_free(classifier->model);
    classifier->model = model;
    classifier->scratch = scratch;
    mq_log(MQ_INFO, "model", "model %s in use", mq_model_name(model));
    return 0;
}

void mq_classifier_deinit(struct mq_classifier *classifier) {
    mq_scratch_free(classifier->scratch);
    mq_model_free(classifier->model);
    mq_buffer_deinit(&classifier->because);
    mq_buffer_deinit(&classifier->words);
}
