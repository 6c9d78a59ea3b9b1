/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/utf8.h"

static const char hex_digits[] = "0123456789abcdef";

void json_init(struct json *j, struct buf *b)
{
	*j = (struct json){.b = b};
}

static uint32_t depth_bit(const struct json *j)
{
	return UINT32_C(1) << j->depth;
}

static bool in_array(const struct json *j)
{
	return j->array & depth_bit(j);
}

static void put(struct json *j, const char *p, size_t n)
{
	if (!j->b->overflow)
		buf_add(j->b, p, n);
}

#define put_lit(j, lit) put((j), ("" lit), sizeof(lit) - 1)

/* What stands before a value: a comma in arrays, nothing behind a key, nothing on top. */
static void before_value(struct json *j)
{
	if (j->depth > 0 && in_array(j)) {
		if (j->more & depth_bit(j))
			put_lit(j, ",");
	} else if (j->depth > 0 ? !j->keyed : (j->more & 1)) {
		j->bad = true;
	}
	j->keyed = false;
	j->more |= depth_bit(j);
}

static void begin(struct json *j, char bracket, bool array)
{
	before_value(j);
	if (j->depth == JSON_DEPTH_MAX - 1) {
		j->bad = true;
		return;
	}
	put(j, &bracket, 1);
	j->depth++;
	j->more &= ~depth_bit(j);
	j->array = array ? j->array | depth_bit(j) : j->array & ~depth_bit(j);
}

static void end(struct json *j, char bracket, bool array)
{
	if (j->depth == 0 || in_array(j) != array || j->keyed) {
		j->bad = true;
		return;
	}
	j->depth--;
	put(j, &bracket, 1);
}

void json_object_begin(struct json *j)
{
	begin(j, '{', false);
}

void json_object_end(struct json *j)
{
	end(j, '}', false);
}

void json_array_begin(struct json *j)
{
	begin(j, '[', true);
}

void json_array_end(struct json *j)
{
	end(j, ']', true);
}

static void put_u_escape(struct json *j, unsigned v)
{
	char esc[6] = {'\\', 'u', hex_digits[v >> 12 & 15], hex_digits[v >> 8 & 15],
	    hex_digits[v >> 4 & 15], hex_digits[v & 15]};

	put(j, esc, sizeof(esc));
}

/* Writes one character that is not plain and returns its length in the source. */
static size_t put_special(struct json *j, const unsigned char *p, size_t n)
{
	size_t len;

	if (p[0] == '"' || p[0] == '\\') {
		char esc[2] = {'\\', (char)p[0]};

		put(j, esc, 2);
		return 1;
	}
	len = p[0] < 0x80 ? 0 : utf8_length((const char *)p, n);
	if (len == 0) {
		put_u_escape(j, p[0]);
		return 1;
	}
	if (utf8_printable((const char *)p, n))
		put(j, (const char *)p, len);
	else if (len == 2)
		put_u_escape(j, (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
	else
		put_u_escape(j, (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_string(struct json *j, struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	put_lit(j, "\"");
	while (i < s.n && !j->b->overflow) {
		size_t run = i;

		while (run < s.n && is_plain(p[run]))
			run++;
		if (run > i)
			put(j, s.p + i, run - i);
		i = run < s.n ? run + put_special(j, p + run, s.n - run) : run;
	}
	put_lit(j, "\"");
}

/* Whether a key may stand here; writes the comma before it. */
static bool begin_key(struct json *j)
{
	if (j->depth == 0 || in_array(j) || j->keyed) {
		j->bad = true;
		return false;
	}
	if (j->more & depth_bit(j))
		put_lit(j, ",");
	j->keyed = true;
	return true;
}

void json_key_span(struct json *j, struct span key)
{
	if (!begin_key(j))
		return;
	put_string(j, key);
	put_lit(j, ":");
}

void json_key_quoted(struct json *j, struct span quoted)
{
	if (begin_key(j))
		put(j, quoted.p, quoted.n);
}

void json_key(struct json *j, const char *key)
{
	json_key_span(j, span_str(key));
}

void json_str(struct json *j, struct span s)
{
	before_value(j);
	put_string(j, s);
}

void json_cstr(struct json *j, const char *s)
{
	if (s)
		json_str(j, span_str(s));
	else
		json_nil(j);
}

static void put_u64(struct json *j, uint64_t v)
{
	if (!j->b->overflow)
		buf_add_u64(j->b, v);
}

void json_u64(struct json *j, uint64_t v)
{
	before_value(j);
	put_u64(j, v);
}

/* Writes the sign and gives the magnitude; INT64_MIN has one too. */
static uint64_t put_sign(struct json *j, int64_t v)
{
	if (v >= 0)
		return (uint64_t)v;
	put_lit(j, "-");
	return ~(uint64_t)v + 1;
}

void json_i64(struct json *j, int64_t v)
{
	before_value(j);
	put_u64(j, put_sign(j, v));
}

void json_milli(struct json *j, int64_t v)
{
	uint64_t m;
	unsigned rest;

	before_value(j);
	m = put_sign(j, v);
	rest = (unsigned)(m % 1000);
	put_u64(j, m / 1000);
	if (rest) {
		char frac[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
		    (char)('0' + rest % 10)};

		put(j, frac, rest % 10 ? 4 : rest % 100 ? 3 : 2);
	}
}

void json_bool(struct json *j, bool v)
{
	before_value(j);
	if (v)
		put_lit(j, "true");
	else
		put_lit(j, "false");
}

void json_nil(struct json *j)
{
	before_value(j);
	put_lit(j, "null");
}

void json_put_str(struct json *j, const char *key, struct span s)
{
	json_key(j, key);
	json_str(j, s);
}

void json_put_cstr(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_cstr(j, s);
}

void json_put_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_put_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

void json_put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

bool json_ok(const struct json *j)
{
	return !j->bad && !j->b->overflow && j->depth == 0 && (j->more & 1);
}
