/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the command line: one function each, "noun verb", in the table of main.c. */
#ifndef MQ_MINQING_H
#define MQ_MINQING_H

/* Each takes the arguments after its verb (argv[0] is "minqing noun verb") and returns the exit status. */
typedef int mq_command_fn(int argc, char **argv);

mq_command_fn mq_watch, mq_desk_watch, mq_review_list, mq_review_decide;
mq_command_fn mq_case_list, mq_case_show, mq_case_verify, mq_subject_show, mq_audit, mq_stats, mq_officers;
mq_command_fn mq_act; /* every row of verbs.h */
mq_command_fn mq_account_add, mq_account_import, mq_account_lock, mq_account_unlock, mq_account_reset, mq_account_list,
    mq_account_sync, mq_account_seal_key;
mq_command_fn mq_report_show, mq_classify, mq_status, mq_doctor, mq_migrate;
mq_command_fn mq_webhook_add, mq_webhook_list, mq_webhook_remove, mq_webhook_enable, mq_webhook_disable, mq_webhook_test,
    mq_webhook_deliveries, mq_webhook_erase;

#endif
