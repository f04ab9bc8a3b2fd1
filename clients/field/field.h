/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of minqing-field. Each gets argv from its own name on and returns the exit status. */
#ifndef MQ_FIELD_H
#define MQ_FIELD_H

int mq_field_send(int argc, char **argv);
int mq_field_visit(int argc, char **argv);
int mq_field_answer(int argc, char **argv);
int mq_field_tasks(int argc, char **argv);
int mq_field_flush(int argc, char **argv);
int mq_field_list(int argc, char **argv);
int mq_field_simulate(int argc, char **argv);

#endif
