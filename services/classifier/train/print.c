/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as text and as JSON. */
#include "outcome.h"

static void percent(FILE *out, const char *name, double value) { fprintf(out, "%-42s %6.2f %%\n", name, 100 * value); }

static void print_confusion(const struct mq_labels *labels, const struct mq_figures *f, FILE *out) {
    fprintf(out, "\nconfusion (rows: truth; columns: said, in the same order)\n");
    for (size_t t = 0; t < f->labels; t++) {
        fprintf(out, "%-20s", mq_label_name(labels, t));
        for (size_t s = 0; s < f->labels; s++)
            fprintf(out, " %5zu", f->confusion[t][s]);
        fputc('\n', out);
    }
}

void mq_figures_print(const struct mq_labels *labels, const struct mq_figures *f, bool full, FILE *out) {
    fprintf(out, "%-42s %6zu\n", "texts", f->texts);
    percent(out, "domain right (or one it touches as well)", f->top1);
    percent(out, "domain strictly right", f->strict);
    percent(out, "macro F1", f->macro_f1);
    percent(out, "dispatched without review", f->dispatched);
    percent(out, "right among those", f->right);
    if (labels->has_none)
        percent(out, "dispatched of those that have a domain", f->dispatched_of_domains);
    fprintf(out, "%-42s %6.4f\n", "expected calibration error", f->ece);
    if (labels->has_none)
        percent(out, "texts of no domain sent to review", f->none_review);
    if (labels->kind_count) {
        percent(out, "kind right", f->kind);
        percent(out, "kind named", f->kind_given);
        percent(out, "right among those", f->kind_right);
        percent(out, "severity right", f->severity);
        percent(out, "critical seen", f->critical_recall);
        percent(out, "critical among those said to be", f->critical_precision);
    }
    if (f->per_second > 0)
        fprintf(out, "%-42s %6.0f\n", "predictions a second", f->per_second);
    fprintf(out, "\n%-20s %6s %9s %9s %9s\n", "domain", "texts", "precision", "recall", "F1");
    for (size_t l = 0; l < f->labels; l++)
        fprintf(out, "%-20s %6zu %9.4f %9.4f %9.4f\n", mq_label_name(labels, l), f->label[l].truth, f->label[l].precision,
                f->label[l].recall, f->label[l].f1);
    if (!full)
        return;
    print_confusion(labels, f, out);
    fprintf(out, "\n%-12s %12s %12s %8s\n", "probability", "mean", "right", "texts");
    for (size_t b = 0; b < MQ_BINS; b++)
        fprintf(out, "%.1f – %.1f    %12.4f %12.4f %8zu\n", (double)b / MQ_BINS, (double)(b + 1) / MQ_BINS, f->bins[b].probability,
                f->bins[b].right, f->bins[b].texts);
    fprintf(out, "\n%-12s %12s %12s\n", "threshold", "dispatched", "right");
    for (size_t s = 0; s < MQ_LENGTH(f->curve); s++)
        fprintf(out, "%-12.2f %12.4f %12.4f\n", f->curve[s].from, f->curve[s].dispatched, f->curve[s].right);
}

void mq_figures_json(const struct mq_labels *labels, const struct mq_figures *f, FILE *out) {
    fprintf(out, "{\"texts\":%zu,\"top1\":%.6f,\"strict\":%.6f,\"macro_f1\":%.6f,\"dispatched\":%.6f,\"right_among_dispatched\":%.6f,",
            f->texts, f->top1, f->strict, f->macro_f1, f->dispatched, f->right);
    fprintf(out, "\"ece\":%.6f,\"none_to_review\":%.6f,\"kind\":%.6f,\"kind_named\":%.6f,\"kind_right_among_named\":%.6f,", f->ece,
            f->none_review, f->kind, f->kind_given, f->kind_right);
    fprintf(out, "\"dispatched_of_domains\":%.6f,\"predictions_per_second\":%.0f,", f->dispatched_of_domains, f->per_second);
    fprintf(out, "\"severity\":%.6f,\"critical_recall\":%.6f,\"critical_precision\":%.6f,\"recall\":{", f->severity, f->critical_recall,
            f->critical_precision);
    for (size_t l = 0; l < f->labels; l++)
        fprintf(out, "%s\"%s\":%.6f", l ? "," : "", mq_label_name(labels, l), f->label[l].recall);
    fputs("}}\n", out);
}
