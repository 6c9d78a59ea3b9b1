/* SPDX-License-Identifier: MIT
 *
 * The options of a subcommand as a table, so that all commands take them alike: "-c FILE",
 * "--config FILE", "--config=FILE", bundled letters, "--" for the end. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "cli/cli.h"

enum cli_option_kind {
	CLI_FLAG,   /* bool *: set to true */
	CLI_TEXT,   /* const char **: points into argv */
	CLI_NUMBER, /* unsigned *: decimal, at most a million */
};

struct cli_option {
	const char *name; /* "config" */
	char letter;      /* 'c', or 0 */
	enum cli_option_kind kind;
	void *value;
};

/* The two options that nearly every command has. */
#define CLI_CONFIG_OPTION(value)                 \
	{                                        \
		"config", 'c', CLI_TEXT, (value) \
	}
#define CLI_JSON_OPTION(value)               \
	{                                    \
		"json", 0, CLI_FLAG, (value) \
	}

/* Reads argv, stores values, and leaves the operands in argv[*out_first..argc). Prints what is
 * wrong and how to call it, and gives CLI_USAGE; with --help prints that and gives CLI_HELP; else
 * CLI_OK. At most max_operands may remain. */
#define CLI_HELP (-1)
int cli_parse(const struct cli_command *cmd, int argc, char **argv,
    const struct cli_option *options, unsigned n, int max_operands, int *out_first);

/* "usage: ringfence NAME SYNOPSIS" on standard error; gives CLI_USAGE. */
int cli_usage(const struct cli_command *cmd);

#endif
