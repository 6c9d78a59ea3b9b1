/* SPDX-License-Identifier: MIT
 *
 * The controls scan and guessing: decoys, and the signatures of scanners with the operator's file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/assemble.h"
#include "conf/signatures.h"

#define DECOYS_MAX 64
#define DECOY_MOST 64

static bool check_decoy(struct assembly *a, const struct node *n)
{
	const char *why = NULL;

	if (!n->text.n || n->text.n > DECOY_MOST)
		why = "a user name has 1 to 64 characters";
	for (size_t i = 0; i < n->text.n && !why; i++)
		if (n->text.p[i] <= ' ' || n->text.p[i] > '~' || n->text.p[i] == '@')
			why = "must be the user part alone, without blanks and @";
	if (why)
		assemble_wrong(a, n, "controls.scan", SPAN(""), "decoys", why);
	return !why;
}

static void assemble_decoys(struct assembly *a)
{
	const struct node *list = a->draft->decoys;
	bool one = list && list->kind == NODE_SCALAR;
	struct span *decoys = assemble_array(a, list && !one ? list->count : 1, sizeof(*decoys));
	size_t count = 0;

	if (!decoys)
		return;
	if (list && !one && list->count > DECOYS_MAX)
		conf_errors_report(a->errs, list->line, list->column,
		    "controls.scan.decoys: too many: at most %d", DECOYS_MAX);
	for (const struct node *n = !list || one ? list : list->children; n; n = n->next) {
		if (check_decoy(a, n))
			decoys[count++] = assemble_lower(a, n->text);
		if (one)
			break;
	}
	a->conf->scan.decoys = decoys;
	a->conf->scan.decoys_count = count;
}

static size_t count_lines(struct span text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	return lines;
}

/* The path as it is: whoever mends the file has to find it. */
struct shown_path {
	char text[4096];
};

static struct shown_path show_path(struct span path)
{
	struct shown_path s;
	struct buf b = BUF(s.text);

	buf_add_escaped(&b, path, 1000);
	if (!buf_terminate(&b))
		s.text[0] = '\0';
	return s;
}

/* The whole file, in the snapshot's memory; only a regular one, so that nothing waits. */
static bool read_text(struct assembly *a, const struct node *n, struct span path, struct span *out)
{
	int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	const char *why = NULL;
	char *text = NULL;
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is no file";
	else if ((size_t)st.st_size > SIGNATURES_TEXT_MAX)
		why = "it is larger than 256 KiB";
	else
		text = assemble_array(a, (size_t)st.st_size, 1);
	if (text) {
		got = read(fd, text, (size_t)st.st_size);
		why = got < 0 ? strerror(errno) : NULL;
	}
	if (fd >= 0)
		close(fd);
	if (why)
		conf_errors_report(a->errs, n->line, n->column,
		    "controls.scan.signatures: %s cannot be read: %s", show_path(path).text, why);
	*out = span_of(text, text && !why ? (size_t)got : 0);
	return text && !why;
}

/* Each line that is wrong is named with its own place. */
static void take_lines(
    struct assembly *a, struct signature_set *set, struct span text, const struct node *n)
{
	struct span path = a->conf->scan.signatures_file, line;
	unsigned number = 0;
	bool more = text.n > 0;

	while (more) {
		char words[256];
		struct buf why = BUF(words);
		enum err e;

		number++;
		more = span_cut(&text, '\n', &line);
		e = signature_set_line(set, line, &why);
		if (e == ERR_NOMEM)
			a->nomem = true;
		else if (e != OK)
			conf_errors_report(a->errs, n ? n->line : 0, n ? n->column : 0,
			    "controls.scan.signatures: %s:%u: %s", show_path(path).text, number,
			    buf_terminate(&why) ? words : "wrong");
	}
}

static void assemble_signatures(struct assembly *a)
{
	const struct node *n = a->draft->signatures;
	struct conf_scan *c = &a->conf->scan;
	struct span own = {NULL, 0};
	struct signature_set set;

	if (n && !n->text.n) {
		assemble_wrong(
		    a, n, "controls.scan", SPAN(""), "signatures", "must be the path of a file");
		return;
	}
	if (n) {
		c->signatures_file = assemble_path(a, n->text);
		if (!c->signatures_file.p || !read_text(a, n, c->signatures_file, &own))
			return;
	}
	if (signature_set_init(
		&set, a->arena, count_lines(signatures_built_in()) + count_lines(own)) != OK) {
		a->nomem = true;
		return;
	}
	take_lines(a, &set, signatures_built_in(), n);
	take_lines(a, &set, own, n);
	c->signatures = set.item;
	c->signatures_count = set.n;
}

void assemble_scan(struct assembly *a)
{
	assemble_decoys(a);
	assemble_signatures(a);
}
