/* SPDX-License-Identifier: MIT
 *
 * sipload: SIP load over UDP for measurements. Loopback only, unless told otherwise: it is made to
 * press hard. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>

#include "base/addr.h"
#include "flood.h"
#include "scenes.h"

struct options {
	struct settings set;
	const char *mode;
	struct span user_agent;
	unsigned methods; /* of a flood */
	int cpu;
	bool json, elsewhere;
};

static const char usage[] =
    "usage: sipload MODE -t ADDRESS:PORT [option...]\n"
    "MODE: options | register | register-reuse | call | flood\n"
    "  -t, --target A:P      the server\n"
    "  -l, --local A[:P]     client address; P, P+1, ... are then the ports (127.0.0.1)\n"
    "  -d, --domain NAME     domain of the users (bench.test)\n"
    "  -u, --users N         users PREFIX0000000... (10000)\n"
    "  -U, --user PREFIX     (u)\n"
    "  -P, --password PREFIX the password is PREFIX and the user's name (pw-)\n"
    "  -a, --algorithm NAME  MD5 | SHA-256: which challenge is answered (MD5)\n"
    "  -p, --ports N         client ports (1)\n"
    "  -e, --ears N          ports of the answering side of calls (1)\n"
    "  -w, --window N        operations outstanding: always (closed loop), or at most (64)\n"
    "  -r, --rate N          operations a second instead of a closed loop\n"
    "  -T, --time S          measured seconds (5); -W, --warmup S before them (1)\n"
    "  -c, --count N         stop after N operations; no warm-up\n"
    "  -o, --timeout S       an operation without an end has failed (8)\n"
    "  -n, --callee HOW      registered (calls go to users registered first) | direct\n"
    "  -R, --want-route      a call without Record-Route has failed\n"
    "  -z, --sleep           leave the core to others when idle; latencies grow by the wake-up\n"
    "  -s, --sources N       client addresses, from that of --local on (1)\n"
    "  -A, --user-agent TEXT flood: what the requests say\n"
    "  -m, --method NAME     flood: options | register | invite | mix (options)\n"
    "  -C, --cpu N           run on this core\n"
    "  -M, --watch PID,...   report the CPU time of these processes\n"
    "  -S, --spin PID,...    and that of these, which fill the cores' idle time\n"
    "  -j, --json            one JSON object instead of text\n"
    "      --elsewhere       allow a target outside 127.0.0.0/8\n";

enum { OPTION_ELSEWHERE = 256 };

static const struct option long_options[] = {
    {"target", 1, NULL, 't'},
    {"local", 1, NULL, 'l'},
    {"domain", 1, NULL, 'd'},
    {"users", 1, NULL, 'u'},
    {"user", 1, NULL, 'U'},
    {"password", 1, NULL, 'P'},
    {"algorithm", 1, NULL, 'a'},
    {"ports", 1, NULL, 'p'},
    {"ears", 1, NULL, 'e'},
    {"window", 1, NULL, 'w'},
    {"rate", 1, NULL, 'r'},
    {"time", 1, NULL, 'T'},
    {"warmup", 1, NULL, 'W'},
    {"count", 1, NULL, 'c'},
    {"timeout", 1, NULL, 'o'},
    {"callee", 1, NULL, 'n'},
    {"want-route", 0, NULL, 'R'},
    {"sleep", 0, NULL, 'z'},
    {"sources", 1, NULL, 's'},
    {"user-agent", 1, NULL, 'A'},
    {"method", 1, NULL, 'm'},
    {"cpu", 1, NULL, 'C'},
    {"watch", 1, NULL, 'M'},
    {"spin", 1, NULL, 'S'},
    {"json", 0, NULL, 'j'},
    {"elsewhere", 0, NULL, OPTION_ELSEWHERE},
    {NULL, 0, NULL, 0},
};

static bool read_address(const char *text, uint16_t port, struct sockaddr_in *out_in)
{
	struct addr a;
	struct sockaddr_storage ss;
	if (addr_parse(span_str(text), port, &a) != OK || !addr_is_v4(&a))
		return false;
	(void)addr_to_sockaddr(&a, false, &ss);
	memcpy(out_in, &ss, sizeof *out_in);
	return true;
}

static bool read_number(const char *text, double low, double high, double *out_v)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= low && v <= high))
		return false;
	*out_v = v;
	return true;
}

static bool read_count(const char *text, unsigned low, unsigned high, unsigned *out_n)
{
	uint32_t v;
	if (span_to_u32(span_str(text), high, &v) != OK || v < low)
		return false;
	*out_n = v;
	return true;
}

static bool read_time(const char *text, uint64_t *out_ns)
{
	double s;
	if (!read_number(text, 0, 3600, &s))
		return false;
	*out_ns = (uint64_t)(s * 1e9);
	return true;
}

static bool read_pids(const char *text, struct proc_set *out_set)
{
	struct span rest = span_str(text), one;
	struct proc_set set = {.n = 0};
	while (rest.n && set.n < PROC_MAX) {
		uint32_t pid;
		(void)span_cut(&rest, ',', &one);
		if (span_to_u32(one, INT32_MAX, &pid) != OK)
			return false;
		set.pid[set.n++] = (pid_t)pid;
	}
	*out_set = set;
	return set.n && !rest.n;
}

static bool read_word(const char *text, const char *off, const char *on, bool *out_b)
{
	bool is_on = strcmp(text, on) == 0;
	if (!is_on && strcmp(text, off) != 0)
		return false;
	*out_b = is_on;
	return true;
}

/* How the load is made. */
static bool take_load_option(struct options *o, int c)
{
	struct settings *s = &o->set;
	unsigned n;
	switch (c) {
	case 'p':
		return read_count(optarg, 1, LOAD_PORTS_MAX, &s->ports);
	case 'e':
		return read_count(optarg, 1, LOAD_PORTS_MAX, &s->ears);
	case 'w':
		return read_count(optarg, 1, LOAD_OPS_MAX, &s->window);
	case 'r':
		return read_number(optarg, 0.1, 1e7, &s->rate);
	case 'T':
		return read_time(optarg, &s->duration_ns);
	case 'W':
		return read_time(optarg, &s->warmup_ns);
	case 'o':
		return read_time(optarg, &s->timeout_ns);
	case 'c':
		if (!read_count(optarg, 1, 100000000, &n))
			return false;
		s->count = n;
		return true;
	case 's':
		return read_count(optarg, 1, 1u << 23, &o->set.sources);
	case 'C':
		if (!read_count(optarg, 0, CPU_SETSIZE - 1, &n))
			return false;
		o->cpu = (int)n;
		return true;
	default:
		return false;
	}
}

/* What the requests say and to whom. */
static bool take_option(struct options *o, int c)
{
	struct settings *s = &o->set;
	bool sha;
	switch (c) {
	case 't':
		return read_address(optarg, 5060, &s->target);
	case 'l':
		return read_address(optarg, 0, &s->local);
	case 'd':
		s->domain = span_str(optarg);
		return s->domain.n > 0 && s->domain.n <= 64;
	case 'u':
		return read_count(optarg, 1, 10000000, &s->users);
	case 'U':
		s->user_prefix = span_str(optarg);
		return s->user_prefix.n <= USER_NAME_MAX - 8;
	case 'P':
		s->password_prefix = span_str(optarg);
		return s->password_prefix.n <= USER_NAME_MAX;
	case 'a':
		if (!read_word(optarg, "MD5", "SHA-256", &sha))
			return false;
		s->hash = sha ? DIGEST_SHA256 : DIGEST_MD5;
		return true;
	case 'n':
		return read_word(optarg, "registered", "direct", &s->direct);
	case 'M':
		return read_pids(optarg, &s->watch);
	case 'S':
		return read_pids(optarg, &s->spin);
	case 'A':
		o->user_agent = span_str(optarg);
		return o->user_agent.n <= 128;
	case 'm':
		return flood_take_method(span_str(optarg), &o->methods);
	case 'z':
		return s->sleeps = true;
	case 'R':
		return s->want_route = true;
	case 'j':
		return o->json = true;
	case OPTION_ELSEWHERE:
		return o->elsewhere = true;
	default:
		return take_load_option(o, c);
	}
}

static bool read_options(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "t:l:d:u:U:P:a:p:e:w:r:T:W:c:o:n:Rzs:A:m:C:M:S:j",
		    long_options, NULL)) != -1) {
		if (c == '?')
			return false;
		if (!take_option(o, c)) {
			(void)fprintf(stderr, "sipload: -%c: \"%s\" is not usable here\n", c,
			    optarg ? optarg : "");
			return false;
		}
	}
	if (optind + 1 != argc || !o->set.target.sin_port)
		return false;
	o->mode = argv[optind];
	if (ntohl(o->set.target.sin_addr.s_addr) >> 24 != 127 && !o->elsewhere) {
		(void)fputs(
		    "sipload: the target is not in 127.0.0.0/8; say --elsewhere if it is yours\n",
		    stderr);
		return false;
	}
	if (o->set.count)
		o->set.warmup_ns = 0;
	return true;
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		(void)fprintf(stderr, "sipload: cannot run on core %d alone\n", cpu);
}

static int run_flood(const struct options *o)
{
	struct flood f;
	if (flood_run(&o->set, o->user_agent, o->methods, &f) != OK) {
		(void)fprintf(stderr, "sipload: flood: %s\n", strerror(errno));
		return 1;
	}
	double s = (double)f.elapsed_ns / 1e9;
	(void)printf(o->json ? "{\"scene\":\"flood\",\"sources\":%u,\"seconds\":%.4f,\"sent\":%llu,"
			       "\"sent_bytes\":%llu,\"answered\":%llu,\"answered_bytes\":%llu,"
			       "\"errors\":%llu,\"rate\":%.1f,\"cpu_seconds\":%.4f}\n"
			     : "flood from %u: %.2f s, sent %llu (%llu bytes), answered %llu (%llu "
			       "bytes), errors %llu = %.0f/s, server %.4f s\n",
	    o->set.sources, s, (unsigned long long)f.sent, (unsigned long long)f.sent_bytes,
	    (unsigned long long)f.answered, (unsigned long long)f.answered_bytes,
	    (unsigned long long)f.errors, (double)f.sent / s, (double)f.watch_cpu_ns / 1e9);
	return 0;
}

/* The callees register from the ports where they answer, so that their flows are the right ones. */
static bool register_callees(struct load *l)
{
	struct settings set = l->set;
	l->set.count = set.users;
	l->set.rate = 0;
	l->set.warmup_ns = 0;
	l->set.duration_ns = 600 * NS_SEC;
	l->use_ears = true;
	load_run(l, &scene_register);
	l->use_ears = false;
	l->set = set;
	if (!stats_failures(&l->stats))
		return true;
	(void)fputs("sipload: not all callees could register\n", stderr);
	stats_print_text(&l->stats, "register", false, stderr);
	return false;
}

static const struct scene *scene_named(const char *name)
{
	static const struct scene *const all[] = {
	    &scene_options, &scene_register, &scene_reuse, &scene_call};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}

static int run_scene(const struct options *o, const struct scene *scene)
{
	static struct load l;
	bool call = scene == &scene_call, watched = o->set.watch.n > 0;
	struct settings set = o->set;
	if (!call)
		set.ears = 0;
	enum err e = load_init(&l, &set, scene == &scene_reuse);
	if (e) {
		(void)fprintf(stderr, "sipload: %s: %s\n", err_text(e), strerror(errno));
		load_done(&l);
		return 1;
	}
	bool ready = !call || set.direct || register_callees(&l);
	if (ready) {
		load_run(&l, scene);
		if (o->json)
			stats_print_json(
			    &l.stats, scene->name, set.rate, set.window, watched, stdout);
		else
			stats_print_text(&l.stats, scene->name, watched, stdout);
	}
	load_done(&l);
	return ready ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options o = {
	    .set = {.domain = SPAN("bench.test"),
		.user_prefix = SPAN("u"),
		.password_prefix = SPAN("pw-"),
		.local = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
		.ports = 1,
		.ears = 1,
		.sources = 1,
		.users = 10000,
		.window = 64,
		.warmup_ns = NS_SEC,
		.duration_ns = 5 * NS_SEC,
		.timeout_ns = 8 * NS_SEC},
	    .user_agent = SPAN("sipload/1"),
	    .methods = 1,
	    .cpu = -1,
	};
	if (!read_options(argc, argv, &o)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	const struct scene *scene = scene_named(o.mode);
	bool flood = strcmp(o.mode, "flood") == 0;
	if (!scene && !flood) {
		(void)fputs(usage, stderr);
		return 2;
	}
	if (o.cpu >= 0)
		pin(o.cpu);
	return flood ? run_flood(&o) : run_scene(&o, scene);
}
