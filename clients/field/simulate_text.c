/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences as officers write them: a scene, who speaks how, when, where, under what condition. */
#include "simulate_text.h"

#include <stdio.h>

#define CHAT_PERCENT 4

uint64_t mq_random_next(struct mq_random *random) {
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t mq_random_below(struct mq_random *random, size_t n) {
    return (size_t)(mq_random_next(random) % n);
}

double mq_random_unit(struct mq_random *random) {
    return (double)(mq_random_next(random) >> 11) * 0x1p-53;
}

bool mq_random_chance(struct mq_random *random, unsigned percent) {
    return mq_random_below(random, 100) < percent;
}

#define PICK(random, list) ((list)[mq_random_below((random), MQ_LENGTH(list))])

static const char *const openings[] = {
    "",
    "",
    "",
    "报告：",
    "指挥中心，",
    "队长，",
    "巡查发现，",
    "群众反映，",
    "接村民电话，",
    "有阿婆来说，",
    "急！",
    "请派人看下，",
    "你好，",
};
static const char *const unsure[] = { "好像", "疑似", "听说", "不太确定，", "远远看着", "可能是" };
static const char *const times[] = {
    "刚才",     "今早六点多", "中午",   "下午三点左右", "傍晚",         "昨晚",
    "凌晨两点", "半个钟头前", "这两天", "现在",         "巡逻到这里时", "天快黑的时候",
};
static const char *const places[] = {
    "村口",         "后山脚",   "老祠堂旁",     "学校后门",   "菜市场西侧",   "水库边",     "村委会对面",
    "三甲池塘边",   "老榕树下", "加油站斜对面", "新厝那片",   "旧糖厂里",     "省道岔路口", "卫生站附近",
    "桥头",         "海堤内侧", "五巷12号",     "阿忠家屋后", "工业园围墙外", "荔枝园下方", "排洪渠旁边",
    "废弃砖窑那边", "文化广场", "妈祖庙门口",   "公厕后面",   "农田机耕路",   "出租屋三楼",
};
static const char *const conditions[] = {
    "，风很大",         "，天黑看不清",   "，下着雨",         "，旁边有小孩",   "，围了不少人看",       "，离民房不到五十米",
    "，路窄大车进不去", "，手机信号不好", "，我一个人在现场", "，已经拍了照片", "，跟上次是同一个地方", "，村干部还没到",
    "，大家都很担心",   "，暂时没人受伤", "，有人在喊",
};
static const char *const endings[] = {
    "。",
    "。",
    "",
    "！",
    "，请尽快处理。",
    "，怎么办？",
    "，麻烦派人来。",
    "，我在这里等。",
    "，先报一下。",
    "，要不要先拉警戒线？",
};

static void maybe(struct mq_random *random, unsigned percent, const char *text, struct mq_buffer *out) {
    if (mq_random_chance(random, percent))
        mq_buffer_append_text(out, text);
}

const struct mq_scene *mq_simulate_sentence(struct mq_random *random, struct mq_buffer *out) {
    const struct mq_scene *scene;
    bool chat = mq_random_chance(random, CHAT_PERCENT);
    do
        scene = &mq_scenes[mq_random_below(random, mq_scene_count)];
    while ((scene->domain < 0) != chat);
    if (chat) {
        mq_buffer_append_text(out, scene->phrase);
        return scene;
    }
    /* each word is drawn whether it is used or not, so that a change of one share leaves the others as they were */
    const char *opening = PICK(random, openings), *time = PICK(random, times), *place = PICK(random, places);
    const char *doubt = PICK(random, unsure), *condition = PICK(random, conditions), *ending = PICK(random, endings);
    bool terse = mq_random_chance(random, 25);
    mq_buffer_append_text(out, terse ? "" : opening);
    maybe(random, terse ? 0 : 45, time, out);
    maybe(random, terse ? 60 : 80, place, out);
    maybe(random, 15, doubt, out);
    mq_buffer_append_text(out, scene->phrase);
    maybe(random, terse ? 0 : 40, condition, out);
    mq_buffer_append_text(out, terse ? "" : ending);
    return scene;
}

void mq_simulate_subject(struct mq_random *random, const char *village, struct mq_buffer *out) {
    static const char *const surnames[] = { "陈", "林", "黄", "郑", "吴", "李", "蔡", "庄", "谢", "余" };
    static const char *const names[] = { "阿妹", "秀英", "国强", "桂兰", "木水", "金枝", "志明", "惠如", "老五", "素珍" };
    const char *surname = PICK(random, surnames), *name = PICK(random, names);
    /* 10000000000 and up is nobody's number */
    mq_buffer_printf(out, "{\"name\":\"%s%s\",\"phone\":\"100%08u\",\"address\":\"%s%u号\"}", surname, name,
                     (unsigned)mq_random_below(random, 100000000), village, (unsigned)mq_random_below(random, 300) + 1);
}
