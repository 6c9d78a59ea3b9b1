/* SPDX-License-Identifier: MIT */
#include "cli/password.h"

#include <ctype.h>
#include <fcntl.h>
#include <pwquality.h>
#include <termios.h>
#include <unistd.h>

#include "base/rng.h"

#define LENGTH_MIN 10

/* Reads bytes up to the end of a line, one at a time, so that nothing of what follows is taken and
 * no copy stays in a buffer of the library. */
static enum err read_line(int fd, struct buf *out)
{
	bool any = false;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) == 1) {
		any = true;
		if (c == '\n')
			break;
		buf_add_char(out, c);
	}
	if (got < 0 || !any)
		return ERR_IO;
	if (out->n && out->p[out->n - 1] == '\r')
		out->n--;
	return out->overflow ? ERR_RANGE : OK;
}

enum err password_read_line(struct buf *out_password)
{
	return read_line(STDIN_FILENO, out_password);
}

static void say(int tty, const char *text, struct span account)
{
	char line[512];
	struct buf b = BUF(line);

	buf_add_span(&b, span_str(text));
	buf_add_escaped(&b, account, 300);
	if (account.n)
		buf_add_lit(&b, ": ");
	if (write(tty, b.p, b.n) < 0)
		return;
}

static enum err ask_twice(int tty, struct span account, struct buf *out)
{
	char text[PASSWORD_MAX];
	struct buf again = BUF(text);
	enum err e;

	say(tty, "password of ", account);
	e = read_line(tty, out);
	say(tty, "\n", span_of(NULL, 0));
	if (e == OK) {
		say(tty, "once more for ", account);
		e = read_line(tty, &again);
		say(tty, "\n", span_of(NULL, 0));
	}
	if (e == OK && !span_eq(buf_span(out), buf_span(&again)))
		e = ERR_DENIED;
	explicit_bzero(text, sizeof(text));
	return e;
}

enum err password_prompt(struct span account, struct buf *out_password)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, quiet;
	enum err e = ERR_UNSUPPORTED;

	if (tty < 0 || !isatty(STDIN_FILENO) || tcgetattr(tty, &before) != 0) {
		if (tty >= 0)
			close(tty);
		return ERR_UNSUPPORTED;
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* ISIG off: an interrupt must not leave a terminal that shows nothing. Ctrl-C then ends up
	 * in the text, which is refused as a control character. */
	quiet.c_lflag &= ~(tcflag_t)ISIG;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0) {
		e = ask_twice(tty, account, out_password);
		tcsetattr(tty, TCSAFLUSH, &before);
	}
	close(tty);
	return e;
}

enum err password_generate(struct buf *out_password)
{
	/* Without 0 O o 1 l I. */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	const unsigned n = sizeof(letters) - 1, fair = 256 / n * n;
	size_t left = PASSWORD_GENERATED;

	while (left) {
		uint8_t byte;

		if (rng_system(&byte, 1) != OK)
			return ERR_IO;
		if (byte >= fair)
			continue;
		buf_add_char(out_password, letters[byte % n]);
		left--;
	}
	return out_password->overflow ? ERR_RANGE : OK;
}

bool password_is_possible(struct span password)
{
	for (size_t i = 0; i < password.n; i++)
		if ((unsigned char)password.p[i] < 0x20 || password.p[i] == 0x7f)
			return false;
	return password.n > 0;
}

static bool dictionary_at(const char *path)
{
	char name[512];
	struct buf b = BUF(name);

	buf_addf(&b, "%s.pwd", path);
	return buf_terminate(&b) && access(name, R_OK) == 0;
}

/* Without a dictionary on this machine the other checks still count; asked for a missing one,
 * libpwquality would call every password bad. */
static bool has_dictionary(pwquality_settings_t *settings)
{
	static const char *const usual[] = {"/var/cache/cracklib/cracklib_dict",
	    "/usr/share/cracklib/pw_dict", "/usr/lib/cracklib_dict"};
	const char *configured = NULL;

	if (pwquality_get_str_value(settings, PWQ_SETTING_DICT_PATH, &configured) == 0 &&
	    configured)
		return dictionary_at(configured);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (dictionary_at(usual[i]))
			return true;
	return false;
}

bool password_is_good(struct span password, struct span user, bool *out_no_words, struct buf *why)
{
	char pass_text[PASSWORD_MAX + 1], user_text[256], said[512];
	struct buf p = BUF(pass_text), u = BUF(user_text);
	pwquality_settings_t *settings = pwquality_default_settings();
	const char *text;
	void *aux = NULL;
	int score;

	*out_no_words = false;
	buf_add_span(&p, password);
	buf_add_span(&u, user);
	if (!settings || !buf_terminate(&p) || !buf_terminate(&u)) {
		pwquality_free_settings(settings);
		buf_add_lit(why, "it cannot be judged");
		return false;
	}
	pwquality_set_int_value(settings, PWQ_SETTING_MIN_LENGTH, LENGTH_MIN);
	(void)pwquality_read_config(settings, NULL, &aux);
	*out_no_words = !has_dictionary(settings);
	if (*out_no_words)
		pwquality_set_int_value(settings, PWQ_SETTING_DICT_CHECK, 0);
	aux = NULL;
	score = pwquality_check(settings, pass_text, NULL, user_text, &aux);
	explicit_bzero(pass_text, sizeof(pass_text));
	pwquality_free_settings(settings);
	if (score >= 0)
		return true;
	text = pwquality_strerror(said, sizeof(said), score, aux);
	/* It stands inside a sentence of ours. */
	if (text[0])
		buf_addf(why, "%c%s", tolower((unsigned char)text[0]), text + 1);
	return false;
}
