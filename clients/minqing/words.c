/* SPDX-License-Identifier: Apache-2.0 */
/* Words on the wire in Chinese. */
#include "words.h"

#include "clients/common/text.h"

/* A word that names a state and an event reads as the state, which an event of that name has led to. */
static const struct {
    const char *word, *shown;
} shown_words[] = {
    /* what happened, in the order of the reference table of transitions */
    { "admitted", "受理" },
    { "decided", "已判定" },
    { "refused", "不予立案" },
    { "joined", "并案" },
    { "opened", "立案" },
    { "part_signed", "协办签收" },
    { "progress", "处置进展" },
    { "part_progress", "协办进展" },
    { "part_resolved", "协办反馈" },
    { "returned", "退单" },
    { "part_returned", "协办退单" },
    { "extension_asked", "申请延期" },
    { "suspension_asked", "申请挂账" },
    { "support_asked", "联合处置" },
    { "approved", "批准" },
    { "denied", "不批准" },
    { "reassigned", "改派" },
    { "corrected", "更正" },
    { "supervised", "督办" },
    { "split", "拆分" },
    { "reworked", "返工" },
    { "reopened", "重开" },
    { "rated", "评价" },
    { "mobilised", "动员" },
    { "stood_down", "解除动员" },
    { "reminded", "催办" },
    { "escalated", "升级" },
    { "called_out", "呼叫" },
    { "resumed", "恢复办理" },
    { "called_again", "再次呼叫" },
    { "acknowledged", "已收到" },
    { "arrived", "已到场" },
    { "task_done", "任务完成" },
    { "review", "待复核" },
    { "service", "自办自结" },
    { "overdue", "超时" },
    /* states of cases, parts, reviews, tasks */
    { "assigned", "已派发" },
    { "signed", "已签收" },
    { "in_progress", "办理中" },
    { "suspended", "挂账" },
    { "resolved", "已反馈" },
    { "verified", "已核实" },
    { "closed", "已结案" },
    { "merged", "已合并" },
    { "released", "已退出" },
    { "waiting", "待复核" },
    { "called", "已呼叫" },
    { "done", "已完成" },
    /* what can be done */
    { "sign", "签收" },
    { "resolve", "反馈" },
    { "return", "退单" },
    { "extend", "申请延期" },
    { "suspend", "申请挂账" },
    { "support", "联合处置" },
    { "decide", "判定" },
    { "admit", "受理" },
    { "refuse", "不予立案" },
    { "reassign", "改派" },
    { "correct", "更正" },
    { "approve", "批准" },
    { "deny", "不批准" },
    { "supervise", "督办" },
    { "merge", "合并" },
    { "call_back", "回访" },
    { "close", "结案" },
    { "reopen", "重开" },
    { "mobilise", "动员" },
    { "stand_down", "解除动员" },
    { "rework", "返工" },
    { "rate", "评价" },
    { "result", "任务结果" },
    { "open", "立案" },
    { "join", "并案" },
    { "remind", "催办" },
    { "escalate", "升级" },
    { "call_out", "呼叫" },
    { "resume", "恢复办理" },
    { "call_again", "再次呼叫" },
    /* who did it, in which role, at which level */
    { "lead", "主办" },
    { "supporting", "协办" },
    { "command", "指挥中心" },
    { "officer", "网格员" },
    { "clock", "时限" },
    { "engine", "系统" },
    { "operator", "指挥席" },
    { "desk", "部门席" },
    { "device", "网格员" },
    { "village", "村" },
    { "town", "镇" },
    { "county", "县" },
    { "city", "市" },
    { "extension", "延期" },
    { "suspension", "挂账" },
    { "verify", "核查" },
    { "visit", "走访" },
    { "leader", "未响应名单" },
    /* health */
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

const char *const mq_department_words[] = {
    "command_centre", "fire", "emergency", "police", "traffic_police", "anti_drug_office", "anti_smuggling_office", "market_supervision",
    "tobacco", "natural_resources", "forestry", "ecology", "agriculture", "water", "urban_management", "health", "disease_control",
    "civil_affairs", "medical_insurance", "human_resources", "disabled_federation", "veterans", "justice", "petition", "political_legal",
    "women_federation", "education", "housing", "power", "town_government", NULL,
};

struct mq_str mq_word(struct mq_str word) {
    for (size_t i = 0; i < MQ_LENGTH(shown_words); i++)
        if (mq_str_equal(word, mq_str(shown_words[i].word)))
            return mq_str(shown_words[i].shown);
    return word;
}

void mq_word_both(struct mq_str word, struct mq_buffer *out) {
    struct mq_str shown = mq_word(word);
    if (shown.s != word.s) {
        mq_buffer_append_str(out, shown);
        mq_buffer_append_char(out, ' ');
    }
    mq_text_clean(out, word);
}

int mq_word_index(const char *const *words, const char *word) {
    for (int i = 0; word && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}
