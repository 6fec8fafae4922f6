/* catalog_tables.h - the parts of the tables; those of findings are sparse over enum finding. Private to diag/catalog. */
#ifndef CATALOG_TABLES_H
#define CATALOG_TABLES_H

#include "smtpscope/catalog.h"

extern const struct finding_info catalog_syntax[FINDINGS];
extern const struct finding_info catalog_dialogue[FINDINGS];
extern const struct finding_info catalog_security[FINDINGS];

extern const struct code_info catalog_codes_positive[], catalog_codes_transient[], catalog_codes_permanent[];
extern const unsigned catalog_codes_positive_count, catalog_codes_transient_count, catalog_codes_permanent_count;
extern const struct enhanced_info catalog_enhanced[];
extern const unsigned catalog_enhanced_count;

#endif
