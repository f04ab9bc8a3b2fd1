/* SPDX-License-Identifier: Apache-2.0 */
/* The figures as a page: self-contained, no scripts. */
#include "train.h"

#include <errno.h>

#define SIDE 320.0 /* of a diagram, without its margin */
#define MARGIN 48.0

static void escaped(FILE *out, const char *text) {
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
}

static double x_of(double share) { return MARGIN + share * SIDE; }
static double y_of(double share) { return 12 + (1 - share) * SIDE; }

static void axes(FILE *out, const char *title, const char *x, const char *y) {
    fprintf(out, "<figure><figcaption>%s</figcaption><svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\">\n",
            title, title, SIDE + MARGIN + 16, SIDE + MARGIN + 24, SIDE + MARGIN + 16);
    for (int i = 0; i <= 10; i += 2)
        fprintf(out, "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fV%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" class=\"end\">%d%%</text>"
                     "<text x=\"%.1f\" y=\"%.1f\" class=\"middle\">%d%%</text>\n",
                x_of(0), y_of(i / 10.0), x_of(1), x_of(i / 10.0), y_of(0), y_of(1), x_of(0) - 6, y_of(i / 10.0) + 4, i * 10,
                x_of(i / 10.0), y_of(0) + 16, i * 10);
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"middle\">%s</text><text transform=\"translate(11 %.1f) rotate(-90)\" "
                 "class=\"middle\">%s</text>\n",
            x_of(0.5), y_of(0) + 36, x, y_of(0.5), y);
}

static void reliability(FILE *out, const struct mq_figures *f) {
    axes(out, "可靠性 Reliability", "给出的概率 probability said", "实际正确率 share right");
    fprintf(out, "<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"ideal\"/>\n", x_of(0), y_of(0), x_of(1), y_of(1));
    for (size_t b = 0; b < MQ_BINS; b++) {
        if (f->bins[b].texts == 0)
            continue;
        double share = (double)f->bins[b].texts / (double)f->texts;
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"share\"><title>%zu</title></rect>"
                     "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%.3f → %.3f (%zu)</title></circle>\n",
                x_of((double)b / MQ_BINS) + 2, y_of(share), SIDE / MQ_BINS - 4, y_of(0) - y_of(share), f->bins[b].texts,
                x_of(f->bins[b].probability), y_of(f->bins[b].right), f->bins[b].probability, f->bins[b].right, f->bins[b].texts);
    }
    fputs("</svg></figure>\n", out);
}

/* Both curves, and the threshold by which these very texts were dispatched: it means nothing beside other probabilities. */
static void coverage(FILE *out, const struct mq_figures *f, const struct mq_calibration *c) {
    axes(out, "覆盖率 Coverage", "门槛 threshold", "份额 share");
    const char *const classes[] = { "dispatched", "right" };
    for (int line = 0; line < 2; line++) {
        fputs("<polyline points=\"", out);
        for (size_t s = 0; s < MQ_LENGTH(f->curve); s++)
            if (line == 0 || f->curve[s].dispatched > 0)
                fprintf(out, "%.1f,%.1f ", x_of(f->curve[s].from), y_of(line ? f->curve[s].right : f->curve[s].dispatched));
        fprintf(out, "\" class=\"%s\"/>\n", classes[line]);
    }
    double from = (double)c->dispatch_from;
    fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" class=\"chosen\"/>", x_of(from > 1 ? 1 : from), y_of(0), y_of(1));
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"dispatched\">自动派单 dispatched</text>"
                 "<text x=\"%.1f\" y=\"%.1f\" class=\"right\">其中正确 right among those</text></svg></figure>\n",
            x_of(0.03), y_of(0.12), x_of(0.03), y_of(0.05));
}

static void confusion(FILE *out, const struct mq_labels *labels, const struct mq_figures *f) {
    fputs("<h3>混淆矩阵 Confusion</h3><p>行：真实领域；列：模型判断。Rows: truth. Columns: said.</p><table><tr><th></th>", out);
    for (size_t l = 0; l < f->labels; l++) {
        fputs("<th class=\"turned\"><span>", out);
        escaped(out, mq_label_name(labels, l));
        fputs("</span></th>", out);
    }
    fputs("</tr>\n", out);
    for (size_t t = 0; t < f->labels; t++) {
        fputs("<tr><th>", out);
        escaped(out, mq_label_name(labels, t));
        fputs("</th>", out);
        for (size_t s = 0; s < f->labels; s++) {
            double share = f->label[t].truth ? (double)f->confusion[t][s] / (double)f->label[t].truth : 0;
            fprintf(out, "<td style=\"background:rgba(%s,%.2f)\">%zu</td>", t == s ? "46,125,50" : "198,40,40",
                    t == s ? share * 0.6 : share * 3 > 0.9 ? 0.9 : share * 3, f->confusion[t][s]);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void domains(FILE *out, const struct mq_labels *labels, const struct mq_figures *f) {
    fputs("<h3>各领域 Domains</h3><table><tr><th></th><th>条数 texts</th><th>精确率 precision</th><th>召回率 recall</th><th>F1</th></tr>\n",
          out);
    for (size_t l = 0; l < f->labels; l++) {
        fputs("<tr><th>", out);
        escaped(out, mq_label_name(labels, l));
        fprintf(out, "</th><td>%zu</td><td>%.4f</td><td>%.4f</td><td>%.4f</td></tr>\n", f->label[l].truth, f->label[l].precision,
                f->label[l].recall, f->label[l].f1);
    }
    fputs("</table>\n", out);
}

static void summary(FILE *out, const struct mq_figures *f, const struct mq_calibration *c) {
    const struct {
        const char *name;
        double value;
    } rows[] = {
        { "领域正确（含涉及领域） domain right, or one it touches", f->top1 },
        { "领域严格正确 domain strictly right", f->strict },
        { "自动派单 dispatched without review", f->dispatched },
        { "其中正确 right among those", f->right },
        { "有领域文本的自动派单 dispatched of those that have a domain", f->dispatched_of_domains },
        { "期望校准误差 expected calibration error", f->ece },
        { "无领域文本转人工 texts of no domain sent to review", f->none_review },
        { "类别正确 kind right", f->kind },
        { "给出类别 kind named", f->kind_given },
        { "其中正确 right among those", f->kind_right },
        { "等级正确 severity right", f->severity },
        { "紧急召回 critical seen", f->critical_recall },
        { "派单门槛 threshold to dispatch", (double)c->dispatch_from },
        { "类别门槛 threshold to name a kind", (double)c->kind_from },
        { "紧急门槛 threshold of the alarm", (double)c->critical_from },
    };
    fprintf(out, "<table><tr><th>文本 texts</th><td>%zu</td></tr>\n", f->texts);
    for (size_t i = 0; i < MQ_LENGTH(rows); i++)
        fprintf(out, "<tr><th>%s</th><td>%.4f</td></tr>\n", rows[i].name, rows[i].value);
    fputs("</table>\n", out);
}

static void part(FILE *out, const struct mq_labels *labels, const struct mq_report_part *p) {
    fprintf(out, "<h2>%s</h2>\n", p->title);
    summary(out, p->figures, p->calibration);
    reliability(out, p->figures);
    coverage(out, p->figures, p->calibration);
    domains(out, labels, p->figures);
    confusion(out, labels, p->figures);
}

static void head(FILE *out, const char *model_name) {
    fputs("<!DOCTYPE html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><title>民情分类模型 Classifier</title><style>\n"
          "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#1a1a1a}\n"
          "table{border-collapse:collapse;margin:1em 0}th{font-weight:normal;text-align:left}td,th{border:1px solid #ccc;padding:.2em .6em}\n"
          "td{text-align:right;font-variant-numeric:tabular-nums}.turned{vertical-align:bottom}.turned span{writing-mode:vertical-rl}\n"
          "figure{display:inline-block;margin:1em 1em 1em 0}svg text{font-size:11px;fill:#333}.grid{stroke:#e4e4e4;fill:none}\n"
          "h2{border-top:1px solid #ccc;padding-top:1em}\n"
          "svg text.end{text-anchor:end}svg text.middle{text-anchor:middle}.ideal{stroke:#888;stroke-dasharray:4}.share{fill:#90caf9}"
          "circle{fill:#b00020}\n"
          "polyline{fill:none;stroke-width:2}polyline.dispatched{stroke:#1565c0}polyline.right{stroke:#2e7d32}\n"
          "svg text.dispatched{fill:#1565c0}svg text.right{fill:#2e7d32}.chosen{stroke:#b00020;stroke-dasharray:3}\n"
          "</style></head><body><h1>民情分类模型 Classifier</h1>\n<p>",
          out);
    if (model_name) {
        escaped(out, model_name);
        fputs("。", out);
    }
    fputs("所有数字都来自模型没有学过的文本，门槛与同一部分的概率相配。All figures are of texts that the model had not seen; each "
          "part has the thresholds that belong to its probabilities.</p>\n",
          out);
}

int mq_report_html(const char *path, const struct mq_labels *labels, const struct mq_report_part *parts, size_t count,
                   const char *model_name) {
    FILE *out = fopen(path, "w");
    if (!out) {
        int r = -errno;
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return r;
    }
    head(out, model_name);
    for (size_t i = 0; i < count; i++)
        if (parts[i].figures)
            part(out, labels, &parts[i]);
    fputs("</body></html>\n", out);
    bool failed = ferror(out);
    return fclose(out) != 0 || failed ? -EIO : 0;
}
