/* SPDX-License-Identifier: MIT
 *
 * Events of a story from the files that the configuration writes them to, those that logrotate has
 * put aside as well: FILE, FILE.1 or FILE.1.gz, FILE.2, and so on. */
#ifndef CLI_WHY_FILES_H
#define CLI_WHY_FILES_H

#include "cli/why_story.h"

#define WHY_FILES_MAX 64                  /* rotated ones of one sink */
#define WHY_READ_MAX  ((uint64_t)1 << 30) /* bytes looked at, packed ones unpacked */

struct why_files {
	size_t read;   /* files that were looked at */
	size_t failed; /* and could not be read; said on standard error */
	bool cut;      /* there was more than WHY_READ_MAX */
};

/* Reads the files of the story's configuration, the newest first, back to the story's `since`. */
void why_files_read(struct why_story *s, struct why_files *out);

#endif
