/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>

#include "base/span.h"

#define OPTIONS_MAX 16
#define LONG_ONLY   256 /* getopt's value of the first option without a letter */
#define NUMBER_MAX  1000000

static void print_usage(FILE *to, const struct cli_command *cmd)
{
	fprintf(to, "usage: ringfence %s %s\n", cmd->name, cmd->synopsis);
}

int cli_usage(const struct cli_command *cmd)
{
	print_usage(stderr, cmd);
	return CLI_USAGE;
}

static int take_value(const struct cli_option *o, const char *text)
{
	uint32_t number;

	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)o->value = true;
		return CLI_OK;
	case CLI_TEXT:
		*(const char **)o->value = text;
		return CLI_OK;
	case CLI_NUMBER:
		if (span_to_u32(span_str(text), NUMBER_MAX, &number) != OK) {
			fprintf(stderr, "ringfence: --%s must be a number from 0 to %d\n", o->name,
			    NUMBER_MAX);
			return CLI_USAGE;
		}
		*(unsigned *)o->value = number;
		return CLI_OK;
	}
	return CLI_USAGE;
}

static const struct cli_option *find(const struct cli_option *options, unsigned n, int code)
{
	if (code >= LONG_ONLY && (unsigned)(code - LONG_ONLY) < n)
		return &options[code - LONG_ONLY];
	for (unsigned i = 0; i < n; i++)
		if (options[i].letter && options[i].letter == code)
			return &options[i];
	return NULL;
}

/* What getopt_long wants; short_names holds 2 characters an option and the frame. */
static void describe(
    const struct cli_option *options, unsigned n, struct option *long_names, char *short_names)
{
	char *p = short_names;

	for (unsigned i = 0; i < n; i++) {
		bool has_value = options[i].kind != CLI_FLAG;

		long_names[i] =
		    (struct option){options[i].name, has_value ? required_argument : no_argument,
			NULL, options[i].letter ? options[i].letter : LONG_ONLY + (int)i};
		if (options[i].letter) {
			*p++ = options[i].letter;
			if (has_value)
				*p++ = ':';
		}
	}
	long_names[n] = (struct option){"help", no_argument, NULL, 'h'};
	long_names[n + 1] = (struct option){0};
	*p++ = 'h';
	*p = '\0';
}

int cli_parse(const struct cli_command *cmd, int argc, char **argv,
    const struct cli_option *options, unsigned n, int max_operands, int *out_first)
{
	struct option long_names[OPTIONS_MAX + 2];
	char short_names[2 * OPTIONS_MAX + 2];
	int code;

	if (n > OPTIONS_MAX)
		return CLI_USAGE;
	describe(options, n, long_names, short_names);
	optind = 0; /* glibc: begin anew */
	while ((code = getopt_long(argc, argv, short_names, long_names, NULL)) != -1) {
		const struct cli_option *o = find(options, n, code);

		if (code == 'h' && !o) {
			print_usage(stdout, cmd);
			printf("%s\nmore: man ringfence-%s\n", cmd->summary, cmd->name);
			return CLI_HELP;
		}
		if (!o)
			return cli_usage(cmd);
		if (take_value(o, optarg) != CLI_OK)
			return CLI_USAGE;
	}
	if (argc - optind > max_operands) {
		fprintf(stderr, "ringfence %s: too many arguments\n", cmd->name);
		return cli_usage(cmd);
	}
	*out_first = optind;
	return CLI_OK;
}
