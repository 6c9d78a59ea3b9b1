/* SPDX-License-Identifier: MIT */
#include "daemon/file_access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What came after the headers of Debian 12 (ABI 2). */
#define ACCESS_TRUNCATE  (1ull << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define SCOPE_ABSTRACT   (1ull << 0)  /* ABI 6 */
#define SCOPE_SIGNAL     (1ull << 1)

/* The kernel takes a longer one than it knows when the rest is zero. */
struct ruleset {
	uint64_t files, ports, scopes;
};

#define OF_FILES                                                      \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)

/* All rights that this kernel can withhold. */
static uint64_t handled(unsigned abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		all |= ACCESS_TRUNCATE;
	if (abi >= 5)
		all |= ACCESS_IOCTL_DEV;
	return all;
}

static uint64_t rights_of(unsigned uses)
{
	uint64_t r = 0;

	if (uses & FILE_READ)
		r |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (uses & FILE_WRITE)
		r |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_TRUNCATE;
	if (uses & FILE_REMOVE)
		r |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return r;
}

/* A service manager may be at an abstract name; else nobody is that we speak to. */
static bool speaks_to_abstract_name(void)
{
	const char *notify = getenv("NOTIFY_SOCKET");

	return notify && notify[0] == '@';
}

static uint64_t scopes(unsigned abi)
{
	if (abi < 6)
		return 0;
	return SCOPE_SIGNAL | (speaks_to_abstract_name() ? 0 : SCOPE_ABSTRACT);
}

enum err file_access_begin(struct file_access *f, struct buf *why)
{
	long abi =
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r;

	*f = (struct file_access){.ruleset = -1};
	if (abi < 1) {
		buf_addf(why, "no Landlock: %s",
		    errno == EOPNOTSUPP ? "it is switched off in this kernel"
		    : errno == ENOSYS   ? "this kernel has none"
					: strerror(errno));
		return ERR_UNSUPPORTED;
	}
	f->abi = (unsigned)abi;
	r = (struct ruleset){.files = handled(f->abi), .scopes = scopes(f->abi)};
	f->ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0u);
	if (f->ruleset >= 0)
		return OK;
	buf_addf(why, "Landlock: %m");
	f->abi = 0;
	return ERR_IO;
}

static enum err note(struct file_access *f, const struct stat *st, unsigned uses)
{
	if (f->n == FILE_PLACES_MAX)
		return ERR_FULL;
	f->places[f->n++] = (struct file_place){st->st_dev, st->st_ino, uses};
	return OK;
}

enum err file_access_add(struct file_access *f, const char *path, unsigned uses)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;
	enum err e = OK;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? OK : ERR_IO;
	if (fstat(fd, &st) != 0)
		e = ERR_IO;
	if (e == OK)
		e = note(f, &st, uses);
	if (e == OK && f->ruleset >= 0) {
		rule.allowed_access =
		    rights_of(uses) & handled(f->abi) & (S_ISDIR(st.st_mode) ? ~0ull : OF_FILES);
		if (rule.allowed_access && syscall(SYS_landlock_add_rule, f->ruleset,
					       LANDLOCK_RULE_PATH_BENEATH, &rule, 0u) != 0)
			e = ERR_IO;
	}
	close(fd);
	return e;
}

enum err file_access_apply(struct file_access *f, struct buf *why)
{
	if (f->ruleset < 0 || syscall(SYS_landlock_restrict_self, f->ruleset, 0u) == 0)
		return OK;
	buf_addf(why, "Landlock: %m");
	return ERR_IO;
}

void file_access_end(struct file_access *f)
{
	if (f->ruleset >= 0)
		close(f->ruleset);
	f->ruleset = -1;
}

/* The uses that hold for what is at the path itself. */
static unsigned uses_of(const struct file_access *f, const char *path)
{
	struct stat st;
	unsigned uses = 0;

	if (stat(path, &st) != 0)
		return 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->places[i].dev == st.st_dev && f->places[i].ino == st.st_ino)
			uses |= f->places[i].uses;
	return uses;
}

/* The real path; of a file that does not exist, that of its folder. */
static bool find_real(const char *path, char real[PATH_MAX])
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + (slash == path) : 0;

	if (realpath(path, real))
		return true;
	if (n >= sizeof(folder))
		return false;
	memcpy(folder, path, n);
	folder[n] = '\0';
	return realpath(n ? folder : ".", real) != NULL;
}

bool file_access_has(const struct file_access *f, const char *path, unsigned uses)
{
	char real[PATH_MAX];
	unsigned has = 0;
	char *slash;

	if (!find_real(path, real))
		return true; /* its own error says more */
	for (;;) {
		has |= uses_of(f, real);
		slash = strrchr(real, '/');
		if ((has & uses) == uses || !slash || !real[1])
			return (has & uses) == uses;
		slash[slash == real] = '\0'; /* the folder above; the last is the root */
	}
}
