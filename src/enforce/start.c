/* SPDX-License-Identifier: MIT */
#include "enforce/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { HELPER_FD = 3 };

static bool may_change_the_firewall(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};

	return syscall(SYS_capget, &h, d) == 0 && (d[0].permitted & 1u << CAP_NET_ADMIN);
}

/* Beside this program, where the build puts it, where it is installed. */
static bool find_helper(char path[PATH_MAX])
{
	static const char *const places[] = {"/ringfence-helper", "/../helper/ringfence-helper"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[MAX(n, 0)] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < ARRAY_LEN(places); i++) {
		int len = snprintf(path, PATH_MAX, "%.*s%s", (int)(slash - self), self, places[i]);

		if (len > 0 && len < PATH_MAX && access(path, X_OK) == 0)
			return true;
	}
	snprintf(path, PATH_MAX, "%s", RINGFENCE_HELPER);
	return access(path, X_OK) == 0;
}

/* fd becomes number 3 of the child, which closes all others by itself. */
static int spawn(const char *path, int fd, pid_t *out_pid)
{
	static char name[] = "ringfence-helper", option[] = "--socket-fd", number[] = "3";
	static char path_of_all[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const argv[] = {name, option, number, NULL};
	char *const env[] = {path_of_all, NULL};
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd, HELPER_FD);
	if (rc == 0)
		rc = posix_spawn(out_pid, path, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

enum err start_helper(struct buf *why, int *out_fd, pid_t *out_pid)
{
	char path[PATH_MAX];
	int pair[2], rc;

	if (!may_change_the_firewall()) {
		buf_add_lit(
		    why, "no CAP_NET_ADMIN: start as root, or run ringfence-helper.service");
		return ERR_DENIED;
	}
	if (!find_helper(path)) {
		buf_addf(why, "there is no %s: install it", path);
		return ERR_NOT_FOUND;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		buf_addf(why, "no socket for the helper: %m");
		return ERR_IO;
	}
	rc = spawn(path, pair[1], out_pid);
	close(pair[1]);
	if (rc == 0 && fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0) {
		*out_fd = pair[0];
		return OK;
	}
	close(pair[0]);
	buf_addf(why, "cannot start %s: %s", path, strerror(rc ? rc : errno));
	return ERR_IO;
}

enum err start_connect(const char *path, struct buf *why, int *out_fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	memcpy(un.sun_path, path, MIN(strlen(path), sizeof(un.sun_path) - 1));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0) {
		*out_fd = fd;
		return OK;
	}
	error = errno;
	buf_addf(why, "no helper at %s: %m", path);
	if (fd >= 0)
		close(fd);
	if (error == EACCES || error == EPERM)
		return ERR_DENIED;
	return error == ENOENT || error == ECONNREFUSED ? ERR_NOT_FOUND : ERR_IO;
}

bool start_is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}
