/* SPDX-License-Identifier: MIT
 *
 * Passwords on their way in: typed, piped or made here, and whether they are good enough. The
 * memory is the caller's, who wipes it. */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include "base/buf.h"

#define PASSWORD_MAX       128 /* bytes */
#define PASSWORD_GENERATED 24  /* characters: 137 bits */

/* The next line of standard input, without its end. ERR_IO: nothing came; ERR_RANGE: too long. */
NODISCARD enum err password_read_line(struct buf *out_password);

/* Asks on the terminal, twice, without showing what is typed. ERR_UNSUPPORTED: there is no
 * terminal; ERR_RANGE: too long; ERR_DENIED: the two differ; ERR_IO. */
NODISCARD enum err password_prompt(struct span account, struct buf *out_password);

/* PASSWORD_GENERATED characters that are not mistaken for one another when read aloud or copied.
 * ERR_IO: the system has no randomness. */
NODISCARD enum err password_generate(struct buf *out_password);

/* Judged by libpwquality with the system's policy, at least ten characters. False: a reason for a
 * person is added to why. The user name must not be in it. *out_no_words: this machine has no
 * dictionary (cracklib-runtime), so common words were not recognised. */
bool password_is_good(struct span password, struct span user, bool *out_no_words, struct buf *why);

/* Printable text that a phone can be given: not empty, no control characters. */
bool password_is_possible(struct span password);

#endif
