/* SPDX-License-Identifier: MIT */
#include "cli/top_screen.h"

#include <unistd.h>

#include "cli/top_view.h"

/* Last: it has an OK of its own, which is 0 as well. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>

#define ESCAPE_MS 25 /* after Esc: is it the begin of an arrow key? */

static struct {
	SCREEN *screen; /* NULL: closed */
	bool utf8;
	attr_t attributes[TOP_STYLES];
} terminal; /* curses is one for the process, anyway */

/* colour: -1 is the terminal's own. */
static const struct {
	short colour;
	attr_t with, without; /* attributes with and without colours */
} looks[TOP_STYLES] = {
    [TOP_PLAIN] = {-1, A_NORMAL, A_NORMAL},
    [TOP_DIM] = {-1, A_DIM, A_NORMAL},
    [TOP_BOLD] = {-1, A_BOLD, A_BOLD},
    [TOP_BAR] = {-1, A_REVERSE, A_REVERSE},
    [TOP_BAR_SORTED] = {-1, A_REVERSE | A_BOLD, A_BOLD | A_UNDERLINE},
    [TOP_WARN] = {COLOR_YELLOW, A_NORMAL, A_BOLD},
    [TOP_GOOD] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
    [TOP_TIER + EVENT_TIER_NONE] = {-1, A_NORMAL, A_NORMAL},
    [TOP_TIER + EVENT_TIER_DENIED] = {COLOR_RED, A_BOLD, A_BOLD},
    [TOP_TIER + EVENT_TIER_SUSPECT] = {COLOR_YELLOW, A_NORMAL, A_BOLD},
    [TOP_TIER + EVENT_TIER_UNKNOWN] = {-1, A_NORMAL, A_NORMAL},
    [TOP_TIER + EVENT_TIER_CHALLENGED] = {COLOR_CYAN, A_NORMAL, A_NORMAL},
    [TOP_TIER + EVENT_TIER_KNOWN] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
    [TOP_TIER + EVENT_TIER_TRUSTED] = {COLOR_BLUE, A_BOLD, A_NORMAL},
};

static void choose_looks(bool colours)
{
	colours = colours && has_colors() && start_color() != ERR && use_default_colors() != ERR;
	for (int i = 0; i < TOP_STYLES; i++) {
		terminal.attributes[i] = colours ? looks[i].with : looks[i].without;
		if (!colours || looks[i].colour < 0)
			continue;
		init_pair((short)(i + 1), looks[i].colour, -1);
		terminal.attributes[i] |= (attr_t)COLOR_PAIR(i + 1);
	}
}

/* Known, and text can be placed on it. */
static bool is_capable(void)
{
	int error;
	const char *place;
	bool capable;

	if (setupterm(NULL, STDOUT_FILENO, &error) == ERR)
		return false;
	place = tigetstr("cup");
	capable = place && place != (const char *)-1;
	del_curterm(cur_term);
	return capable;
}

enum err top_screen_open(bool colours, bool utf8)
{
	if (!is_capable())
		return ERR_NOT_FOUND;
	terminal.screen = newterm(NULL, stdout, stdin);
	if (!terminal.screen)
		return ERR_NOT_FOUND;
	terminal.utf8 = utf8;
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	choose_looks(colours);
	return OK;
}

void top_screen_close(void)
{
	if (!terminal.screen)
		return;
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
}

void top_screen_size(int *out_rows, int *out_cols)
{
	*out_rows = MAX(getmaxy(stdscr), 1);
	*out_cols = MAX(getmaxx(stdscr), 1);
}

static void put_cell(const struct top_cell *c)
{
	attr_t a = terminal.attributes[c->style < TOP_STYLES ? c->style : TOP_PLAIN];

	attrset((int)(c->selected ? a | A_REVERSE : a));
	if (c->what < TOP_SIGNS)
		addstr(top_sign_text(c->what, terminal.utf8));
	else
		addch(c->what);
}

void top_screen_show(const struct top_page *p)
{
	erase();
	for (int row = 0; row < MIN(p->rows, getmaxy(stdscr)); row++) {
		move(row, 0);
		for (int col = 0; col < MIN(p->cols, getmaxx(stdscr)); col++)
			put_cell(top_page_at(p, row, col));
	}
	attrset(A_NORMAL);
	refresh();
}

void top_screen_refresh(void)
{
	clearok(stdscr, TRUE);
}

int top_screen_key(void)
{
	static const struct {
		int curses, key;
	} keys[] = {
	    {KEY_UP, TOP_KEY_UP},
	    {KEY_DOWN, TOP_KEY_DOWN},
	    {KEY_LEFT, TOP_KEY_LEFT},
	    {KEY_RIGHT, TOP_KEY_RIGHT},
	    {KEY_PPAGE, TOP_KEY_PAGE_UP},
	    {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
	    {KEY_HOME, TOP_KEY_HOME},
	    {KEY_END, TOP_KEY_END},
	    {KEY_ENTER, TOP_KEY_ENTER},
	    {'\r', TOP_KEY_ENTER},
	    {'\n', TOP_KEY_ENTER},
	    {KEY_BACKSPACE, TOP_KEY_BACKSPACE},
	    {'\b', TOP_KEY_BACKSPACE},
	    {0x7f, TOP_KEY_BACKSPACE},
	    {KEY_RESIZE, TOP_KEY_RESIZE},
	};
	int c = getch();

	if (c == ERR)
		return TOP_KEY_NONE;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return c > 0 && c < 0x7f ? c : TOP_KEY_OTHER;
}
