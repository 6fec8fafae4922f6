#!/bin/sh
# The texts of the sources that are marked for translation, as a .pot without dates and line numbers, so that it changes only when they do.
# "%S" and the like are placeholders of the catalog and not of printf.
set -eu
sources=$(find src include -name "*.[ch]" | LC_ALL=C sort)
# shellcheck disable=SC2086
xgettext --language=C --from-code=UTF-8 --keyword --keyword=N_ --keyword=translate --flag=N_:1:no-c-format \
  --add-location=file --no-wrap --package-name=smtpscope --copyright-holder="the smtpscope authors" -o - $sources |
  sed -e '/^"POT-Creation-Date:/d' -e '/^#, no-c-format$/d' -e 's/charset=CHARSET/charset=UTF-8/' -e '/^# SOME DESCRIPTIVE TITLE/,/^#$/d'
