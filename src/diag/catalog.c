/*
 * catalog.c - looks findings up. The texts are in catalog_*.c; see catalog.h.
 */
#include "catalog_tables.h"

#include "smtpscope/message.h"

const char *finding_group_name(enum finding_group g)
{
	static const char *const names[GROUPS] = {
	    [GROUP_BYTES] = N_("syntax-error"),     [GROUP_LINE] = N_("syntax-error"),           [GROUP_VERB] = N_("syntax-error"),
	    [GROUP_ARGUMENT] = N_("syntax-error"),  [GROUP_SEQUENCE] = N_("sequence-error"),     [GROUP_PIPELINING] = N_("pipelining-error"),
	    [GROUP_BODY] = N_("framing-error"),     [GROUP_REPLY] = N_("reply-error"),           [GROUP_AUTH] = N_("auth-failure"),
	    [GROUP_TRANSPORT] = N_("transport"),    [GROUP_SECURITY] = N_("security"),           [GROUP_CAPTURE] = N_("capture"),
	};

	return g < GROUPS ? names[g] : "";
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = {N_("note"), N_("warning"), N_("error"), N_("alert")};

	return names[s];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = {N_("low"), N_("medium"), N_("high")};

	return names[c];
}

const char *fault_name(enum fault f)
{
	static const char *const names[] = {"unknown", "client", "server", "middlebox", "capture"};

	return names[f];
}

const struct finding_info *finding_info(enum finding f)
{
	if (catalog_syntax[f].id)
		return &catalog_syntax[f];
	return catalog_dialogue[f].id ? &catalog_dialogue[f] : &catalog_security[f];
}

const struct finding_info *finding_find(struct span id)
{
	for (unsigned f = 0; f < FINDINGS; f++)
		if (span_eq(id, span_str(finding_info((enum finding)f)->id)))
			return finding_info((enum finding)f);
	return NULL;
}
