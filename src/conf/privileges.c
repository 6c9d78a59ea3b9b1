/* SPDX-License-Identifier: MIT
 *
 * Whom the daemon becomes. */
#include "conf/assemble.h"

/* As useradd(8) makes them. Whether there is such a user is seen at the start: a file may be judged
 * on another machine. */
static bool is_user_name(struct span s)
{
	bool ok = s.n > 0 && s.n <= CONF_USER_MAX && s.p[0] != '-' && s.p[0] != '.';

	for (size_t i = 0; i < s.n; i++) {
		char c = (char)ascii_lower((unsigned char)s.p[i]);

		ok = ok && ((c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-' || c == '_' ||
			       c == '.');
	}
	return ok;
}

void assemble_privileges(struct assembly *a)
{
	const struct node *n = a->draft->user;

	if (!n)
		return;
	if (!is_user_name(n->text))
		assemble_wrong(a, n, "privileges", SPAN(""), "user",
		    "must be the name of a user of this system, without privileges of its own");
	else if (span_eq(n->text, SPAN("root")))
		assemble_wrong(a, n, "privileges", SPAN(""), "user",
		    "must be a user with fewer privileges than root; to stay root, leave the key "
		    "out");
	a->conf->privileges.user = assemble_dup(a, n->text);
}
