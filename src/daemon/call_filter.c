/* SPDX-License-Identifier: MIT */
#include "daemon/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sanitizer.h"

/* Whatever the arguments are: the kernel then answers from a map of bits, without running the
 * filter. Those that an architecture does not have are left out by the library. */
static const int always[] = {
    /* packets and the loops */
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(recv),
    SCMP_SYS(send),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(connect),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(shutdown),
    SCMP_SYS(socketcall),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    /* time, threads, memory */
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(futex_time64),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(recvmmsg_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(membarrier),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(msync),
    SCMP_SYS(mincore),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(brk),
    /* files; which ones is Landlock's */
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(stat),
    SCMP_SYS(stat64),
    SCMP_SYS(lstat),
    SCMP_SYS(lstat64),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(sendfile),
    SCMP_SYS(ftruncate),
    SCMP_SYS(ftruncate64),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(flock),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    /* about itself, and the end of the helper that it started */
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getuid32),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid32),
    SCMP_SYS(getegid32),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    SCMP_SYS(getgroups),
    SCMP_SYS(getrlimit),
    SCMP_SYS(ugetrlimit),
    SCMP_SYS(capget),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
};

/* Answered so that libraries take the older call, which the list has. */
static const int too_new[] = {
    SCMP_SYS(clone3),
    SCMP_SYS(openat2),
};

/* One or two conditions on arguments under which a call is let through. */
struct condition {
	int call;
	unsigned n;
	struct scmp_arg_cmp args[2];
};

#define IS(arg, value)         SCMP_CMP64(arg, SCMP_CMP_EQ, value, 0)
#define HAS_NONE_OF(arg, bits) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, 0)
#define HAS(arg, bits)         SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, bits)

/* SQLite gives its companion files the mode of the database; nothing may become a program, or
 * writable for everyone. */
#define FILE_MODE_BITS 0664

static int add_conditions(scmp_filter_ctx ctx)
{
	const struct condition list[] = {
	    /* Packets of our own making need a capability; these are all that there is without. Not
	     * where socketcall stands for all (32-bit x86): its arguments are in memory. */
	    {SCMP_SYS(socket), 1, {IS(0, AF_INET)}},
	    {SCMP_SYS(socket), 1, {IS(0, AF_INET6)}},
	    {SCMP_SYS(socket), 1, {IS(0, AF_UNIX)}},
	    /* The addresses of this machine, for getaddrinfo, too. */
	    {SCMP_SYS(socket), 2, {IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)}},
	    {SCMP_SYS(socketpair), 1, {IS(0, AF_UNIX)}},
	    /* A thread, never a process. */
	    {SCMP_SYS(clone), 1, {HAS(0, CLONE_THREAD)}},
	    {SCMP_SYS(tgkill), 1, {IS(0, (scmp_datum_t)getpid())}},
	    /* Libraries can be loaded, what is in memory does not become code. A file can, also one
	     * that the daemon wrote: what is mapped is no argument that a filter sees. */
	    {SCMP_SYS(mmap), 1, {HAS_NONE_OF(2, PROT_EXEC)}},
	    {SCMP_SYS(mmap), 1, {HAS_NONE_OF(2, PROT_WRITE)}},
	    {SCMP_SYS(mmap2), 1, {HAS_NONE_OF(2, PROT_EXEC)}},
	    {SCMP_SYS(mmap2), 1, {HAS_NONE_OF(2, PROT_WRITE)}},
	    {SCMP_SYS(mprotect), 1, {HAS_NONE_OF(2, PROT_EXEC)}},
	    {SCMP_SYS(fchmod), 1, {HAS_NONE_OF(1, (uint32_t)~FILE_MODE_BITS)}},
	    {SCMP_SYS(ioctl), 1, {IS(1, FIONBIO)}},
	    {SCMP_SYS(ioctl), 1, {IS(1, FIONREAD)}},
	    {SCMP_SYS(ioctl), 1, {IS(1, FIOCLEX)}},
	    {SCMP_SYS(ioctl), 1, {IS(1, TCGETS)}},
	    {SCMP_SYS(prctl), 1, {IS(0, PR_SET_NAME)}},
	    /* To read a limit. */
	    {SCMP_SYS(prlimit64), 2, {IS(0, 0), IS(2, 0)}},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(list) && rc == 0; i++)
		rc = seccomp_rule_add_array(
		    ctx, SCMP_ACT_ALLOW, list[i].call, list[i].n, list[i].args);
	return rc;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;

	/* A tree instead of a chain, for kernels before 5.11 that have no map of bits. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Against what one thread can learn of another by speculation; here nobody brings code of
	 * his own, and it costs every thread of ours some percent on older kernels. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_SSB, 1);
	/* The kernel's own error of seccomp_load, which else is ECANCELED whatever it was. */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	for (size_t i = 0; i < ARRAY_LEN(always) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, always[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(too_new) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), too_new[i], 0);
	return rc == 0 ? add_conditions(ctx) : rc;
}

/* Of the kernel's errors: it has no filters, or what contains this process refuses them. */
static bool is_lack(int error)
{
	return error == ENOSYS || error == EINVAL || error == EPERM;
}

static enum err load(scmp_filter_ctx ctx, struct buf *why)
{
	int error;

	errno = 0;
	error = -seccomp_load(ctx);
	if (error == 0)
		return OK;
	/* What it does not expect of the kernel, as ENOSYS and EPERM, the library tells so. */
	if (error == EFAULT && errno)
		error = errno;
	buf_addf(why, "no filter of system calls: %s", strerror(error));
	return error == ENOMEM ? ERR_NOMEM : is_lack(error) ? ERR_UNSUPPORTED : ERR_IO;
}

enum err call_filter_apply(int refusal, struct buf *why)
{
	scmp_filter_ctx ctx;
	enum err e;
	int rc;

	if (SANITIZER) {
		buf_add_lit(why, "no filter of system calls: not in a build with a sanitizer");
		return ERR_UNSUPPORTED;
	}
	ctx = seccomp_init(SCMP_ACT_ERRNO((uint32_t)refusal));
	rc = ctx ? add_rules(ctx) : -ENOMEM;
	if (rc == 0) {
		e = load(ctx, why);
	} else {
		buf_addf(why, "the filter of system calls cannot be made: %s", strerror(-rc));
		e = rc == -ENOMEM ? ERR_NOMEM : ERR_IO;
	}
	seccomp_release(ctx);
	return e;
}
