/* SPDX-License-Identifier: MIT */
#include "admin/socket.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_MODE 0660

enum err admin_socket_address(const char *path, struct buf *why, struct sockaddr_un *out_sa)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(sa.sun_path)) {
		buf_addf(why,
		    "control socket %s: the path has %zu bytes, a socket's may have 1 to %zu: set "
		    "a "
		    "shorter one at admin.listen",
		    path, n, sizeof(sa.sun_path) - 1);
		return ERR_RANGE;
	}
	memcpy(sa.sun_path, path, n + 1);
	*out_sa = sa;
	return OK;
}

static void say(struct buf *why, const char *path, const char *what)
{
	buf_addf(why, "control socket %s: %s: %s", path, what, strerror(errno));
}

/* What connecting to the file says about who is behind it. */
static int knock(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0)
		error = errno;
	close(fd);
	return error;
}

static enum err remove_stale(const struct sockaddr_un *sa, struct buf *why)
{
	const char *path = sa->sun_path;
	struct stat st;
	int error;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return OK;
		say(why, path, "cannot be looked at");
		return ERR_IO;
	}
	if (!S_ISSOCK(st.st_mode)) {
		buf_addf(why,
		    "control socket %s: there is a file of that name that is no socket; remove it "
		    "or set another path at admin.listen",
		    path);
		return ERR_EXISTS;
	}
	error = knock(sa);
	if (error == 0 || error == EAGAIN) {
		buf_addf(why, "control socket %s: a daemon is running and listens there", path);
		return ERR_BUSY;
	}
	if (error != ECONNREFUSED || unlink(path) != 0) {
		errno = error != ECONNREFUSED ? error : errno;
		say(why, path, "what is left of an earlier run cannot be removed");
		return ERR_IO;
	}
	return OK;
}

enum err admin_socket_bind(const char *path, struct buf *why, int *out_fd)
{
	struct sockaddr_un sa;
	enum err e = admin_socket_address(path, why, &sa);
	int fd;

	if (e == OK)
		e = remove_stale(&sa, why);
	if (e != OK)
		return e;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode is set before the file is there, so that it is never wider; the umask may have
	 * narrowed it, which the second call mends. */
	if (fd < 0 || fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    chmod(path, SOCKET_MODE) != 0) {
		say(why, path, "cannot be made");
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	*out_fd = fd;
	return OK;
}
