/* SPDX-License-Identifier: MIT */
#include "helper/serve.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GIVEN_FD = 3 };

/* One listening socket that systemd opened for us (sd_listen_fds(3), without the library). */
static bool is_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	struct span p = span_str(pid), n = span_str(fds);
	uint32_t number = 0, count = 0;

	return pid && fds && span_to_u32(p, UINT32_MAX, &number) == OK &&
	       span_to_u32(n, 64, &count) == OK && number == (uint32_t)getpid() && count == 1;
}

static enum err make_socket(
    const char *path, const struct passwd *user, struct buf *why, int *out_fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(un.sun_path)) {
		buf_addf(why, "%s: longer than the 107 bytes of a socket", path);
		return ERR_RANGE;
	}
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)unlink(path);
	umask(0177);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
	    (!user || lchown(path, user->pw_uid, (gid_t)-1) == 0) && listen(fd, 1) == 0) {
		*out_fd = fd;
		return OK;
	}
	buf_addf(why, "cannot listen on %s: %m", path);
	if (fd >= 0)
		close(fd);
	return ERR_IO;
}

enum err serve_listen(
    const char *path, const char *user, struct buf *why, int *out_fd, uid_t *out_user)
{
	const struct passwd *p = user ? getpwnam(user) : NULL;
	struct stat st;
	enum err err = OK;

	if (user && !p) {
		buf_addf(why, "there is no user %s", user);
		return ERR_NOT_FOUND;
	}
	if (is_given())
		*out_fd = GIVEN_FD;
	else
		err = make_socket(path, p, why, out_fd);
	if (err != OK)
		return err;
	if (stat(path, &st) != 0) {
		buf_addf(why, "cannot look at %s: %m", path);
		return ERR_IO;
	}
	*out_user = p ? p->pw_uid : st.st_uid;
	return OK;
}

int serve_accept(int listener, uid_t user)
{
	for (;;) {
		struct ucred cred = {.uid = (uid_t)-1};
		socklen_t n = sizeof(cred);
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			fprintf(stderr, "ringfence-helper: cannot accept: %m\n");
			return -1;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
		    (cred.uid == 0 || cred.uid == user))
			return fd;
		fprintf(stderr, "ringfence-helper: refused a connection of uid %u\n",
		    (unsigned)cred.uid);
		close(fd);
	}
}
