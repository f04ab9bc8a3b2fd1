/* SPDX-License-Identifier: Apache-2.0 */
/* Words on the wire in Chinese. */
#include "words.h"

static const struct {
    const char *word, *shown;
} words[] = {
    /* what happened */
    { "opened", "立案" },
    { "review", "待复核" },
    { "decided", "已判定" },
    { "refused", "不予立案" },
    { "joined", "并案" },
    { "escalated", "升级" },
    { "overdue", "超时" },
    /* states */
    { "assigned", "已派发" },
    { "signed", "已签收" },
    { "in_progress", "办理中" },
    { "suspended", "已中止" },
    { "resolved", "已办结" },
    { "verified", "已核实" },
    { "closed", "已结案" },
    { "merged", "已合并" },
    { "waiting", "待复核" },
    { "up", "运行" },
    { "standby", "待命" },
    { "down", "停止" },
    /* domains */
    { "anti_drug", "禁毒" },
    { "natural_resources", "自然资源和生态保护" },
    { "anti_smuggling", "反走私" },
    { "counterfeit", "打击制假售假" },
    { "fire_safety", "消防安全" },
    { "epidemic_control", "常态化疫情防控" },
    { "disaster_prevention", "防灾减灾" },
    { "livelihood_relief", "民生救济和保障" },
    { "dispute_mediation", "矛盾纠纷排查化解" },
    { "public_security", "社会治安" },
};

struct mq_str mq_word(struct mq_str word) {
    for (size_t i = 0; i < MQ_LENGTH(words); i++)
        if (mq_str_equal(word, mq_str(words[i].word)))
            return mq_str(words[i].shown);
    return word;
}
