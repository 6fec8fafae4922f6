/*
 * catalog.c - looks findings up. The texts are in catalog_*.c; see catalog.h.
 */
#include "catalog_tables.h"

const char *finding_group_name(enum finding_group g)
{
	static const char *const names[GROUPS] = {
	    [GROUP_BYTES] = "syntax-error",     [GROUP_LINE] = "syntax-error",           [GROUP_VERB] = "syntax-error",
	    [GROUP_ARGUMENT] = "syntax-error",  [GROUP_SEQUENCE] = "sequence-error",     [GROUP_PIPELINING] = "pipelining-error",
	    [GROUP_BODY] = "framing-error",     [GROUP_REPLY] = "reply-error",           [GROUP_AUTH] = "auth-failure",
	    [GROUP_TRANSPORT] = "transport",    [GROUP_SECURITY] = "security",           [GROUP_CAPTURE] = "capture",
	};

	return g < GROUPS ? names[g] : "";
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = {"note", "warning", "error", "alert"};

	return names[s];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = {"low", "medium", "high"};

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
