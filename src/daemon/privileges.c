/* SPDX-License-Identifier: MIT */
#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sanitizer.h"

/* What root keeps between the two steps, as far as it has it. */
static const unsigned kept[] = {CAP_NET_BIND_SERVICE, CAP_NET_ADMIN};

static enum err change_to(const struct passwd *pw, struct buf *why)
{
	bool had[ARRAY_LEN(kept)], bounding;
	int rc;

	capng_get_caps_process();
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (had[i])
			(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
	rc = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
	    bounding ? CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING : CAPNG_INIT_SUPP_GRP);
	if (rc == 0)
		return OK;
	buf_addf(
	    why, "privileges.user %s: cannot become this user (step %d): %m", pw->pw_name, -rc);
	return ERR_DENIED;
}

enum err privileges_become_user(const char *name, struct buf *why)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw) {
		buf_addf(why, "privileges.user %s: %s", name,
		    errno ? strerrordesc_np(errno)
			  : "this system has no such user; `useradd --system` makes one");
		return ERR_NOT_FOUND;
	}
	if (pw->pw_uid == 0) {
		buf_addf(why, "privileges.user %s: is root by another name", name);
		return ERR_DENIED;
	}
	if (pw->pw_uid == geteuid())
		return OK;
	if (geteuid() != 0) {
		buf_addf(why,
		    "privileges.user %s: only root can become another user: start as root, or "
		    "leave "
		    "the key out",
		    name);
		return ERR_DENIED;
	}
	return change_to(pw, why);
}

/* A service manager may have left none, and then forbidden the call that gives them up. */
static bool clear_capabilities(void)
{
	bool bounding;

	if (!privileges_left())
		return true;
	capng_get_caps_process();
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	errno = EPERM; /* when some are left without an error */
	return capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) == 0 &&
	       !privileges_left();
}

enum err privileges_give_up(struct buf *why)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !clear_capabilities()) {
		buf_addf(why, "cannot give up capabilities: %m");
		return ERR_IO;
	}
	/* Those that a service manager gave went with the permitted ones; old kernels know none. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!SANITIZER)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return OK;
}

void privileges_user_name(struct buf *out)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (pw)
		buf_add_escaped(out, span_str(pw->pw_name), 64);
	else
		buf_addf(out, "%u", (unsigned)geteuid());
}

bool privileges_left(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};

	return syscall(SYS_capget, &h, d) != 0 || d[0].permitted || d[1].permitted ||
	       d[0].effective || d[1].effective || d[0].inheritable || d[1].inheritable;
}
