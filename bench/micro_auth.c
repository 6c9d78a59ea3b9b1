/* SPDX-License-Identifier: MIT
 *
 * What the pieces of authentication cost on this machine, in nanoseconds a call. */
#include <stdio.h>
#include <time.h>

#include "guard/auth.h"

#define ROUNDS 500000
#define REALM  SPAN("example.com")

static struct auth_worker worker;
static struct auth_policy policy = {.offered = {DIGEST_SHA256, DIGEST_MD5, DIGEST_SHA512_256},
    .offered_n = 3,
    .nonce_lifetime = 60 * USEC_SEC};
static struct addr source;
static usec_t wall = 1000000 * USEC_SEC;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *what, double began)
{
	printf("%-44s %7.1f ns\n", what, (seconds() - began) * 1e9 / ROUNDS);
}

static void bench_nonce(void)
{
	char nonce[NONCE_TEXT_LEN], text[256];
	struct nonce_info info;
	unsigned fresh = 0;
	double began = seconds();

	for (int i = 0; i < ROUNDS; i++)
		nonce_mint(&worker.keys, &worker.rng, DIGEST_SHA256, REALM, &source, wall, nonce);
	report("nonce, mint", began);
	began = seconds();
	for (int i = 0; i < ROUNDS; i++)
		fresh += nonce_verify(&worker.keys, span_of(nonce, sizeof(nonce)), DIGEST_SHA256,
			     REALM, &source, wall, USEC_MIN, &info) == NONCE_FRESH;
	report(fresh == ROUNDS ? "nonce, verify" : "nonce, verify: WRONG", began);
	began = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		struct buf b = BUF(text);

		auth_challenge_add(&b, &worker, &policy, 0, REALM, &source, wall, false);
	}
	report("challenge, one header", began);
}

static struct auth_facts login_facts(enum digest_alg alg, struct span nonce, struct span nc)
{
	return (struct auth_facts){.has_credentials = true,
	    .username = SPAN("alice"),
	    .realm = REALM,
	    .nonce = nonce,
	    .uri = SPAN("sip:example.com"),
	    .algorithm = digest_alg_name(alg),
	    .cnonce = SPAN("0a4f113b0a4f113b"),
	    .qop = SPAN("auth"),
	    .nc = nc,
	    .method = SPAN("REGISTER"),
	    .uri_matches = true,
	    .source = source,
	    .claimed_user = SPAN("alice"),
	    .claimed_domain = REALM,
	    .expected_realm = REALM,
	    .wall = wall};
}

/* What does not log in: a wrong password must cost what a user costs who does not exist. In turn,
 * so that a change of the machine's speed hits both. */
static void bench_failures(enum digest_alg alg)
{
	static const char *const names[] = {"refused, wrong password", "refused, unknown user"};
	struct digest_ha1s account = {.algs = 7};
	const struct digest_ha1s *accounts[] = {&account, NULL};
	char nonce[NONCE_TEXT_LEN];
	struct auth_facts f = login_facts(alg, span_of(nonce, sizeof(nonce)), SPAN("00000001"));
	double spent[2] = {0};

	f.response = SPAN("0123456789abcdef0123456789abcdef");
	nonce_mint(&worker.keys, &worker.rng, alg, REALM, &source, wall, nonce);
	for (int i = 0; i < ROUNDS / 100; i++)
		for (size_t k = 0; k < 2; k++) {
			double began = seconds();

			for (int n = 0; n < 100; n++) {
				struct auth_claim claim;

				if (auth_screen(&worker, &policy, &f, &claim) == AUTH_OK)
					(void)auth_verify(&worker, &f, &claim, accounts[k]);
			}
			spent[k] += seconds() - began;
		}
	for (size_t k = 0; k < 2; k++)
		printf("%-44s %7.1f ns\n", names[k], spent[k] * 1e9 / (ROUNDS / 100 * 100));
}

/* One nonce used with a rising count, as by a phone that keeps its nonce. */
static void bench_login(enum digest_alg alg, const char *what, bool screen_only)
{
	struct digest_ha1s account = {.algs = 7};
	char nonce[NONCE_TEXT_LEN], nc[8];
	struct auth_facts f =
	    login_facts(alg, span_of(nonce, sizeof(nonce)), span_of(nc, sizeof(nc)));
	struct digest_input in = {f.method, f.uri, f.nonce, f.nc, f.cnonce, f.qop};
	double spent = 0;
	unsigned right = 0;

	nonce_mint(&worker.keys, &worker.rng, alg, REALM, &source, wall, nonce);
	for (uint32_t i = 1; i <= ROUNDS; i += 100) {
		static char answers[100][2 * DIGEST_MAX], counts[100][8];
		double began;

		for (uint32_t k = 0; k < 100; k++) {
			uint8_t out[DIGEST_MAX],
			    be[4] = {(uint8_t)((i + k) >> 24), (uint8_t)((i + k) >> 16),
				(uint8_t)((i + k) >> 8), (uint8_t)(i + k)};
			struct buf b = BUF(answers[k]), c = buf_of(counts[k], sizeof(nc));

			buf_add_hex(&c, be, sizeof(be));
			in.nc = buf_span(&c);
			digest_response(&worker.digest, alg, account.ha1[alg], &in, out);
			buf_add_hex(&b, out, digest_alg_size(alg));
		}
		began = seconds();
		for (uint32_t k = 0; k < 100; k++) {
			struct auth_claim claim;

			f.nc = span_of(counts[k], sizeof(nc));
			f.response = span_of(answers[k], 2 * digest_alg_size(alg));
			f.request = i + k;
			if (auth_screen(&worker, &policy, &f, &claim) != AUTH_OK)
				continue;
			right +=
			    screen_only || auth_verify(&worker, &f, &claim, &account) == AUTH_OK;
		}
		spent += seconds() - began;
	}
	printf("%-44s %7.1f ns%s\n", what, spent * 1e9 / ROUNDS, right == ROUNDS ? "" : " WRONG");
}

int main(void)
{
	static const struct siphash_key key = {1, 2};
	struct nonce_keys keys;

	if (addr_parse_ip(SPAN("192.0.2.1"), &source) != OK || nonce_keys_init(&keys, wall) != OK ||
	    auth_worker_init(&worker, &keys, replay_new(1 << 18, wall / USEC_MS - 1, &key), &key) !=
		OK)
		return 1;
	bench_nonce();
	bench_login(DIGEST_MD5, "screen: form, nonce", true);
	bench_login(DIGEST_MD5, "login, MD5: screen, 2 hashes, replay", false);
	bench_login(DIGEST_SHA256, "login, SHA-256", false);
	bench_login(DIGEST_SHA512_256, "login, SHA-512-256", false);
	bench_failures(DIGEST_MD5);
	replay_free(worker.replay);
	auth_worker_done(&worker);
	return 0;
}
