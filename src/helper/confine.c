/* SPDX-License-Identifier: MIT */
#include "helper/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/setup.h"

enum { SOCKET = 3, NOBODY = 65534 };

#define FCHMODAT2 452 /* unknown to libseccomp of Debian 12; the same on all machines but mips */

/* What came to Landlock after the headers of Debian 12 (ABI 2). */
#define ACCESS_TRUNCATE  (1ull << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define SCOPE_ABSTRACT   (1ull << 0)  /* ABI 6 */
#define SCOPE_SIGNAL     (1ull << 1)

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

/* ---- the user and the capabilities ---- */

/* The permitted ones stay (PR_SET_KEEPCAPS), and no power over the files of root. */
static bool become_nobody(void)
{
	const struct passwd *p = getpwnam("nobody");
	uid_t user = p ? p->pw_uid : NOBODY;
	gid_t group = p ? p->pw_gid : NOBODY;

	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(group, group, group) == 0 && setresuid(user, user, user) == 0;
}

/* The bounding set before the user: a new user has no effective capability at first, to change it
 * with. */
static bool keep_only_wanted(bool *out_nobody)
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
	if (bounding && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return false;
	*out_nobody = geteuid() != 0 || become_nobody();
	return capng_apply(CAPNG_SELECT_CAPS) == 0 && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0;
}

enum err confine_privileges(struct buf *why)
{
	bool nobody = false;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !keep_only_wanted(&nobody)) {
		buf_add_lit(why, "cannot give up capabilities");
		return ERR_IO;
	}
	if (!nobody)
		buf_add_lit(why, "stays root, without its capabilities: it may not become nobody");
	return OK;
}

/* ---- files ---- */

/* The kernel takes a longer one than it knows when the rest is zero. */
struct ruleset {
	uint64_t files, ports, scopes;
};

static int make_ruleset(long abi)
{
	struct ruleset r = {.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};

	if (abi >= 2)
		r.files |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		r.files |= ACCESS_TRUNCATE;
	if (abi >= 5)
		r.files |= ACCESS_IOCTL_DEV;
	if (abi >= 6)
		r.scopes = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0u);
}

/* libbpf wants to know how many processors there may be. */
static bool let_read_processors(int ruleset)
{
	int fd = open("/sys/devices/system/cpu", O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = fd};
	bool done = fd < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
				  &rule, 0u) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

enum err confine_files(struct buf *why)
{
	long abi =
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset = abi >= 1 ? make_ruleset(abi) : -1;
	bool done = ruleset >= 0 && let_read_processors(ruleset) &&
		    syscall(SYS_landlock_restrict_self, ruleset, 0u) == 0;

	if (!done)
		buf_addf(why, "no guard of files (Landlock): %m");
	if (ruleset >= 0)
		close(ruleset);
	if (done)
		return OK;
	return abi >= 1 ? ERR_IO : ERR_UNSUPPORTED;
}

/* ---- system calls ---- */

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
    FCHMODAT2,
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
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr),
    SCMP_SYS(fremovexattr),
    SCMP_SYS(utime),
    SCMP_SYS(utimes),
    SCMP_SYS(futimesat),
    SCMP_SYS(utimensat),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_send_signal),
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

/* Netlink's alone. */
static int add_sockets(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_NE, AF_NETLINK, 0));
}

/* Files are read, never written or made. */
static int add_files(scmp_filter_ctx ctx)
{
	static const struct {
		unsigned mask, value;
	} flags[] = {
	    {O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}};
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

/* abort(3) sends a signal to the process itself. */
static int add_signals(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
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
	if (rc == 0)
		rc = add_signals(ctx);
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
