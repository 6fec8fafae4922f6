# smtpscope: one program, one core library that links with libc only. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WERROR ?=

ASAN_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DSMTPSCOPE_UNCONFINED

FUZZ_CC ?= clang
SECONDS ?= 60

COVERAGE_LINES ?= 95
COVERAGE_BRANCHES ?= 90

MUTANTS ?= 300
MUTANTS_SEED ?= 1
MUTANTS_GOAL ?= 90

VERSION := $(shell sed -n 's/.*SMTPSCOPE_VERSION "\(.*\)".*/\1/p' src/app/version.h)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wswitch-enum -Wvla -Wformat=2 $(if $(WERROR),-Werror)
BASE_FLAGS := $(CPPFLAGS) -std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -MMD -MP $(WARNINGS)
APP_PKGS := libpcap json-c zlib libzstd nettle $(if $(filter Linux,$(shell uname -s)),libseccomp)
APP_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(APP_PKGS)) $(addprefix -I,$(addsuffix /include,$(GETTEXT_PREFIX)))
# Kafka when librdkafka is there; not linked with, but loaded by src/out/rdkafka.c. Asked when it is needed, like the next.
KAFKA_CFLAGS = $(shell $(PKG_CONFIG) --exists rdkafka 2>/dev/null && \
	echo '-DSMTPSCOPE_KAFKA=\"'$$($(PKG_CONFIG) --variable=libdir rdkafka)'\"' $$($(PKG_CONFIG) --cflags rdkafka))
KAFKA_LIBS = $(shell $(PKG_CONFIG) --libs rdkafka 2>/dev/null)
# gettext is a part of the C library, or a library of its own. Asked when it is needed: "make deps demo" begins without a compiler.
GETTEXT_PROBE := printf '\043include <libintl.h>\nint main(void) { return !gettext(""); }\n' | $(CC) -x c -o /dev/null - 2>/dev/null
GETTEXT_PREFIX = $(shell brew --prefix gettext 2>/dev/null)
INTL_LIBS = $(if $(GETTEXT_PREFIX),-L$(GETTEXT_PREFIX)/lib )$(shell $(GETTEXT_PROBE) || echo -lintl)
APP_LIBS = $(shell $(PKG_CONFIG) --libs $(APP_PKGS)) $(INTL_LIBS) -pthread $(if $(filter Linux,$(shell uname -s)),-ldl)
TEST_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

CORE_SRC := $(sort $(wildcard src/base/*.c src/net/*.c src/smtp/*.c src/diag/*.c))
OUT_SRC := $(sort $(wildcard src/out/*.c))
APP_SRC := $(sort $(wildcard src/app/*.c))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
RUN_SRC := $(sort $(wildcard tests/run_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
CORE := $(BUILD)/libsmtpscope-core.a
CORE_LINK := ar rcs
EDGE := $(call obj,$(OUT_SRC) $(filter-out src/app/main.c,$(APP_SRC)))
SUPPORT := $(BUILD)/libtest-support.a
UNITS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
RUNNERS := $(patsubst %.c,$(BUILD)/%,$(RUN_SRC))
BENCH := $(addprefix $(BUILD)/tests/bench/,generate events measure floor floods)
# An allocator that refuses one call, for tests/run_malloc; a sanitizer has its own.
FAIL_SO := $(if $(findstring -fsanitize,$(CFLAGS))$(findstring --coverage,$(CFLAGS))$(filter-out Linux,$(shell uname -s)),,$(BUILD)/tests/malloc/fail.so)
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SRC))
REPLAYERS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/replay_%,$(FUZZ_SRC))
FUZZ_COMMON := $(call obj,$(addprefix tests/fuzz/,fuzz.c dialogue.c))
MO := $(BUILD)/locale/ja/LC_MESSAGES/smtpscope.mo
DIALOG_TO_PCAP := $(BUILD)/tests/dialog_to_pcap
PROGRAM := $(if $(filter build,$(BUILD)),smtpscope,$(BUILD)/smtpscope)

.PHONY: all demo deps test-deps check check-unit check-dialogs check-secrets check-allocations check-pcaps check-cli check-man check-asan check-valgrind \
	check-live check-kafka check-soak check-faults check-floods fuzz fuzz-all fuzz-replay fuzzers replayers layers sizes lint coverage mutants bench bench-live bench-guard pot po contrib install uninstall dist clean help
.PHONY: check-install check-contrib check-opensearch check-package FORCE

## all: build ./smtpscope
all: $(PROGRAM) $(MO)

$(PROGRAM): $(EDGE) $(BUILD)/src/app/main.o $(CORE)
	@echo "link $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(APP_LIBS)

$(MO): po/ja.po
	@mkdir -p $(@D)
	@echo "msgfmt $<"
	@msgfmt --check-format -o $@ $<

$(CORE): $(call obj,$(CORE_SRC))
	@rm -f $@
	@$(CORE_LINK) $@ $^

$(SUPPORT): $(call obj,$(SUPPORT_SRC))
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/src/app/%.o $(BUILD)/src/out/%.o: BASE_FLAGS += -D_DEFAULT_SOURCE $(APP_CFLAGS)
$(BUILD)/src/app/translate.o: $(BUILD)/prefix
$(BUILD)/src/app/translate.o: BASE_FLAGS += -DLOCALEDIR='"$(PREFIX)/share/locale"'
$(BUILD)/src/out/rdkafka.o $(BUILD)/src/out/sink_kafka.o $(BUILD)/tests/unit/test_sink_kafka.o: EXTRA_CFLAGS = $(KAFKA_CFLAGS)
$(BUILD)/tests/unit/test_sink_kafka: TEST_LIBS += $(KAFKA_LIBS)
$(BUILD)/tests/%.o: BASE_FLAGS += -D_DEFAULT_SOURCE -Itests/support -Itests -Isrc $(APP_CFLAGS)

# Another PREFIX is another place of translations.
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@
FORCE:

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "cc   $<"
	@$(CC) $(BASE_FLAGS) $(EXTRA_CFLAGS) $(CFLAGS) -c -o $@ $<

$(UNITS) $(RUNNERS) $(DIALOG_TO_PCAP): $(BUILD)/%: $(BUILD)/%.o $(SUPPORT) $(EDGE) $(CORE)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SUPPORT) $(CORE) $(APP_LIBS) $(TEST_LIBS)

# The same targets twice: with libFuzzer's main, or with one that only replays files. From archives, so that each is only what it needs:
# libFuzzer looks at every edge of the program after each input.
$(BUILD)/libsmtpscope-edge.a: $(EDGE)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/libfuzz-support.a: $(FUZZ_COMMON)
	@rm -f $@
	@ar rcs $@ $^

FUZZ_LIBS := $(BUILD)/libfuzz-support.a $(SUPPORT) $(BUILD)/libsmtpscope-edge.a $(CORE)
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_LIBS)
	@$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS) $(APP_LIBS)
$(REPLAYERS): $(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(FUZZ_LIBS)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS) $(APP_LIBS)
$(BUILD)/tests/fuzz/make_seeds: $(BUILD)/tests/fuzz/make_seeds.o $(FUZZ_LIBS)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS) $(APP_LIBS)
fuzzers: $(FUZZERS)
replayers: $(REPLAYERS) $(BUILD)/tests/fuzz/make_seeds

$(BUILD)/tests/malloc/fail.so: tests/malloc/fail.c tests/malloc/fail.h
	@mkdir -p $(@D)
	@$(CC) -std=c11 -D_DEFAULT_SOURCE -O1 -fPIC -shared -o $@ $<

$(BUILD)/tests/smtp_peer: tests/smtp_peer.c
	@mkdir -p $(@D)
	@$(CC) -D_DEFAULT_SOURCE $(CFLAGS) -o $@ $<

$(BENCH): $(BUILD)/%: $(BUILD)/%.o
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(APP_LIBS)
$(BUILD)/tests/bench/generate: $(call obj,$(addprefix tests/bench/,traffic.c script.c truth.c)) $(SUPPORT) $(CORE)
$(BUILD)/tests/bench/events: $(BUILD)/tests/bench/truth.o
$(BUILD)/tests/bench/floods: $(SUPPORT) $(CORE)

## demo: build, then run the main job on a shipped sample, as transcript and as JSON
demo: all
	./smtpscope -r samples/first-look.pcap -o text --color auto
	./smtpscope -r samples/first-look.pcap -o json

## deps: install what the build needs (apt, dnf, apk, pacman or brew; with sudo when needed)
deps:
	@tests/support/deps.sh build

## test-deps: install what the build and the tests need
test-deps:
	@tests/support/deps.sh build test

## check: every test that needs no other program: unit, dialogues, captures, command line, man pages, live as root
check: all $(UNITS) $(RUNNERS) $(DIALOG_TO_PCAP) $(BUILD)/tests/smtp_peer $(FAIL_SO)
	@SMTPSCOPE=$(PROGRAM) BUILD=$(BUILD) FAIL_SO=$(FAIL_SO) tests/check.sh $(UNITS) $(RUNNERS) tests/reliability.sh tests/cli.sh tests/text.sh tests/explain.sh tests/man.sh \
		tests/templates.sh tests/metrics.sh tests/outputs.sh tests/readme.sh tests/live/veth.sh tests/live/updown.sh \
		tests/completion.sh tests/live/notify.sh

## check-unit: only the unit tests
check-unit: all $(UNITS)
	@SMTPSCOPE=$(PROGRAM) BUILD=$(BUILD) tests/check.sh $(UNITS)

## check-dialogs: only the dialogues, over every chunk size, split and wire
check-dialogs: $(RUNNERS)
	@$(BUILD)/tests/run_dialogs

## check-secrets: every damage to every dialogue with credentials, of which check tries a fifth
check-secrets: $(BUILD)/tests/run_secrets
	$(BUILD)/tests/run_secrets --all

## check-allocations: each allocation fails once: of the program, and of the core over dialogues and captures under AddressSanitizer; check tries some
check-allocations: all $(BUILD)/tests/run_malloc $(FAIL_SO)
	SMTPSCOPE=$(PROGRAM) FAIL_SO=$(FAIL_SO) $(BUILD)/tests/run_malloc --all
	$(MAKE) BUILD=build-asan CFLAGS="$(ASAN_FLAGS)" build-asan/tests/run_allocations
	build-asan/tests/run_allocations --all

## check-pcaps: only the captures of tests/pcap/LIST
check-pcaps: all $(RUNNERS)
	@SMTPSCOPE=./$(PROGRAM) $(BUILD)/tests/run_pcaps

## check-asan: all of check, rebuilt with AddressSanitizer and UBSan
check-asan:
	$(MAKE) BUILD=build-asan CFLAGS="$(ASAN_FLAGS)" check

## check-valgrind: unit tests and a run over every sample under valgrind
check-valgrind: all $(UNITS)
	@SMTPSCOPE=$(PROGRAM) tests/valgrind.sh $(UNITS)

## fuzz: one target of tests/fuzz with libFuzzer (clang) for so long: make fuzz TARGET=session SECONDS=3600; SANITIZE= is fast
fuzz:
	@CLANG="$(FUZZ_CC)" tests/fuzz/run $(TARGET) $(SECONDS)

## fuzz-all: every target of tests/fuzz, one after the other, SECONDS=60 each
fuzz-all:
	@for t in $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)); do CLANG="$(FUZZ_CC)" tests/fuzz/run $$t $(SECONDS) || exit 1; done

## fuzz-replay: all that fuzzing found, and the seeds, under AddressSanitizer and UBSan; needs no clang
fuzz-replay:
	$(MAKE) BUILD=build-asan CFLAGS="$(ASAN_FLAGS)" replayers
	@BUILD=build-asan tests/fuzz/replay

## check-live: real Postfix and swaks in two network namespaces, watched live (root; installs them)
check-live: all
	@SMTPSCOPE=./$(PROGRAM) tests/live/postfix.sh

## check-kafka: 100,000 events through a real Apache Kafka that is killed and started again (installs Java, Maven, kcat)
check-kafka: all $(BUILD)/tests/bench/generate
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/kafka/run.sh

## check-soak: a sensor for a minute among real Postfix traffic, noise and mishaps (root); tests/live/soak.sh alone takes 20 minutes
check-soak: all $(BUILD)/tests/bench/generate
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/live/soak.sh short

## check-faults: damaged files, outputs that fail, signals under load (tests/RELIABILITY, R50 to R66); those of interfaces as root
check-faults: all
	@SMTPSCOPE=$(PROGRAM) BUILD=$(BUILD) tests/check.sh tests/rows_files.sh tests/rows_output.sh tests/live/outputs.sh

## check-floods: what an attacker repeats costs as much as it is long: instructions at n, 2n, 4n (valgrind)
check-floods: all $(BENCH)
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/bench/floods

## check-install: install and uninstall leave what they say; the unit is valid, and how exposed it is
check-install: all
	@tests/install.sh

## check-contrib: contrib/ with rsyslog, jq, DuckDB, ClickHouse and real events (installs them)
check-contrib: all
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/contrib.sh

## check-opensearch: index templates, events and questions in a real OpenSearch, and rsyslog that ships to it (installs Java, Maven, rsyslog)
check-opensearch: all
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/opensearch/run.sh

## check-package: Debian package: built, lintian, installed in a fresh chroot, tested there, run there by systemd (root; installs the tools)
check-package:
	@tests/package.sh

## layers: prove on the object files which layer knows which (laws L1, L2)
layers: all
	@BUILD=$(BUILD) tests/support/layers.sh

## sizes: function and file sizes
sizes:
	@tests/support/sizes.sh

## lint: includes in their place, formatting, clang-tidy
lint:
	@tests/support/lint.sh

## coverage: lines and branches of base, net, smtp, diag that check runs; each has a goal (COVERAGE_LINES=95 COVERAGE_BRANCHES=90)
coverage:
	$(MAKE) BUILD=build-cov CFLAGS="-O0 -g --coverage -DSMTPSCOPE_UNCONFINED" check
	@find build-cov/src -name '*.gcda' | while read -r f; do gcov -b -n -o $$(dirname $$f) $$f 2>/dev/null; done | \
		tests/support/coverage.sh $(COVERAGE_LINES) $(COVERAGE_BRANCHES)

## mutants: break smtp and diag in MUTANTS=300|all small ways, MUTANTS_SEED=1, FILES="src/smtp/eod.c[:LINE] ...": 90 % must turn tests red
mutants:
	@CC="$(CC)" tests/mutants/run.py --build $(BUILD)/mutants --number $(MUTANTS) --seed $(MUTANTS_SEED) --goal $(MUTANTS_GOAL) $(FILES)

## bench: CPU, memory and events on generated traffic, beside a libpcap loop that does nothing and tshark (tests/bench/README.md)
bench: all $(BENCH)
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/bench/run

## bench-live: packets dropped on a veth pair under tcpreplay, by smtpscope and by a loop that does nothing; half an hour (root; tcpreplay, jq)
bench-live: all $(BENCH)
	@SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/bench/live

## pot: po/smtpscope.pot, the texts to translate, from the sources
pot:
	@tests/support/pot.sh >po/smtpscope.pot

## po: bring po/ja.po up to date with po/smtpscope.pot; what changed is marked fuzzy, and make check demands it be read
po: pot
	@msgmerge --quiet --update --backup=none --no-wrap po/ja.po po/smtpscope.pot

## bench-guard: instructions of our own code on small captures, not more than 3 % above the recorded ones (RECORD=record: anew)
bench-guard: all $(BENCH)
	@CC="$(CC)" CFLAGS="$(CFLAGS)" SMTPSCOPE=./$(PROGRAM) BUILD=$(BUILD) tests/bench/guard $(RECORD)

## contrib: the index templates of contrib/, from the field table
contrib: all
	@for e in elasticsearch opensearch; do for w in events stats; do ./$(PROGRAM) schema | jq --rawfile ecs contrib/ecs-8.11.tsv \
		--arg engine $$e --arg what $$w -f contrib/templates.jq >contrib/$$e/smtpscope-$$w.json || exit 1; done; done

# What is installed: mode, file, place under PREFIX.
INSTALLED = \
	755:$(PROGRAM):bin/smtpscope \
	644:man/smtpscope.1:share/man/man1/smtpscope.1 \
	644:man/smtpscope-events.5:share/man/man5/smtpscope-events.5 \
	644:man/smtpscope-sensor.8:share/man/man8/smtpscope-sensor.8 \
	644:$(MO):share/locale/ja/LC_MESSAGES/smtpscope.mo \
	644:$(BUILD)/schema.json:share/smtpscope/schema.json \
	644:$(BUILD)/completion.bash:share/bash-completion/completions/smtpscope \
	644:$(BUILD)/completion.zsh:$(ZSH_FUNCTIONS)/_smtpscope \
	644:$(BUILD)/smtpscope@.service:lib/systemd/system/smtpscope@.service \
	644:contrib/systemd/smtpscope.sysusers:lib/sysusers.d/smtpscope.conf \
	644:contrib/systemd/smtpscope.tmpfiles:lib/tmpfiles.d/smtpscope.conf \
	$(foreach f,$(shell find contrib -type f | sort),644:$(f):share/doc/smtpscope/$(f))
ZSH_FUNCTIONS ?= share/zsh/site-functions

## install: program, man pages, translations, completion, schema, unit and contrib under $(DESTDIR)$(PREFIX)
install: all
	@./$(PROGRAM) schema >$(BUILD)/schema.json
	@./$(PROGRAM) completion bash >$(BUILD)/completion.bash
	@./$(PROGRAM) completion zsh >$(BUILD)/completion.zsh
	@sed 's|^ExecStart=/usr/bin|ExecStart=$(PREFIX)/bin|' contrib/systemd/smtpscope@.service >$(BUILD)/smtpscope@.service
	@set -e; for i in $(INSTALLED); do IFS=:; set -- $$i; unset IFS; \
		install -D -m $$1 $$2 $(DESTDIR)$(PREFIX)/$$3; done
	@echo "installed $(words $(INSTALLED)) files under $(DESTDIR)$(PREFIX)"

## uninstall: remove what install put there
uninstall:
	@for i in $(INSTALLED); do rm -f "$(DESTDIR)$(PREFIX)/$${i##*:}"; done
	@rmdir -p $(DESTDIR)$(PREFIX)/share/doc/smtpscope/contrib/* $(DESTDIR)$(PREFIX)/share/smtpscope 2>/dev/null || true

## dist: smtpscope-VERSION.tar.gz of what git knows
dist:
	git archive --format=tar.gz --prefix=smtpscope-$(VERSION)/ -o smtpscope-$(VERSION).tar.gz HEAD

## clean: remove everything that was built
clean:
	rm -rf build build-asan build-cov build-fuzz build-fuzz-fast smtpscope smtpscope-*.tar.gz

## help: this list
help:
	@sed -n 's/^## //p' Makefile

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
