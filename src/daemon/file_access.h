/* SPDX-License-Identifier: MIT
 *
 * Which files may be touched (Landlock): what is named here, in the ways that are named here, and
 * nothing else; no program can be run, no debugger or signal reaches another process. A folder
 * stands for all that is in it and below, also later. Files that are open, and sockets, are not
 * concerned; neither are owners and modes, which the filter of system calls guards.
 *
 *     file_access_begin, file_access_add for each, file_access_apply, file_access_end
 *
 * file_access_has then answers for another path whether it lies in what was named. */
#ifndef DAEMON_FILE_ACCESS_H
#define DAEMON_FILE_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* What may be done with a place. */
enum file_use {
	FILE_READ = 1,   /* files, and the names in a folder */
	FILE_WRITE = 2,  /* files, new ones too */
	FILE_REMOVE = 4, /* files and sockets */
};

#define FILE_PLACES_MAX 256

struct file_place {
	dev_t dev;
	ino_t ino;
	unsigned uses;
};

struct file_access {
	int ruleset;  /* -1: there is none */
	unsigned abi; /* of Landlock; 0: the kernel has none */
	struct file_place places[FILE_PLACES_MAX];
	size_t n;
};

/* With a sentence in why: ERR_UNSUPPORTED, the kernel has no Landlock: what is added then is only
 * noted, and nothing is applied; ERR_IO, likewise. */
NODISCARD enum err file_access_begin(struct file_access *f, struct buf *why);

/* uses: bits of enum file_use. A path that does not exist, or that the process may not reach, is
 * passed over. ERR_FULL; ERR_IO, errno tells why. */
NODISCARD enum err file_access_add(struct file_access *f, const char *path, unsigned uses);

/* For the calling thread and those that it makes later, for good; needs no_new_privs. ERR_IO, with
 * a sentence in why. */
NODISCARD enum err file_access_apply(struct file_access *f, struct buf *why);

/* Closes what was needed to make it; what was noted stays. */
void file_access_end(struct file_access *f);

/* Whether the path, which need not exist but in its folder, may be used so. */
bool file_access_has(const struct file_access *f, const char *path, unsigned uses);

#endif
