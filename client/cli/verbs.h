/* The verbs, each in a file of its own. */
#ifndef OTKLIK_CLI_VERBS_H
#define OTKLIK_CLI_VERBS_H

#include "cli/cli.h"

int verb_ticket_create(struct cli *cli, int argc, char **argv);
int verb_ticket_list(struct cli *cli, int argc, char **argv);
int verb_ticket_show(struct cli *cli, int argc, char **argv);
int verb_ticket_take(struct cli *cli, int argc, char **argv);
int verb_ticket_assign(struct cli *cli, int argc, char **argv);
int verb_ticket_reply(struct cli *cli, int argc, char **argv);
int verb_ticket_note(struct cli *cli, int argc, char **argv);
int verb_ticket_pend(struct cli *cli, int argc, char **argv);
int verb_ticket_resume(struct cli *cli, int argc, char **argv);
int verb_ticket_resolve(struct cli *cli, int argc, char **argv);
int verb_ticket_close(struct cli *cli, int argc, char **argv);
int verb_ticket_reopen(struct cli *cli, int argc, char **argv);
int verb_ticket_cancel(struct cli *cli, int argc, char **argv);
int verb_ticket_classify(struct cli *cli, int argc, char **argv);
int verb_ticket_attach(struct cli *cli, int argc, char **argv);
int verb_ticket_attachment(struct cli *cli, int argc, char **argv);
int verb_mail_intake(struct cli *cli, int argc, char **argv);
int verb_mail_list(struct cli *cli, int argc, char **argv);
int verb_ticket_promise(struct cli *cli, int argc, char **argv);
int verb_ticket_promises(struct cli *cli, int argc, char **argv);
int verb_ticket_waive(struct cli *cli, int argc, char **argv);
int verb_ticket_ask(struct cli *cli, int argc, char **argv);
int verb_ticket_merge(struct cli *cli, int argc, char **argv);
int verb_ticket_unmerge(struct cli *cli, int argc, char **argv);
int verb_ticket_follow(struct cli *cli, int argc, char **argv);
int verb_ticket_unfollow(struct cli *cli, int argc, char **argv);
int verb_watch(struct cli *cli, int argc, char **argv);
int verb_sla_explain(struct cli *cli, int argc, char **argv);
int verb_sla_forecast(struct cli *cli, int argc, char **argv);
int verb_contract_simulate(struct cli *cli, int argc, char **argv);
int verb_kpi(struct cli *cli, int argc, char **argv);
int verb_kpi_verify(struct cli *cli, int argc, char **argv);
int verb_kpi_list(struct cli *cli, int argc, char **argv);
int verb_import_event_log(struct cli *cli, int argc, char **argv);
int verb_calendar_show(struct cli *cli, int argc, char **argv);
int verb_calendar_ics(struct cli *cli, int argc, char **argv);
int verb_calendar_holidays(struct cli *cli, int argc, char **argv);
int verb_apply(struct cli *cli, int argc, char **argv);
int verb_contract_apply(struct cli *cli, int argc, char **argv);
int verb_contract_apply_to(struct cli *cli, int argc, char **argv);
int verb_contract_withdraw(struct cli *cli, int argc, char **argv);
int verb_contract_show(struct cli *cli, int argc, char **argv);
int verb_contract_diff(struct cli *cli, int argc, char **argv);
int verb_contract_list(struct cli *cli, int argc, char **argv);
int verb_contract_history(struct cli *cli, int argc, char **argv);
int verb_outbox_list(struct cli *cli, int argc, char **argv);
int verb_outbox_replay(struct cli *cli, int argc, char **argv);
int verb_preference_show(struct cli *cli, int argc, char **argv);
int verb_preference_set(struct cli *cli, int argc, char **argv);
int verb_template_list(struct cli *cli, int argc, char **argv);
int verb_template_show(struct cli *cli, int argc, char **argv);
int verb_template_preview(struct cli *cli, int argc, char **argv);
int verb_oncall_show(struct cli *cli, int argc, char **argv);
int verb_oncall_list(struct cli *cli, int argc, char **argv);
int verb_oncall_override(struct cli *cli, int argc, char **argv);
int verb_oncall_swap(struct cli *cli, int argc, char **argv);
int verb_oncall_withdraw(struct cli *cli, int argc, char **argv);
int verb_whoami(struct cli *cli, int argc, char **argv);
int verb_server_status(struct cli *cli, int argc, char **argv);
int verb_completion(struct cli *cli, int argc, char **argv);

#endif
