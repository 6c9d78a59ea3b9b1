/* SPDX-License-Identifier: MIT
 *
 * What a process of the helper can no longer do. Each step is taken in a child. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper/confine.h"

enum { OBJ_GET = 7 }; /* of bpf(2) */

/* In a child: an assertion of cmocka would go on as the test. */
static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s (%s)\n", what, strerror(errno));
	_exit(EXIT_FAILURE);
}

#define NEED(x) need(x, #x)

static void in_child(void (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		check();
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool fails(long rc, int error)
{
	return rc < 0 && errno == error;
}

static void check_privileges(void)
{
	char text[256];
	struct buf why = BUF(text);

	NEED(confine_privileges(&why) == OK);
	if (why.n == 0) { /* else: a container without the user */
		NEED(getuid() != 0 && geteuid() != 0 && getgid() != 0 && getegid() != 0);
		NEED(fails(setresuid(0, 0, 0), EPERM));
		NEED(fails(open("/etc/shadow", O_RDONLY), EACCES) || errno == ENOENT);
	}
}

static void check_files(void)
{
	char text[256];
	struct buf why = BUF(text);
	enum err err;

	NEED(confine_privileges(&why) == OK);
	err = confine_files(&why);
	if (err == ERR_UNSUPPORTED)
		return;
	NEED(err == OK);
	NEED(fails(open("/etc/passwd", O_RDONLY), EACCES));
	NEED(fails(open("/proc/self/status", O_RDONLY), EACCES));
	NEED(access("/sys/devices/system/cpu/possible", R_OK) != 0 ||
	     open("/sys/devices/system/cpu/possible", O_RDONLY) >= 0);
}

static void check_calls(void)
{
	char text[256];
	struct buf why = BUF(text);

	NEED(confine_privileges(&why) == OK && confine_calls(&why) == OK);
	NEED(fails(kill(getppid(), 0), EPERM));
	NEED(fails(syscall(SYS_tgkill, getppid(), getppid(), 0), EPERM));
	NEED(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) == 0);
	NEED(fails(open("/dev/null", O_RDONLY | O_TRUNC), EPERM));
	NEED(fails(syscall(452, AT_FDCWD, "/", 0, 0), EPERM)); /* fchmodat2 */
	NEED(fails(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EPERM));
	NEED(fails(syscall(SYS_bpf, OBJ_GET, NULL, 0), EPERM));
	NEED(fails(syscall(SYS_bpf, OBJ_GET | 1ull << 32, NULL, 0), EPERM));
	NEED(fails(socket(AF_INET, SOCK_DGRAM, 0), EAFNOSUPPORT));
	NEED(fails(socket(AF_UNIX, SOCK_DGRAM, 0), EAFNOSUPPORT));
	NEED(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static void test_privileges(void **state UNUSED)
{
	in_child(check_privileges);
}

static void test_files(void **state UNUSED)
{
	in_child(check_files);
}

static void test_calls(void **state UNUSED)
{
	in_child(check_calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_privileges),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
