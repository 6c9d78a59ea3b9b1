/* SPDX-License-Identifier: MIT */
#include "daemon/program_rules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sandbox.h"

struct exec_program program_of(const struct conf_sink *s)
{
	struct exec_program p = {
	    .argc = MIN(s->argc, (size_t)EXEC_ARGS_MAX), .timeout = s->timeout};

	for (size_t i = 0; i < p.argc; i++)
		p.argv[i] = s->argv[i];
	return p;
}

/* Cuts the last name off; false: it was the root, or where the process is. */
static bool go_up(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (!strcmp(path, ".") || !strcmp(path, "/"))
		return false;
	if (slash)
		slash[slash == path] = '\0';
	else
		memcpy(path, ".", 2);
	return true;
}

/* Whether the place itself, or what it leads to, is in a folder that the daemon may write to. What
 * is not there counts as the folder that it would be made in. */
static bool is_given(const struct program_rules *r, const char *path)
{
	char folder[PATH_MAX], real[PATH_MAX];

	if (file_access_has(&r->given, path, FILE_WRITE) && realpath(path, real))
		return true;
	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return true;
	while (go_up(folder))
		if (realpath(folder, real))
			return file_access_has(&r->given, real, FILE_WRITE);
	return false;
}

enum err program_rules_init(struct program_rules *r, const struct conf *c)
{
	enum err e;

	*r = (struct program_rules){.guarded = !c->privileges.sandbox_off};
	e = sandbox_written(c, &r->given);
	if (e != OK)
		return e;
	r->start = conf_get(c);
	r->fixed = r->guarded && is_given(r, c->file.p);
	return OK;
}

void program_rules_done(struct program_rules *r)
{
	conf_put(r->start);
	r->start = NULL;
}

static bool is_named(const struct conf *c, const struct exec_program *p)
{
	for (size_t i = 0; i < c->sinks_count; i++) {
		struct exec_program named;

		if (c->sinks[i].kind != CONF_SINK_EXEC)
			continue;
		named = program_of(&c->sinks[i]);
		if (exec_program_eq(&named, p))
			return true;
	}
	return false;
}

enum err program_rules_check(const struct program_rules *r, const struct conf *newest,
    const struct exec_program *p, struct buf *why)
{
	if (r->guarded && is_given(r, p->argv[0].p)) {
		buf_addf(why,
		    "%s is in a folder that ringfence may write to, so who took it over could "
		    "change it: move it to another (privileges.sandbox)",
		    p->argv[0].p);
		return ERR_DENIED;
	}
	if (is_named(r->fixed ? r->start : newest, p))
		return OK;
	if (r->fixed)
		buf_addf(why,
		    "%s did not stand like this in the configuration file at the start, and "
		    "ringfence may write to the folder of that file, so who took it over could "
		    "add to it: restart it; with databases and event files in other folders a "
		    "reload will do (privileges.sandbox)",
		    p->argv[0].p);
	else
		buf_addf(why, "%s does not stand in the configuration file", p->argv[0].p);
	return ERR_NOT_FOUND;
}
