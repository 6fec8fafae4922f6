/*
 * watch.h - is it an attack? What is seen only across commands and sessions: brute force, spraying, harvesting, relay probes,
 * STARTTLS that vanished, floods (protocol facts 6).
 *
 * A stage between diag/cause and the sinks: every event passes through, findings are added. A finding stands directly behind
 * the event that crossed the threshold, with that session's id and next number; before it when that is the session event. The
 * events behind it are numbered on from there, so the stage may stand behind a merge of several causes.
 * What is kept are copies: nothing of an event or of its session is looked at after the call. Time is packet time.
 */
#ifndef SMTPSCOPE_WATCH_H
#define SMTPSCOPE_WATCH_H

#include "smtpscope/catalog.h"
#include "smtpscope/event.h"
#include "smtpscope/pool.h"

/*
 * X(name, finding, threshold, window in seconds, "what is counted"). Window 0: within one session or message. Where the threshold is
 * not about moments, the window is for how long nothing more is said of the same subject. The names are what --watch takes; those
 * with a suffix are second thresholds of a finding.
 */
#define WATCH_RULES_LIST(X) \
X(auth_bruteforce, auth_bruteforce, 5, 600, "535 for one identity") \
X(auth_bruteforce_session, auth_bruteforce, 4, 0, "535 in one session") \
X(password_spray, password_spray, 10, 3600, "identities refused by PLAIN or LOGIN, at most 3 tries each, from one client or its /24 or /64") \
X(auth_success_after_failures, auth_success_after_failures, 5, 3600, "535 for one identity before its 235") \
X(weak_auth_mechanism, weak_auth_mechanism, 1, 86400, "EHLO lists and AUTH commands of one server with CRAM-MD5, DIGEST-MD5, NTLM or ANONYMOUS") \
X(auth_offered_without_tls, auth_offered_without_tls, 1, 86400, "EHLO lists of one server that offer PLAIN or LOGIN in clear") \
X(starttls_stripped, starttls_stripped, 1, 86400, "EHLO lists without STARTTLS to one client after the server had offered it") \
X(starttls_not_used, starttls_not_used, 1, 3600, "sessions of one client and server with AUTH or mail in clear though STARTTLS was offered") \
X(starttls_refused, starttls_refused, 1, 60, "STARTTLS that failed before the same client comes back in clear") \
X(user_enumeration, user_enumeration, 5, 600, "VRFY and EXPN of one client; two when one is answered 250 and one 550") \
X(directory_harvest, directory_harvest, 10, 600, "RCPT of one client answered 550 5.1.1") \
X(directory_harvest_percent, directory_harvest, 70, 0, "of its RCPT that must fail") \
X(open_relay_probe, open_relay_probe, 1, 3600, "refused attempts of one client to relay for strangers") \
X(open_relay_success, open_relay_success, 1, 3600, "mails of one client that were relayed so") \
X(envelope_header_mismatch, envelope_header_mismatch, 1, 3600, "mails of one client and sender domain whose envelope and header differ") \
X(command_flood, command_flood, 20, 600, "NOOP, RSET, VRFY, HELP, EHLO of one session") \
X(command_flood_rate, command_flood, 10, 1, "the same, at once") \
X(error_flood, error_flood, 5, 0, "5yz for syntax or sequence in one session") \
X(connection_flood, connection_flood, 30, 60, "connections of one client") \
X(slow_session, slow_session, 1, 60, "commands a session must send in each window, after five windows") \
X(helo_spoof, helo_spoof, 1, 3600, "greetings of one client with the server's own name or localhost") \
X(spam_bot_style, spam_bot_style, 3, 3600, "in a session of one client, of: early talk, no QUIT, ignored 5yz, changing EHLO, PIPELINING not checked") \
X(mass_recipients, mass_recipients, 100, 0, "recipients of one mail that are not too many") \
X(null_sender_flood, null_sender_flood, 20, 60, "mails from <> to one domain") \
X(tarpit, tarpit, 10, 3600, "seconds until the greeting of one server") \
X(tarpit_rate, tarpit, 20, 0, "octets a second that a reply must bring") \
X(throttled, throttled, 1, 3600, "421, 450, 451, 452 of one server to one client that speak of rates or greylisting") \
X(banner_grab, banner_grab, 1, 3600, "sessions of one client with a greeting and nothing more") \
X(bdat_mismatch, bdat_mismatch, 20, 0, "chunks of 0 octets in one session")

enum watch_rule {
#define WATCH_RULE(name, finding, threshold, seconds, counts) WATCH_##name,
	WATCH_RULES_LIST(WATCH_RULE)
#undef WATCH_RULE
	WATCH_RULES
};
enum {
	WATCH_MAX_THRESHOLD = 1000,       /* so many moments are kept in a window */
	WATCH_MAX_SECONDS = 30 * 24 * 3600, /* longer than any capture that is read in one piece */
};

struct watch_setting {
	uint32_t threshold; /* 0: off */
	uint32_t seconds;
};
struct watch_rule_info {
	const char *name;
	enum finding finding;
	struct watch_setting standard;
	const char *counts;
};
const struct watch_rule_info *watch_rule_info(enum watch_rule r);
/* WATCH_RULES when there is none of that name. */
enum watch_rule watch_rule_find(struct span name);

struct watch_settings {
	struct watch_setting rule[WATCH_RULES];
};
void watch_settings_default(struct watch_settings *s);

/* What is kept at most; the least recently used goes, and is counted. */
struct watch_limits {
	uint32_t sessions; /* open ones with a state here */
	uint32_t clients;
	uint32_t servers;
	uint32_t windows;  /* one a client, network, identity, server or domain and rule, once something counted */
	uint64_t moments;  /* octets of all moments in windows */
};
extern const struct watch_limits watch_limits_default;

struct watch;
/* settings and limits must outlive it. NULL without memory. */
struct watch *watch_new(struct pool *pool, const uint8_t seed[16], const struct watch_settings *settings,
			const struct watch_limits *limits, emit_fn *next, void *next_ctx);
/* An emit_fn: ctx is the struct watch. Stats events get its counters. */
void watch_emit(void *ctx, struct event *ev);
void watch_free(struct watch **w);
/*
 * Whether the findings that are raised depend on the field, by what they say or by whether they are: an event that lacks all others
 * (and its notice), raises the same.
 */
bool watch_reads(const struct event_field *f);

#endif
