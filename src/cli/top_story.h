/* SPDX-License-Identifier: MIT
 *
 * What `why` tells about a source, for a view of `top`. */
#ifndef CLI_TOP_STORY_H
#define CLI_TOP_STORY_H

#include "base/buf.h"
#include "cli/top_lines.h"

/* Asks the daemon on that socket, of its memory only: files of events would take too long. Lines
 * are taken anew, not wrapped yet. On failure they stay, and a sentence for a person goes to `why`.
 */
NODISCARD enum err top_story(
    const char *path, const char *about, struct top_lines *lines, struct buf *why);

#endif
