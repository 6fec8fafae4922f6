/* catalog_tables.h - the parts of the findings table, each sparse over enum finding. Private to diag/catalog. */
#ifndef CATALOG_TABLES_H
#define CATALOG_TABLES_H

#include "smtpscope/catalog.h"

extern const struct finding_info catalog_syntax[FINDINGS];
extern const struct finding_info catalog_dialogue[FINDINGS];
extern const struct finding_info catalog_security[FINDINGS];

#endif
