/* SPDX-License-Identifier: MIT
 *
 * `ringfence top`: what goes on now, as a live screen; once as text or JSON where there is no
 * terminal. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "cli/top_layout.h"
#include "cli/top_live.h"
#include "cli/top_screen.h"

#define EVERY_DEFAULT  2.0
#define EVERY_ONCE     1.0
#define EVERY_LEAST    0.1
#define EVERY_MOST     3600.0
#define ONCE_SOURCES   20
#define ONCE_COLS      100
#define ANSWER_STEP_MS 1000
#define WHY_MAX        1024

struct options {
	const char *config, *every, *sort, *filter;
	bool once, as_json;
	double seconds;
	enum standing_top_key key;
};

/* ---- once ---- */

static int fetch(struct top_feed *f, struct top_model *m, const char *filter)
{
	char text[WHY_MAX];
	struct buf why = BUF(text);
	enum top_feed_news news = top_feed_ask(f, m, filter, top_clock(), &why);

	while (news == TOP_FEED_NOTHING)
		news = top_feed_read(f, m, ANSWER_STEP_MS, top_clock(), &why);
	if (news == TOP_FEED_PICTURE)
		return CLI_OK;
	fprintf(stderr, "ringfence: %.*s\n", SPAN_FMT(buf_span(&why)));
	return CLI_NO;
}

static void sleep_for(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	while (nanosleep(&t, &t) != 0)
		;
}

static int width_of_output(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= TOP_LEAST_COLS)
		return w.ws_col;
	return ONCE_COLS;
}

static int print_page(const struct top_model *m, struct top_view *v)
{
	int rows = top_layout_plain_rows(MIN(m->now->n, (size_t)ONCE_SOURCES));
	struct top_page p;

	v->plain = true;
	top_note_time(v);
	if (top_page_init(&p, rows, width_of_output()) != OK) {
		fputs("ringfence: no memory\n", stderr);
		return CLI_NO;
	}
	top_layout(&p, m, v);
	top_page_print(&p, v->utf8, stdout);
	top_page_done(&p);
	return CLI_OK;
}

static int print_json(const struct top_model *m)
{
	json_t *o = top_json(m);

	text_print_json(stdout, o);
	json_decref(o);
	return CLI_OK;
}

/* Two pictures, since rates are what grew between them. */
static int run_once(
    struct top_feed *f, struct top_model *m, struct top_view *v, const struct options *o)
{
	int rc = fetch(f, m, v->filter);

	if (rc != CLI_OK)
		return rc;
	sleep_for(o->seconds);
	rc = fetch(f, m, v->filter);
	if (rc != CLI_OK)
		return rc;
	return o->as_json ? print_json(m) : print_page(m, v);
}

/* ---- live ---- */

/* NO_COLOR: see no-color.org. */
static int run_live(
    struct top_feed *f, struct top_model *m, struct top_view *v, const struct options *o)
{
	const char *colourless = getenv("NO_COLOR");
	int rc;

	if (top_screen_open(!colourless || !colourless[0], v->utf8) != OK) {
		fprintf(stderr,
		    "ringfence: this terminal (TERM=%s) cannot place text, so here is one "
		    "picture\n",
		    getenv("TERM") ? getenv("TERM") : "");
		return run_once(f, m, v, o);
	}
	rc = top_live(f, m, v);
	top_screen_close();
	return rc;
}

/* ---- options ---- */

static int read_every(struct options *o)
{
	char *end;

	o->seconds = o->once || o->as_json ? EVERY_ONCE : EVERY_DEFAULT;
	if (!o->every)
		return CLI_OK;
	o->seconds = strtod(o->every, &end);
	if (*o->every && !*end && o->seconds >= EVERY_LEAST && o->seconds <= EVERY_MOST)
		return CLI_OK;
	fputs("ringfence: -d \"", stderr);
	text_print_escaped(stderr, span_str(o->every), 40);
	fputs("\": must be seconds from 0.1 to 3600, such as 2 or 0.5\n", stderr);
	return CLI_USAGE;
}

static int read_sort(struct options *o)
{
	o->key = STANDING_TOP_RATE;
	for (unsigned k = 0; o->sort && k < STANDING_TOP_KEYS; k++) {
		if (span_eq(span_str(o->sort), span_str(standing_top_key_name(k)))) {
			o->key = (enum standing_top_key)k;
			o->sort = NULL;
		}
	}
	if (!o->sort)
		return CLI_OK;
	fputs("ringfence: -s \"", stderr);
	text_print_escaped(stderr, span_str(o->sort), 40);
	fputs("\": must be one of", stderr);
	for (unsigned k = 0; k < STANDING_TOP_KEYS; k++)
		fprintf(stderr, "%s %s", k ? "," : "", standing_top_key_name(k));
	fputc('\n', stderr);
	return CLI_USAGE;
}

static int read_filter(const struct options *o, struct top_view *v)
{
	struct standing_filter f;

	if (!o->filter)
		return CLI_OK;
	if (strlen(o->filter) < sizeof(v->filter) &&
	    standing_filter_parse(span_str(o->filter), &f) == OK) {
		memcpy(v->filter, o->filter, strlen(o->filter) + 1);
		return CLI_OK;
	}
	fputs("ringfence: --filter \"", stderr);
	text_print_escaped(stderr, span_str(o->filter), 60);
	fputs("\": no address or prefix, and no tier or reason is called so\n", stderr);
	return CLI_USAGE;
}

static int read_options(int argc, char **argv, struct options *o, struct top_view *v)
{
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&o->config),
	    {"delay", 'd', CLI_TEXT, &o->every},
	    {"sort", 's', CLI_TEXT, &o->sort},
	    {"filter", 'f', CLI_TEXT, &o->filter},
	    {"once", 'b', CLI_FLAG, &o->once},
	    CLI_JSON_OPTION(&o->as_json),
	};
	int first, rc = cli_parse(&cli_top, argc, argv, options, ARRAY_LEN(options), 0, &first);

	if (rc == CLI_OK)
		rc = read_sort(o);
	if (rc == CLI_OK)
		rc = read_filter(o, v);
	o->once = o->once || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	return rc == CLI_OK ? read_every(o) : rc;
}

static int run_with(struct options *o, struct top_view *v)
{
	char path[CLI_SOCKET_MAX];
	struct top_feed f = {.path = path};
	struct top_model m;
	int rc = cli_find_socket(o->config, path);

	if (rc != CLI_OK)
		return rc;
	if (top_model_init(&m) != OK) {
		fputs("ringfence: no memory\n", stderr);
		return CLI_NO;
	}
	m.sort = o->key;
	v->every = o->seconds;
	if (o->once || o->as_json)
		rc = run_once(&f, &m, v, o);
	else
		rc = run_live(&f, &m, v, o);
	top_feed_done(&f);
	top_model_done(&m);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {.config = CLI_DEFAULT_CONFIG};
	struct top_view v = {.mode = TOP_LIST};
	int rc = read_options(argc, argv, &o, &v);

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	setlocale(LC_CTYPE, "");
	v.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return run_with(&o, &v);
}

const struct cli_command cli_top = {"top",
    "[-c FILE] [-d SECONDS] [-s KEY] [-f FILTER] [-b | --json]",
    "what goes on now: rates, sources, reasons, live", run};
