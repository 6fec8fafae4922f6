#!/bin/bash
# smtpscope with IPv6 addresses in brackets, for comparing with readings that name streams "[::1]:33620>[::1]:25". The program itself
# writes them bare, as the ECS type ip wants it.
program=${SMTPSCOPE:-$(dirname "$0")/../../smtpscope}
"$program" "$@" | sed -E 's/("(source|destination)":\{"ip":")([0-9a-f]*:[0-9a-f:.]*)"/\1[\3]"/g'
exit "${PIPESTATUS[0]}"
