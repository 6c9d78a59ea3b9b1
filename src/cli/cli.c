/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/distance.h"
#include "cli/text.h"

#ifndef RINGFENCE_VERSION
#define RINGFENCE_VERSION "development"
#endif

#define FAR 4 /* a word this far from all commands is no misspelling */

static const struct cli_command *const commands[] = {
    &cli_serve,
    &cli_init,
    &cli_check,
    &cli_user,
    &cli_status,
    &cli_registrations,
    &cli_bans,
    &cli_ban,
    &cli_unban,
    &cli_standing,
    &cli_top,
    &cli_events,
    &cli_why,
    &cli_explain,
    &cli_reload,
};

static void print_help(FILE *to)
{
	fputs("usage: ringfence COMMAND [OPTIONS]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help           this text, or that of one command\n"
	      "  version        which version this is\n\n"
	      "`ringfence COMMAND --help` shows its options, `man ringfence-COMMAND` all of it.\n"
	      "Exit code: 0 done, 1 not done, 2 wrong use.\n",
	    to);
}

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *nearest = NULL;
	size_t least = FAR;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t d = span_distance(span_str(name), span_str(commands[i]->name), least);

		if (d < least) {
			least = d;
			nearest = commands[i]->name;
		}
	}
	fputs("ringfence: there is no command `", stderr);
	text_print_escaped(stderr, span_str(name), 40);
	if (nearest)
		fprintf(stderr, "`; did you mean `%s`?\n", nearest);
	else
		fputs("`; `ringfence help` lists them\n", stderr);
	return CLI_USAGE;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int help(int argc, char **argv)
{
	const struct cli_command *cmd;

	if (argc < 2 || is_one_of(argv[1], "help", "version", "--help")) {
		print_help(stdout);
		return CLI_OK;
	}
	cmd = find(argv[1]);
	if (!cmd)
		return unknown(argv[1]);
	printf("usage: ringfence %s %s\n%s\nmore: man ringfence-%s\n", cmd->name, cmd->synopsis,
	    cmd->summary, cmd->name);
	return CLI_OK;
}

/* What was printed must have arrived: a full disk behind `> file` is not "done". */
static int flushed(int rc)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	perror("ringfence: standard output");
	return rc == CLI_OK ? CLI_NO : rc;
}

int cli_main(int argc, char **argv)
{
	const struct cli_command *cmd;
	char name[40];

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (is_one_of(argv[1], "help", "--help", "-h"))
		return flushed(help(argc - 1, argv + 1));
	if (is_one_of(argv[1], "version", "--version", "-V")) {
		puts("ringfence " RINGFENCE_VERSION);
		return flushed(CLI_OK);
	}
	cmd = find(argv[1]);
	if (!cmd)
		return unknown(argv[1]);
	/* What getopt begins its complaints with. */
	(void)snprintf(name, sizeof(name), "ringfence %s", cmd->name);
	argv[1] = name;
	return flushed(cmd->run(argc - 1, argv + 1));
}
