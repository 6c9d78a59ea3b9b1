/* SPDX-License-Identifier: MIT
 *
 * The subcommands of the `ringfence` program: one file a subcommand, each a row of the table in
 * cli.c. Exit codes are a contract: 0 done, 1 a no, 2 wrong use. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#define CLI_OK             0
#define CLI_NO             1
#define CLI_USAGE          2

#define CLI_DEFAULT_CONFIG "/etc/ringfence/ringfence.yaml"

struct cli_command {
	const char *name;
	const char *synopsis; /* what follows the name: "-c FILE [--json]" */
	const char *summary;  /* one line for `ringfence help` */
	/* argv[0] is the subcommand's name. Prints its own messages; returns an exit code. */
	int (*run)(int argc, char **argv);
};

/* The whole program: argv[1] names the subcommand. Returns the exit code. */
int cli_main(int argc, char **argv);

extern const struct cli_command cli_serve;
extern const struct cli_command cli_init;
extern const struct cli_command cli_check;
extern const struct cli_command cli_user;
extern const struct cli_command cli_status;
extern const struct cli_command cli_registrations;
extern const struct cli_command cli_bans;
extern const struct cli_command cli_ban;
extern const struct cli_command cli_unban;
extern const struct cli_command cli_standing;
extern const struct cli_command cli_top;
extern const struct cli_command cli_events;
extern const struct cli_command cli_why;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_reload;

#endif
