/* SPDX-License-Identifier: MIT
 *
 * The terminal of `top`: shows pages and gives keys, with ncurses. One at a time; the only file
 * that knows ncurses. Whatever ends the program by exit() or a signal that it handles, call
 * top_screen_close before, or the terminal stays as it is. */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include "cli/top_page.h"

/* The locale must be set. colours: when the terminal has them. ERR_NOT_FOUND: the terminal (TERM)
 * is not known or cannot place text; nothing was changed then. */
NODISCARD enum err top_screen_open(bool colours, bool utf8);
void top_screen_close(void);

void top_screen_size(int *out_rows, int *out_cols);
void top_screen_show(const struct top_page *p);

/* A key that was pressed, as for top_view_key, or TOP_KEY_NONE; never waits. TOP_KEY_RESIZE: the
 * size is another one. */
int top_screen_key(void);

/* Everything is written anew with the next page, also what another program overwrote. */
void top_screen_refresh(void);

#endif
