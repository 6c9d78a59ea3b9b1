/* SPDX-License-Identifier: MIT
 *
 * `ringfence init`: writes a first configuration, with every key and its default in a comment.
 * Never touches a file that exists. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "conf/conf.h"
#include "conf/write.h"

#define LISTEN_MAX 8

static int write_new(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	bool ok;

	if (fd < 0) {
		fprintf(stderr, "ringfence: %s: %s%s\n", path,
		    errno == EEXIST ? "is there already and was left as it is" : strerror(errno),
		    errno == ENOENT ? "; make its folder, or write elsewhere with -c FILE" : "");
		return CLI_NO;
	}
	ok = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	if (!ok) {
		fprintf(stderr, "ringfence: %s: cannot be written: %s\n", path, strerror(errno));
		(void)unlink(path);
		return CLI_NO;
	}
	printf("ringfence: wrote %s\n", path);
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	static char text[CONF_WRITE_MAX];
	static const char *const anywhere[] = {"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"};
	const char *path = CLI_DEFAULT_CONFIG, *domain = "example.com", *advertise = NULL;
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&path),
	    {"domain", 'd', CLI_TEXT, &domain},
	    {"advertise", 'a', CLI_TEXT, &advertise},
	};
	struct buf b = BUF(text);
	struct conf_example example;
	int first, rc;

	rc = cli_parse(&cli_init, argc, argv, options, ARRAY_LEN(options), LISTEN_MAX, &first);
	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	example = (struct conf_example){
	    .listen = first < argc ? (const char *const *)(argv + first) : anywhere,
	    .listen_count = first < argc ? (size_t)(argc - first) : ARRAY_LEN(anywhere),
	    .advertise = advertise,
	    .domain = domain,
	};
	conf_write_example(&b, &example);
	if (b.overflow) {
		fprintf(stderr, "ringfence: the texts given are too long\n");
		return CLI_USAGE;
	}
	/* What was asked for is judged before it is left for others to find. */
	struct conf_errors errs;
	struct conf *c = NULL;
	enum err e;

	conf_errors_init(&errs);
	e = conf_load_text(buf_span(&b), path, &c, &errs);
	for (size_t i = 0; e != OK && i < errs.count; i++)
		fprintf(stderr, "ringfence: %.*s\n", SPAN_FMT(errs.list[i].text));
	conf_errors_done(&errs);
	conf_put(c);
	return e == OK ? write_new(path, buf_span(&b)) : CLI_USAGE;
}

const struct cli_command cli_init = {
    .name = "init",
    .synopsis = "[-c FILE] [--domain NAME] [--advertise HOST[:PORT]] [LISTEN...]",
    .summary = "write a first configuration, all keys explained",
    .run = run,
};
