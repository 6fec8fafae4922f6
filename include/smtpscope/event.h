/*
 * event.h - what smtpscope says: one struct for all events, one table for all fields.
 *
 * The list below is the only truth about events: the struct members, the JSON writer, the JSON Schema and the events man page
 * are made from it. A new field is one row. Rows with a common path prefix stand together; their order is the order on
 * the wire. Strings are raw bytes, borrowed for the duration of emit(); writers make them safe.
 */
#ifndef SMTPSCOPE_EVENT_H
#define SMTPSCOPE_EVENT_H

#include "smtpscope/chunk.h"
#include "smtpscope/span.h"

enum dataset { DS_SESSION, DS_COMMAND, DS_AUTH, DS_MESSAGE, DS_FINDING, DS_STATS, DATASETS };
const char *dataset_name(enum dataset d); /* "session" ...; event.dataset is "smtpscope." + name */

enum {
	IN_SESSION = 1 << DS_SESSION, IN_COMMAND = 1 << DS_COMMAND, IN_AUTH = 1 << DS_AUTH, IN_MESSAGE = 1 << DS_MESSAGE,
	IN_FINDING = 1 << DS_FINDING, IN_STATS = 1 << DS_STATS,
	IN_TRAFFIC = IN_SESSION | IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, IN_ALL = IN_TRAFFIC | IN_STATS,
};

/* Types of fields and how "absent" looks: an absent fact is an absent key. */
struct event_list { /* STRS: absent when n is 0 */
	const struct span *v;
	uint32_t n;
};
struct event_codes { /* CODES: reply codes, absent when n is 0 */
	const uint16_t *v;
	uint32_t n;
};
#define EV_NONE UINT64_MAX      /* UINT: absent */
#define EV_NO_TIME INT64_MIN    /* TIME (ns since 1970, UTC): absent */
enum ev_bool { EV_ABSENT = 0, EV_FALSE = 1, EV_TRUE = 2 }; /* BOOL */
static inline uint8_t ev_bool(bool b)
{
	return b ? EV_TRUE : EV_FALSE;
}

/* X(TYPE, member, "path", datasets, "documentation") */
#define EVENT_FIELDS(X) \
X(TIME, ts, "@timestamp", IN_ALL, "Packet time (UTC): of the last octet of the command line; of the start of an AUTH exchange or message; of the end for session and stats.") \
X(STR, kind, "event.kind", IN_ALL, "event; alert for findings of severity alert; metric for stats.") \
X(STRS, category, "event.category", IN_ALL, "network, and email or authentication where it is about them.") \
X(STRS, type, "event.type", IN_ALL, "protocol, connection, end or info: such as ECS expects of one of the categories.") \
X(STR, dataset, "event.dataset", IN_ALL, "smtpscope.session, .command, .auth, .message, .finding or .stats.") \
X(STR, action, "event.action", IN_ALL, "Command: the verb in lower case, greeting, unsolicited-reply or lost-command. Finding: its group.") \
X(STR, outcome, "event.outcome", IN_TRAFFIC, "success, failure or unknown.") \
X(STR, id, "event.id", IN_ALL, "Session id and sequence: the same on every run.") \
X(UINT, sequence, "event.sequence", IN_ALL, "Counts the events of the session from 1.") \
X(UINT, duration, "event.duration", IN_TRAFFIC, "Nanoseconds. Command: from the last octet of the command to the first of the reply.") \
X(TIME, start, "event.start", IN_SESSION | IN_AUTH | IN_MESSAGE, "First packet of it.") \
X(TIME, end, "event.end", IN_SESSION | IN_AUTH | IN_MESSAGE, "Last packet of it.") \
X(IP, source_ip, "source.ip", IN_TRAFFIC, "The SMTP client: the TCP initiator, or whoever acts as the client when the start was not seen.") \
X(UINT, source_port, "source.port", IN_TRAFFIC, "TCP port of the client.") \
X(UINT, source_bytes, "source.bytes", IN_SESSION, "TCP payload octets captured from the client, retransmissions included.") \
X(UINT, source_packets, "source.packets", IN_SESSION, "TCP segments captured from the client.") \
X(IP, destination_ip, "destination.ip", IN_TRAFFIC, "The SMTP server.") \
X(UINT, destination_port, "destination.port", IN_TRAFFIC, "TCP port of the server.") \
X(UINT, destination_bytes, "destination.bytes", IN_SESSION, "TCP payload octets captured from the server.") \
X(UINT, destination_packets, "destination.packets", IN_SESSION, "TCP segments captured from the server.") \
X(STR, transport, "network.transport", IN_TRAFFIC, "tcp.") \
X(STR, net_type, "network.type", IN_TRAFFIC, "ipv4 or ipv6.") \
X(STR, protocol, "network.protocol", IN_TRAFFIC, "smtp or lmtp.") \
X(STR, community_id, "network.community_id", IN_TRAFFIC, "Community ID version 1, seed 0.") \
X(STR, vlan_id, "network.vlan.id", IN_TRAFFIC, "Outermost VLAN id.") \
X(STR, observer_type, "observer.type", IN_ALL, "sensor; live runs only, like the other observer fields.") \
X(STR, observer_product, "observer.product", IN_ALL, "smtpscope.") \
X(STR, observer_version, "observer.version", IN_ALL, "Version of smtpscope.") \
X(STR, observer_name, "observer.name", IN_ALL, "Host name of the sensor.") \
X(STR, observer_interface, "observer.ingress.interface.name", IN_ALL, "Interface the packets came from.") \
X(STR, session_id, "smtp.session.id", IN_TRAFFIC, "Hash of addresses, ports and the time of the first packet: the same on every run.") \
X(STR, session_role, "smtp.session.role", IN_SESSION, "relay, submission or lmtp, by port and greeting command.") \
X(STR, session_state, "smtp.session.state", IN_SESSION, "Phase at the end: conn, greet, helo, mail, rcpt, closed; data, bdat, auth or tls when it ended inside.") \
X(STR, session_close, "smtp.session.close", IN_SESSION, "quit-fin, fin, rst, timeout, evicted or eof (the input ended first).") \
X(BOOL, session_midstream, "smtp.session.midstream", IN_SESSION, "true when the start of the connection was not captured.") \
X(BOOL, session_one_sided, "smtp.session.one_sided", IN_SESSION, "true when only one direction was captured.") \
X(BOOL, session_reversed, "smtp.session.reversed", IN_SESSION, "true after TURN or ATRN made the peers swap roles.") \
X(UINT, session_gaps, "smtp.session.gaps", IN_SESSION, "Holes in the two streams.") \
X(UINT, session_gap_bytes, "smtp.session.gap_bytes", IN_SESSION, "Octets lost in them.") \
X(UINT, session_commands, "smtp.session.commands", IN_SESSION, "Commands seen.") \
X(UINT, session_transactions, "smtp.session.transactions", IN_SESSION, "Mail transactions opened (MAIL accepted).") \
X(UINT, session_messages_accepted, "smtp.session.messages_accepted", IN_SESSION, "Messages the server took.") \
X(UINT, session_auth_attempts, "smtp.session.auth_attempts", IN_SESSION, "AUTH commands seen.") \
X(UINT, session_findings, "smtp.session.findings", IN_SESSION, "Finding events of this session.") \
X(STR, transaction_id, "smtp.transaction.id", IN_COMMAND | IN_MESSAGE | IN_FINDING, "1, 2, ... within the session.") \
X(STR, confidence, "smtp.confidence", IN_TRAFFIC, "low when octets are missing nearby; absent otherwise.") \
X(BOOL, truncated, "smtp.truncated", IN_ALL, "true when something in this event was cut at a limit.") \
X(UINT, packet_first, "smtp.packet.first", IN_TRAFFIC, "Frame number in the input of its first packet, from 1.") \
X(UINT, packet_last, "smtp.packet.last", IN_TRAFFIC, "Frame number of its last packet.") \
X(STR, helo, "smtp.helo", IN_SESSION, "Argument of the last accepted EHLO, HELO or LHLO.") \
X(STR, banner, "smtp.banner", IN_SESSION, "Text of the greeting.") \
X(STRS, extensions, "smtp.extensions", IN_SESSION | IN_COMMAND, "Lines of the EHLO reply after the first, \"SIZE=10240000\" style.") \
X(STR, client_address, "smtp.client.address", IN_SESSION, "Client address that a PROXY header or XCLIENT gave.") \
X(STR, starttls, "smtp.starttls", IN_SESSION, "not_offered, offered_unused, refused, accepted, stripped, injected or no_handshake.") \
X(STR, starttls_evidence, "smtp.starttls_evidence", IN_SESSION, "What the verdict rests on: the offer, the reply to STARTTLS, what followed it.") \
X(STRS, tls_client_versions, "smtp.tls.client_versions", IN_SESSION, "TLS versions the ClientHello offers, as sent.") \
X(STRS, tls_client_protocols, "smtp.tls.client_protocols", IN_SESSION, "ALPN names the ClientHello offers.") \
X(BOOL, tls_hello_retry, "smtp.tls.hello_retry", IN_SESSION, "true when the server asked for a second ClientHello (TLS 1.3).") \
X(STRS, tls_alerts, "smtp.tls.alerts", IN_SESSION, "TLS alerts in clear: \"client: unknown_ca (fatal)\".") \
X(UINT, replies_2xx, "smtp.replies_by_class.2xx", IN_SESSION, "Replies by first digit.") \
X(UINT, replies_3xx, "smtp.replies_by_class.3xx", IN_SESSION, "") \
X(UINT, replies_4xx, "smtp.replies_by_class.4xx", IN_SESSION, "") \
X(UINT, replies_5xx, "smtp.replies_by_class.5xx", IN_SESSION, "") \
X(UINT, first_error_code, "smtp.first_error.code", IN_SESSION, "First 4yz or 5yz reply code.") \
X(STR, first_error_finding, "smtp.first_error.finding", IN_SESSION, "Id of the finding that explains it, where one of severity warning or error does.") \
X(STR, verb, "smtp.command.verb", IN_COMMAND | IN_FINDING, "The verb as sent, in upper case, known or not.") \
X(STR, argument, "smtp.command.argument", IN_COMMAND | IN_FINDING, "What follows the verb; secrets are replaced by ********.") \
X(UINT, command_length, "smtp.command.length", IN_COMMAND | IN_FINDING, "Octets of the line with its line end.") \
X(BOOL, pipelined, "smtp.command.pipelined", IN_COMMAND | IN_FINDING, "true when it was sent before the client had seen the reply to an earlier one.") \
X(STR, line_ending, "smtp.command.line_ending", IN_COMMAND | IN_FINDING, "CRLF, LF, CRCRLF.") \
X(UINT, reply_code, "smtp.reply.code", IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, "The final reply code.") \
X(STR, reply_enhanced, "smtp.reply.enhanced", IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, "Enhanced status code (RFC 3463).") \
X(STRS, reply_text, "smtp.reply.text", IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, "Text of each line of the final reply, without code and enhanced code.") \
X(UINT, reply_lines, "smtp.reply.lines", IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, "Lines of the final reply.") \
X(CODES, reply_codes, "smtp.reply.codes", IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING, "All replies to this command in wire order.") \
X(STR, reply_category, "smtp.reply.category", IN_COMMAND | IN_MESSAGE | IN_FINDING, "Why a 4yz or 5yz reply refuses, when its codes or text tell: greylisting, block_list, quota, rate_limit, dmarc, spf, dkim, unknown_user, mailbox_disabled, relay_denied, tls_required, auth_required, size, too_many_recipients, content, dns, local_error or policy.") \
X(STR, reply_blocklist, "smtp.reply.blocklist", IN_COMMAND | IN_MESSAGE | IN_FINDING, "The block list it names, for example zen.spamhaus.org; S3150 and the like are Microsoft's.") \
X(STR, mechanism, "smtp.auth.mechanism", IN_AUTH, "SASL mechanism as sent, in upper case.") \
X(BOOL, initial_response, "smtp.auth.initial_response", IN_AUTH, "true when the AUTH line carried one.") \
X(UINT, auth_attempt, "smtp.auth.attempt", IN_AUTH, "Counts the AUTH commands of the session from 1.") \
X(UINT, auth_steps, "smtp.auth.steps", IN_AUTH, "Challenges (334) the server sent.") \
X(STRS, auth_offered, "smtp.auth.offered", IN_AUTH, "Mechanisms the latest EHLO reply offered.") \
X(BOOL, auth_encrypted, "smtp.auth.encrypted", IN_AUTH, "true under TLS; absent when TLS was due and the capture is in clear: it was decrypted before, or never begun.") \
X(STR, authzid, "smtp.auth.authzid", IN_AUTH, "Authorization identity where one was sent.") \
X(STR, workstation, "smtp.auth.workstation", IN_AUTH, "NTLM workstation.") \
X(STR, channel_binding, "smtp.auth.channel_binding", IN_AUTH, "SCRAM, OAUTHBEARER: n, y or p=TYPE as the client sent it.") \
X(STR, digest_uri, "smtp.auth.digest_uri", IN_AUTH, "DIGEST-MD5: service and host the client means.") \
X(STR, auth_service, "smtp.auth.service", IN_AUTH, "GSSAPI: service principal of the Kerberos ticket; its realm is user.domain.") \
X(STR, inner_mechanism, "smtp.auth.inner_mechanism", IN_AUTH, "GSSAPI, GSS-SPNEGO: krb5 or ntlm.") \
X(STR, security_layer, "smtp.auth.security_layer", IN_AUTH, "DIGEST-MD5, GSSAPI: what the client chose: none, integrity or confidentiality.") \
X(STR, ntlm_version, "smtp.auth.ntlm.version", IN_AUTH, "NTLMv1, NTLMv2 or anonymous, by the response.") \
X(STR, ntlm_target, "smtp.auth.ntlm.target_name", IN_AUTH, "From the NTLM challenge: TargetName.") \
X(STR, ntlm_nb_computer, "smtp.auth.ntlm.nb_computer_name", IN_AUTH, "From its TargetInfo: MsvAvNbComputerName.") \
X(STR, ntlm_nb_domain, "smtp.auth.ntlm.nb_domain_name", IN_AUTH, "MsvAvNbDomainName.") \
X(STR, ntlm_dns_computer, "smtp.auth.ntlm.dns_computer_name", IN_AUTH, "MsvAvDnsComputerName.") \
X(STR, ntlm_dns_domain, "smtp.auth.ntlm.dns_domain_name", IN_AUTH, "MsvAvDnsDomainName.") \
X(STR, oauth_status, "smtp.auth.oauth.status", IN_AUTH, "XOAUTH2, OAUTHBEARER: from the JSON in which the server refused.") \
X(STR, oauth_scope, "smtp.auth.oauth.scope", IN_AUTH, "The same: scope that is needed.") \
X(STR, oauth_schemes, "smtp.auth.oauth.schemes", IN_AUTH, "The same: kinds of tokens that are taken.") \
X(STR, oauth_host, "smtp.auth.oauth.host", IN_AUTH, "OAUTHBEARER: host as the client sent it.") \
X(STR, oauth_port, "smtp.auth.oauth.port", IN_AUTH, "OAUTHBEARER: port as the client sent it.") \
X(STRS, challenges, "smtp.auth.challenges", IN_AUTH, "Each 334, decoded; ******** for what could be turned against the password, and for octets that are no text.") \
X(STR, auth_result, "smtp.auth.result", IN_AUTH, "success, failure, cancelled, rejected, abandoned or unknown.") \
X(STR, auth_cause, "smtp.auth.cause", IN_AUTH, "Why it did not succeed.") \
X(STR, secret_hash, "smtp.auth.secret_hash", IN_AUTH, "--secrets hash: HMAC-SHA-256 of the password, token or response, in hex.") \
X(STR, secret, "smtp.auth.secret", IN_AUTH, "--secrets show: the password, token or response; octets that are no text in hex.") \
X(STR, mail_from, "smtp.mail_from", IN_MESSAGE, "Reverse-path without brackets; empty for <>.") \
X(STRS, rcpt_to, "smtp.rcpt_to", IN_MESSAGE, "Forward-paths as sent, in order.") \
X(STRS, rcpt_accepted, "smtp.rcpt_accepted", IN_MESSAGE, "Those with a 2yz reply; with per-recipient replies at the end (LMTP, PRDR) those that were delivered.") \
X(STRS, rcpt_rejected, "smtp.rcpt_rejected", IN_MESSAGE, "Those with a 4yz or 5yz reply.") \
X(UINT, rcpt_count, "smtp.rcpt_count", IN_MESSAGE, "Recipients, also those beyond the listed ones.") \
X(STR, mail_parameters, "smtp.mail_parameters", IN_MESSAGE, "Parameters of MAIL as sent.") \
X(STRS, rcpt_parameters, "smtp.rcpt_parameters", IN_MESSAGE, "Parameters of each RCPT that had any, as sent.") \
X(UINT, message_size, "smtp.message.size", IN_MESSAGE, "Octets of the message as RFC 1870 counts them.") \
X(UINT, message_declared, "smtp.message.declared_size", IN_MESSAGE, "SIZE= of MAIL.") \
X(UINT, message_lines, "smtp.message.lines", IN_MESSAGE, "Lines of the message.") \
X(UINT, message_chunks, "smtp.message.bdat_chunks", IN_MESSAGE, "BDAT commands that carried it.") \
X(STR, queue_id, "smtp.message.queue_id", IN_MESSAGE, "The server's name for it, from the text of the final reply.") \
X(STR, message_result, "smtp.message.result", IN_MESSAGE, "accepted, partial, rejected, deferred, aborted or unknown.") \
X(STR, finding_id, "smtp.finding.id", IN_FINDING, "Id in the catalog; smtpscope explain ID tells more.") \
X(STR, finding_severity, "smtp.finding.severity", IN_FINDING, "note, warning, error or alert.") \
X(STR, finding_confidence, "smtp.finding.confidence", IN_FINDING, "high, medium or low.") \
X(STR, finding_fault, "smtp.finding.fault", IN_FINDING, "client, server, middlebox, capture or unknown.") \
X(STR, finding_explanation, "smtp.finding.explanation", IN_FINDING, "What is wrong.") \
X(STR, finding_remedy, "smtp.finding.remedy", IN_FINDING, "What to do.") \
X(STR, finding_reference, "smtp.finding.reference", IN_FINDING, "Specification and section.") \
X(STR, finding_evidence, "smtp.finding.evidence", IN_FINDING, "The octets or numbers that show it; never a secret.") \
X(UINT, finding_offset, "smtp.finding.offset", IN_FINDING, "Offset in the stream of the sender.") \
X(STR, finding_suggestion, "smtp.finding.suggestion", IN_FINDING, "For example the verb that was meant.") \
X(UINT, finding_count, "smtp.finding.count", IN_FINDING, "How often, when follow-on errors are folded into it.") \
X(UINT, watch_window, "smtp.watch.window", IN_FINDING, "Findings across commands or sessions: the window, in seconds; absent when it is one session or message.") \
X(UINT, watch_threshold, "smtp.watch.threshold", IN_FINDING, "The threshold that was reached (--watch).") \
X(UINT, watch_clients, "smtp.watch.clients", IN_FINDING, "Clients that took part.") \
X(UINT, watch_identities, "smtp.watch.identities", IN_FINDING, "Identities that were tried.") \
X(STRS, watch_sessions, "smtp.watch.sessions", IN_FINDING, "Ids of up to 4 sessions that took part, the latest last.") \
X(UINT, stats_received, "smtp.stats.packets.received", IN_STATS, "Frames read.") \
X(UINT, stats_tcp, "smtp.stats.packets.tcp", IN_STATS, "TCP segments among them.") \
X(UINT, stats_fragments, "smtp.stats.packets.fragments", IN_STATS, "IP fragments.") \
X(UINT, stats_truncated_packets, "smtp.stats.packets.ignored.truncated", IN_STATS, "Ignored: the capture cut a header.") \
X(UINT, stats_malformed, "smtp.stats.packets.ignored.malformed", IN_STATS, "Ignored: headers that contradict themselves.") \
X(UINT, stats_unsupported, "smtp.stats.packets.ignored.unsupported", IN_STATS, "Ignored: not TCP over IP, or an unknown tunnel.") \
X(UINT, stats_icmp, "smtp.stats.packets.ignored.icmp", IN_STATS, "Ignored: ICMP.") \
X(UINT, stats_too_deep, "smtp.stats.packets.ignored.too_deep", IN_STATS, "Ignored: too many nested headers.") \
X(UINT, stats_bad_checksum, "smtp.stats.packets.ignored.bad_checksum", IN_STATS, "Ignored: --verify-checksums.") \
X(UINT, stats_dropped_kernel, "smtp.stats.packets.dropped.kernel", IN_STATS, "Dropped by the kernel (live).") \
X(UINT, stats_dropped_interface, "smtp.stats.packets.dropped.interface", IN_STATS, "Dropped by the interface (live).") \
X(UINT, stats_bytes, "smtp.stats.bytes", IN_STATS, "Octets read, as captured.") \
X(UINT, stats_reassembled, "smtp.stats.fragments.reassembled", IN_STATS, "Datagrams put together from fragments.") \
X(UINT, stats_fragments_lost, "smtp.stats.fragments.lost", IN_STATS, "Datagrams given up: expired, evicted, cut or without memory.") \
X(UINT, stats_fragments_malformed, "smtp.stats.fragments.malformed", IN_STATS, "Fragments that contradict their datagram.") \
X(UINT, stats_fragments_conflicts, "smtp.stats.fragments.conflicts", IN_STATS, "Overlaps with other content; the first copy counts.") \
X(UINT, stats_connections, "smtp.stats.connections.total", IN_STATS, "TCP connections.") \
X(UINT, stats_connections_open, "smtp.stats.connections.open", IN_STATS, "Open now.") \
X(UINT, stats_connections_peak, "smtp.stats.connections.peak", IN_STATS, "Most at once.") \
X(UINT, stats_evicted, "smtp.stats.connections.evicted", IN_STATS, "Given up for memory.") \
X(UINT, stats_sessions, "smtp.stats.sessions.total", IN_STATS, "SMTP sessions.") \
X(UINT, stats_close_quit, "smtp.stats.sessions.quit_fin", IN_STATS, "By close.") \
X(UINT, stats_close_fin, "smtp.stats.sessions.fin", IN_STATS, "") \
X(UINT, stats_close_rst, "smtp.stats.sessions.rst", IN_STATS, "") \
X(UINT, stats_close_timeout, "smtp.stats.sessions.timeout", IN_STATS, "") \
X(UINT, stats_close_evicted, "smtp.stats.sessions.evicted", IN_STATS, "") \
X(UINT, stats_close_eof, "smtp.stats.sessions.eof", IN_STATS, "") \
X(UINT, stats_one_sided, "smtp.stats.sessions.one_sided", IN_STATS, "Half-seen sessions.") \
X(UINT, stats_split, "smtp.stats.sessions.split", IN_STATS, "Live, several workers: sessions whose directions reached different workers.") \
X(UINT, stats_gaps, "smtp.stats.gaps", IN_STATS, "Holes in streams.") \
X(UINT, stats_gap_bytes, "smtp.stats.gap_bytes", IN_STATS, "Octets lost in them.") \
X(UINT, stats_events, "smtp.stats.events.written", IN_STATS, "Events written.") \
X(UINT, stats_events_dropped, "smtp.stats.events.dropped", IN_STATS, "Events dropped by a sink.") \
X(STR, stats_sink_name, "smtp.stats.sink.name", IN_STATS, "Of the events with action sink, one for each -O: what stands there.") \
X(UINT, stats_sink_written, "smtp.stats.sink.written", IN_STATS, "Events handed on; to Kafka: acknowledged.") \
X(UINT, stats_sink_bytes, "smtp.stats.sink.bytes", IN_STATS, "Octets of them.") \
X(UINT, stats_sink_queued, "smtp.stats.sink.queued", IN_STATS, "Events that wait.") \
X(UINT, stats_sink_queued_bytes, "smtp.stats.sink.queued_bytes", IN_STATS, "Octets of them.") \
X(UINT, stats_sink_reconnects, "smtp.stats.sink.reconnects", IN_STATS, "Connections made anew, files opened anew.") \
X(UINT, stats_sink_unacknowledged, "smtp.stats.sink.unacknowledged_bytes", IN_STATS, "Octets, written to tcp:, that a connection that broke had not acknowledged: they may be lost.") \
X(UINT, stats_sink_lost_queue, "smtp.stats.sink.dropped.queue", IN_STATS, "Dropped: too many waited.") \
X(UINT, stats_sink_lost_error, "smtp.stats.sink.dropped.error", IN_STATS, "Dropped: refused for good.") \
X(UINT, stats_sink_lost_closed, "smtp.stats.sink.dropped.closed", IN_STATS, "Dropped: the reader went away.") \
X(UINT, stats_memory, "smtp.stats.memory.used", IN_STATS, "Octets in use by all state.") \
X(UINT, stats_memory_watch, "smtp.stats.memory.watch", IN_STATS, "Octets of them that --watch uses.") \
X(UINT, stats_memory_failures, "smtp.stats.memory.refused", IN_STATS, "Allocations refused at a limit.") \
X(UINT, stats_watch_windows, "smtp.stats.watch.windows", IN_STATS, "Windows that --watch keeps: one for each client, identity, server, domain and rule.") \
X(UINT, stats_watch_evicted_sessions, "smtp.stats.watch.evicted.sessions", IN_STATS, "Given up at a limit, the least recently used first.") \
X(UINT, stats_watch_evicted_clients, "smtp.stats.watch.evicted.clients", IN_STATS, "") \
X(UINT, stats_watch_evicted_windows, "smtp.stats.watch.evicted.windows", IN_STATS, "") \
X(UINT, stats_watch_evicted_servers, "smtp.stats.watch.evicted.servers", IN_STATS, "") \
X(BOOL, stats_input_truncated, "smtp.stats.truncated", IN_STATS, "true when the input was cut short.") \
X(STR, error_type, "error.type", IN_FINDING, "Same as smtp.finding.id, for severity error and alert.") \
X(BOOL, tls_established, "tls.established", IN_SESSION, "Whether a TLS handshake was seen to complete.") \
X(STR, tls_version, "tls.version", IN_SESSION, "Version the server chose, without the name: 1.3.") \
X(STR, tls_version_protocol, "tls.version_protocol", IN_SESSION, "tls, or ssl for version 3.0.") \
X(STR, tls_cipher, "tls.cipher", IN_SESSION, "Cipher suite the server chose, by its IANA name, or 0xNNNN.") \
X(BOOL, tls_resumed, "tls.resumed", IN_SESSION, "Whether an earlier TLS session goes on.") \
X(STR, tls_next_protocol, "tls.next_protocol", IN_SESSION, "ALPN name the server chose; TLS 1.3 encrypts it.") \
X(STR, tls_server_name, "tls.client.server_name", IN_SESSION, "SNI: the name the client expects.") \
X(STR, tls_ja3, "tls.client.ja3", IN_SESSION, "JA3 of the ClientHello, the first when there are two.") \
X(STR, tls_ja4, "tls.client.ja4", IN_SESSION, "JA4 of the same.") \
X(STR, tls_ja3s, "tls.server.ja3s", IN_SESSION, "JA3S of the ServerHello.") \
X(STR, user_name, "user.name", IN_AUTH | IN_SESSION | IN_FINDING, "Who authenticated; in session events the last who succeeded; in findings whose password is tried.") \
X(STR, user_domain, "user.domain", IN_AUTH, "Domain or realm of the user.") \
X(STRS, email_from, "email.from.address", IN_MESSAGE, "Addresses of the From header field.") \
X(STRS, email_to, "email.to.address", IN_MESSAGE, "Addresses of To.") \
X(STRS, email_cc, "email.cc.address", IN_MESSAGE, "Addresses of Cc.") \
X(STRS, email_reply_to, "email.reply_to.address", IN_MESSAGE, "Addresses of Reply-To.") \
X(STR, email_subject, "email.subject", IN_MESSAGE, "Subject, RFC 2047 decoded.") \
X(STR, email_message_id, "email.message_id", IN_MESSAGE, "Message-ID without brackets.") \
X(STR, email_x_mailer, "email.x_mailer", IN_MESSAGE, "X-Mailer, or User-Agent.") \
X(STR, email_content_type, "email.content_type", IN_MESSAGE, "Content-Type as sent.") \
X(STR, ecs_version, "ecs.version", IN_ALL, "Version of the Elastic Common Schema.")

enum event_type { EV_STR, EV_STRS, EV_UINT, EV_BOOL, EV_TIME, EV_IP, EV_CODES };

typedef struct span ev_STR_t;
typedef struct event_list ev_STRS_t;
typedef uint64_t ev_UINT_t;
typedef uint8_t ev_BOOL_t;
typedef int64_t ev_TIME_t;
typedef struct endpoint ev_IP_t; /* absent when family is 0 */
typedef struct event_codes ev_CODES_t;

struct exchange; /* exchange.h: what only diag/ reads */
struct session_record;
struct notice;

struct event {
	enum dataset set;
#define EVENT_MEMBER(type, member, path, sets, doc) ev_##type##_t member;
	EVENT_FIELDS(EVENT_MEMBER)
#undef EVENT_MEMBER
	/* Not fields: */
	struct session_record *record;   /* of the session, for diag and numbering; NULL for stats */
	const struct exchange *exchange; /* command events: the whole truth about it for diag */
	int64_t reply_ts;                /* command events: last octet of the final reply, ns; 0 unknown */
	const struct notice *notice;     /* finding events before diag: what smtp saw; see exchange.h */
};

struct event_field {
	const char *path;
	enum event_type type;
	unsigned sets;     /* IN_* bits */
	uint16_t offset;   /* in struct event */
	const char *doc;   /* "" : as the row before */
};
extern const struct event_field event_fields[];
extern const unsigned event_field_count;

/* All fields absent. */
void event_init(struct event *ev, enum dataset set);
/* Whether the field has a value in ev (and the dataset has the field). */
bool event_has(const struct event *ev, const struct event_field *f);
/* The same for a field that the dataset is known to have. Inline: writers ask it of every field of every event. */
static inline bool event_present(const struct event *ev, const struct event_field *f)
{
	const void *value = (const uint8_t *)ev + f->offset;

	switch (f->type) {
	case EV_STR:
		return ((const ev_STR_t *)value)->p != NULL;
	case EV_STRS:
		return ((const ev_STRS_t *)value)->n != 0;
	case EV_UINT:
		return *(const ev_UINT_t *)value != EV_NONE;
	case EV_BOOL:
		return *(const ev_BOOL_t *)value != EV_ABSENT;
	case EV_TIME:
		return *(const ev_TIME_t *)value != EV_NO_TIME;
	case EV_IP:
		return ((const ev_IP_t *)value)->family != 0;
	case EV_CODES:
		return ((const ev_CODES_t *)value)->n != 0;
	}
	return false;
}
/*
 * How to see that a field has a value, for all types alike: the eight octets at offset, of which mask counts, are not what absent
 * looks like. Most fields of an event are absent, so a loop over these, without a branch, decides what it costs to look at one.
 */
struct event_probe {
	uint64_t mask, absent;
	uint32_t offset;
};
struct event_probe event_probe_of(const struct event_field *f);
/* What event_present() says. Its eight octets are inside of the event: it does not end with a field. */
static inline bool event_probed(const struct event *ev, const struct event_probe *q)
{
	uint64_t v;

	memcpy(&v, (const char *)ev + q->offset, sizeof v);
	return ((v ^ q->absent) & q->mask) != 0;
}
/* By path, or NULL. */
const struct event_field *event_field_find(const char *path);

/* The second of the two callbacks of the program (tcp_handlers is the other). *ev and all it points to are borrowed. */
typedef void emit_fn(void *ctx, struct event *ev);

#endif
