/* SPDX-License-Identifier: MIT */
#include "helper/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/setup.h"

enum { SOCKET = 3 };

enum err confine_descriptors(int fd, struct buf *why)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (fd != SOCKET && dup2(fd, SOCKET) < 0) || close_range(SOCKET + 1, ~0u, 0) != 0) {
		buf_addf(why, "cannot close what is open: %m");
		return ERR_IO;
	}
	return OK;
}

enum err confine_capabilities(struct buf *why)
{
	static const unsigned wanted[] = {CAP_NET_ADMIN, CAP_BPF};
	bool had[ARRAY_LEN(wanted)];
	bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, wanted[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (had[i])
			(void)capng_update(CAPNG_ADD,
			    CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, wanted[i]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0) {
		buf_add_lit(why, "cannot give up capabilities");
		return ERR_IO;
	}
	return OK;
}

/* Whoever takes the worker over must not get further than the firewall. A list of what is let in
 * would be that of libnftables and libbpf, and change with them. */
static const int never[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setfsgid),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(fchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(lchown),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(truncate),
    SCMP_SYS(creat),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(openat2),
};

/* Netlink's, and a local one that serves to ask for the number of an interface; nothing connects.
 */
static int add_sockets(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));

	for (unsigned family = 0; family < AF_NETLINK && rc == 0; family++)
		if (family != AF_UNIX)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
			    1, SCMP_A0(SCMP_CMP_EQ, family, 0));
	return rc;
}

/* Files are read, never written or made. */
static int add_files(scmp_filter_ctx ctx)
{
	static const struct {
		unsigned mask, value;
	} flags[] = {{O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(flags) && rc == 0; i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, flags[i].mask, flags[i].value));
		if (rc == 0)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
			    SCMP_A1(SCMP_CMP_MASKED_EQ, flags[i].mask, flags[i].value));
	}
	return rc;
}

/* What xdp.c and libbpf do with programs, maps and links of their own. Nothing is kept in a file
 * system, and nothing is found that others made. */
static int add_bpf(scmp_filter_ctx ctx)
{
	static const uint64_t used =
	    1ull << BPF_MAP_CREATE | 1ull << BPF_MAP_LOOKUP_ELEM | 1ull << BPF_MAP_UPDATE_ELEM |
	    1ull << BPF_MAP_DELETE_ELEM | 1ull << BPF_MAP_GET_NEXT_KEY | 1ull << BPF_PROG_LOAD |
	    1ull << BPF_OBJ_GET_INFO_BY_FD | 1ull << BPF_BTF_LOAD | 1ull << BPF_MAP_FREEZE |
	    1ull << BPF_MAP_LOOKUP_BATCH | 1ull << BPF_MAP_UPDATE_BATCH | 1ull << BPF_LINK_CREATE |
	    1ull << BPF_PROG_BIND_MAP;
	int rc = seccomp_rule_add(
	    ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 1, SCMP_A0(SCMP_CMP_GE, 64, 0));

	for (unsigned command = 0; command < 64 && rc == 0; command++)
		if (!(used >> command & 1))
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 1,
			    SCMP_A0(SCMP_CMP_EQ, command, 0));
	return rc;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(never) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	/* A process; a thread it may have. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = add_sockets(ctx);
	if (rc == 0)
		rc = add_files(ctx);
	if (rc == 0)
		rc = add_bpf(ctx);
	return rc == 0 ? seccomp_load(ctx) : rc;
}

enum err confine_calls(struct buf *why)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? add_rules(ctx) : -ENOMEM;

	seccomp_release(ctx);
	if (rc == 0)
		return OK;
	buf_addf(why, "no filter of system calls: %s", strerror(-rc));
	return ERR_IO;
}
