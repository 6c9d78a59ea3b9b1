/* SPDX-License-Identifier: MIT */
#include "daemon/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/call_filter.h"
#include "daemon/privileges.h"

/* What libraries read: names, certificates, plug-ins, the time zone. Of /etc single files, since as
 * root without capabilities the daemon would still own the others; folders only where files are
 * replaced. */
static const char *const read_by_libraries[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/proc",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
};

/* Configuration, signatures, token, two stores, the sockets, three a sink. */
#define PLACES_MAX (6 + CONF_HTTP_MAX + 3 * CONF_SINKS_MAX)

/* A file that the configuration names. at_start: only a restart uses another. */
typedef enum err place_fn(
    void *arg, const char *key, const char *path, unsigned uses, bool at_start);

static enum err each_sink(const struct conf *c, place_fn *fn, void *arg)
{
	enum err e = OK;

	for (size_t i = 0; i < c->sinks_count && e == OK; i++) {
		const struct conf_sink *s = &c->sinks[i];

		if (s->kind == CONF_SINK_FILE || s->kind == CONF_SINK_FAIL2BAN)
			e = fn(arg, "events", s->path.p, FILE_WRITE, false);
		if (e == OK && s->token_file.n)
			e = fn(arg, "events.token_file", s->token_file.p, FILE_READ, false);
		if (e == OK && s->ca.n)
			e = fn(arg, "events.ca", s->ca.p, FILE_READ, false);
	}
	return e;
}

static enum err each_place(const struct conf *c, place_fn *fn, void *arg)
{
	static const unsigned database = FILE_READ | FILE_WRITE | FILE_REMOVE;
	enum err e = fn(arg, "configuration", c->file.p, FILE_READ, true);

	if (e == OK && c->scan.signatures_file.n)
		e = fn(
		    arg, "controls.scan.signatures", c->scan.signatures_file.p, FILE_READ, false);
	if (e == OK && c->admin_token_file.n)
		e = fn(arg, "admin.token_file", c->admin_token_file.p, FILE_READ, false);
	if (e == OK)
		e = fn(arg, "accounts.store", c->accounts_store.path.p, database, true);
	if (e == OK)
		e = fn(arg, "state.store", c->state_store.path.p, database, true);
	if (e == OK)
		e = fn(arg, "admin.listen", c->admin_socket.p, FILE_REMOVE, true);
	for (size_t i = 0; i < c->admin_http_count && e == OK; i++)
		if (c->admin_http[i].path.n)
			e = fn(arg, "admin.listen", c->admin_http[i].path.p, FILE_REMOVE, true);
	return e == OK ? each_sink(c, fn, arg) : e;
}

/* ---- at the start ---- */

struct adding {
	struct sandbox *s;
	const struct conf *conf;
	struct buf *why;
};

/* The folder of a path; false: it has no room. */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	int len = snprintf(folder, PATH_MAX, "%.*s", n ? (int)n : 1, n ? path : ".");

	return len > 0 && len < PATH_MAX;
}

static bool is_in(const char *const list[], size_t n, const char *path, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && !memcmp(list[i], path, len))
			return true;
	return false;
}

/* Much else is in these that the daemon has no business with; a folder below is another matter. */
static const char *const shared[] = {"/", "/home", "/media", "/mnt", "/opt", "/root", "/run",
    "/run/lock", "/run/user", "/srv", "/tmp", "/var", "/var/cache", "/var/lib", "/var/local",
    "/var/log", "/var/mail", "/var/spool", "/var/tmp", "/dev/shm"};

/* In these nothing is for it to write. */
static const char *const of_the_system[] = {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32",
    "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr"};

/* Where files may be read one by one only: it is the machine's own. */
static bool is_root_or_etc(const char *folder)
{
	char real[PATH_MAX];

	return realpath(folder, real) && (!strcmp(real, "/") || !strcmp(real, "/etc"));
}

/* Whether who writes in the folder could change what others rely on. The folder of the
 * configuration has the databases, as the presets say; if it is not /etc itself. */
static bool must_not_change(const struct conf *c, const char *folder)
{
	char real[PATH_MAX], own[PATH_MAX];

	if (!realpath(folder, real))
		return false;
	if (is_in(shared, ARRAY_LEN(shared), real, strlen(real)) ||
	    is_in(of_the_system, ARRAY_LEN(of_the_system), real, strlen(real)))
		return true;
	if (!strncmp(real, "/dev/shm/", 9) || (realpath(c->dir.p, own) && !strcmp(own, real)))
		return false;
	return is_in(of_the_system, ARRAY_LEN(of_the_system), real, 1 + strcspn(real + 1, "/"));
}

static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/* A pipe without a name, such as /dev/stdout may lead to: Landlock has no rule for it, and needs
 * none. */
static bool is_pipe(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

static bool leads_elsewhere(const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && realpath(path, real);
}

static enum err add_file(struct adding *a, const char *path, unsigned uses)
{
	enum err e = file_access_add(&a->s->files, path, uses);

	if (e == ERR_IO)
		buf_addf(a->why, "privileges.sandbox: %s: %m", path);
	return e;
}

/* Of a folder that is not to be changed. */
static enum err refuse_folder(
    struct adding *a, const char *key, const char *path, const char *folder, unsigned uses)
{
	if (leads_elsewhere(path))
		return OK; /* the link stays as it is; where it leads comes next */
	if (!(uses & FILE_WRITE)) {
		fprintf(stderr,
		    "ringfence: warning: %s: %s will not be removed at the end: %s is not "
		    "ringfence's own (privileges.sandbox)\n",
		    key, path, folder);
		return OK;
	}
	buf_addf(a->why,
	    "%s: %s must have a folder of its own: who takes ringfence over could change all that "
	    "is in %s (privileges.sandbox)",
	    key, path, folder);
	return ERR_DENIED;
}

/* The folder, so that the file can be replaced, as editors, log rotation and databases do. */
static enum err add_folder(struct adding *a, const char *key, const char *path, unsigned uses)
{
	char folder[PATH_MAX];

	if (!folder_of(path, folder))
		return ERR_RANGE;
	if (is_pipe(path))
		return OK;
	if (is_device(path))
		return add_file(a, path, uses);
	if (uses == FILE_READ)
		return add_file(a, is_root_or_etc(folder) ? path : folder, uses);
	return must_not_change(a->conf, folder) ? refuse_folder(a, key, path, folder, uses)
						: add_file(a, folder, uses);
}

/* Where the path leads now, and where it is said to be: a link may lead elsewhere tomorrow. */
static enum err add_place(
    void *arg, const char *key, const char *path, unsigned uses, bool at_start UNUSED)
{
	struct adding *a = arg;
	char real[PATH_MAX];
	enum err e;

	if (!strcmp(path, ":memory:"))
		return OK;
	e = add_folder(a, key, path, uses);
	if (e == OK && realpath(path, real) && strcmp(path, real) != 0)
		e = add_folder(a, key, real, uses);
	return e;
}

static enum err add_all(struct sandbox *s, const struct conf *c, struct buf *why)
{
	struct adding a = {s, c, why};
	enum err e = each_place(c, add_place, &a);

	for (size_t i = 0; i < ARRAY_LEN(read_by_libraries) && e == OK; i++)
		e = add_file(&a, read_by_libraries[i], FILE_READ);
	if (e == OK)
		e = add_file(&a, "/dev/null", FILE_READ | FILE_WRITE);
	if (e != OK && why->n == 0)
		buf_addf(why, "privileges.sandbox: files: %s", err_text(e));
	return e;
}

static enum err guard_files(struct sandbox *s, const struct conf *c, struct buf *why)
{
	struct buf lacks = BUF(s->files_why);
	enum err e;

	e = file_access_begin(&s->files, &lacks);
	if (e == ERR_UNSUPPORTED) {
		(void)buf_terminate(&lacks);
		return OK;
	}
	if (e == OK)
		e = add_all(s, c, why);
	else
		buf_add_span(why, buf_span(&lacks));
	if (e == OK)
		e = file_access_apply(&s->files, why);
	file_access_end(&s->files);
	s->files_guarded = e == OK;
	return e;
}

static enum err filter_calls(struct sandbox *s, struct buf *why)
{
	struct buf lacks = BUF(s->calls_why);
	enum err e = call_filter_apply(s->refusal ? s->refusal : EPERM, &lacks);

	(void)buf_terminate(&lacks);
	s->calls_filtered = e == OK;
	if (e == ERR_UNSUPPORTED)
		return OK;
	if (e != OK)
		buf_add_span(why, buf_span(&lacks));
	return e;
}

/* What owner and mode of a path allow to who we are at the moment. */
static bool is_usable(const char *path, unsigned uses)
{
	char folder[PATH_MAX];

	if ((uses & FILE_READ) && access(path, R_OK) != 0)
		return false;
	return !(uses & (FILE_WRITE | FILE_REMOVE)) || is_device(path) || is_pipe(path) ||
	       !folder_of(path, folder) || access(folder, W_OK | X_OK) == 0;
}

/* Without its capabilities root cannot use what belongs to another user. What is only read was read
 * already, maybe as root. */
struct usable {
	const char *user;
	bool told, was[PLACES_MAX];
	size_t n;
};

static enum err compare_usable(
    void *arg, const char *key, const char *path, unsigned uses, bool at_start UNUSED)
{
	struct usable *u = arg;
	bool is = is_usable(path, uses);
	size_t i = u->n++;

	if (!u->told)
		u->was[i] = is || uses == FILE_READ;
	else if (u->was[i] && !is)
		fprintf(stderr,
		    "ringfence: warning: %s: %s can no more be %s: give it to %s, or name its "
		    "owner "
		    "at privileges.user\n",
		    key, path, uses == FILE_READ ? "read again" : "replaced", u->user);
	return OK;
}

static void tell(const struct sandbox *s)
{
	if (geteuid() == 0)
		fputs("ringfence: it runs as root: all capabilities are given up, but root's "
		      "files are still its own, and services that trust root, such as Docker's "
		      "or D-Bus, would do what it asks; better name a user at privileges.user\n",
		    stderr);
	if (s->calls_why[0])
		fprintf(stderr, "ringfence: %s\n", s->calls_why);
	if (s->files_why[0])
		fprintf(stderr,
		    "ringfence: %s: what the daemon may read and write is up to its user\n",
		    s->files_why);
}

enum err sandbox_enter(struct sandbox *s, const struct conf *c, struct buf *why)
{
	const bool off = c->privileges.sandbox_off;
	struct usable usable = {.user = s->user};
	struct buf user = BUF(s->user);
	enum err e;

	privileges_user_name(&user);
	(void)buf_terminate(&user);
	(void)each_place(c, compare_usable, &usable);
	e = privileges_give_up(why);
	if (e == OK && !off)
		e = guard_files(s, c, why);
	if (e == OK && !off)
		e = filter_calls(s, why);
	if (e != OK)
		return e;
	s->entered = true;
	tell(s);
	usable.told = true;
	usable.n = 0;
	(void)each_place(c, compare_usable, &usable);
	return OK;
}

/* ---- for others ---- */

static enum err note_written(
    void *arg, const char *key UNUSED, const char *path, unsigned uses, bool at_start UNUSED)
{
	char real[PATH_MAX], folder[PATH_MAX];
	enum err e = OK;

	if (!(uses & FILE_WRITE) || !strcmp(path, ":memory:") || is_device(path))
		return OK;
	if (folder_of(path, folder))
		e = file_access_add(arg, folder, FILE_WRITE);
	if (e == OK && realpath(path, real) && folder_of(real, folder))
		e = file_access_add(arg, folder, FILE_WRITE);
	return e;
}

enum err sandbox_written(const struct conf *c, struct file_access *out_f)
{
	*out_f = (struct file_access){.ruleset = -1};
	return each_place(c, note_written, out_f);
}

/* ---- at a reload ---- */

struct covering {
	const struct sandbox *s;
	struct buf *why;
};

static enum err check_place(
    void *arg, const char *key, const char *path, unsigned uses, bool at_start)
{
	const struct covering *v = arg;

	if (at_start || is_pipe(path) || file_access_has(&v->s->files, path, uses))
		return OK;
	if (uses != FILE_READ && file_access_has(&v->s->files, path, FILE_READ))
		buf_addf(v->why,
		    "%s: %s is in a folder that ringfence only reads: it may not be written to "
		    "since the start (privileges.sandbox): restart it\n",
		    key, path);
	else
		buf_addf(v->why,
		    "%s: %s is in a folder that no key named when ringfence started, and it may "
		    "use no other since (privileges.sandbox): restart it\n",
		    key, path);
	return OK;
}

enum err sandbox_covers(const struct sandbox *s, const struct conf *c, struct buf *why)
{
	struct covering v = {s, why};
	const size_t before = why->n;

	if (!s->files_guarded)
		return OK;
	(void)each_place(c, check_place, &v);
	return why->n == before ? OK : ERR_DENIED;
}

void sandbox_explain(const struct sandbox *s, struct buf *messages)
{
	static const char denied[] = "Permission denied";

	if (s->files_guarded && memmem(messages->p, messages->n, denied, sizeof(denied) - 1))
		buf_add_lit(messages,
		    "note: since its start ringfence reads only what lies in folders that its "
		    "configuration named then (privileges.sandbox); for others restart it\n");
}
