# What people and CI call. Each target installs what it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help deps deps-bench deps-package build demo run test crash soak fuzz check bench audit fmt tools nightly
.PHONY: schemathesis tools-schemathesis deb deb-twice deb-arm64 test-package tools-package

N ?= 200
ROUNDS ?= 40
MINUTES ?= 30
TARGET := $(or $(CARGO_TARGET_DIR),target)
BUILT := $(TARGET)/debug
# Tests that cannot run here write a line into it.
SKIPPED := $(TARGET)/skipped.txt
# What `make fuzz` runs, and for how long each.
TARGETS ?= tlv certificate apdu_filter profile hostile_card careplan_file careplan_name careplan_unit careplan_zip
SECONDS_EACH ?= 60
FUZZ := $(TARGET)/fuzz
FUZZER := cargo +nightly fuzz run --fuzz-dir tests/fuzz --target-dir $(FUZZ)
# A file of a card is 8 KiB at most; nothing that is read may take seconds.
FUZZ_LIMITS := -max_len=9000 -timeout=5 -rss_limit_mb=1024
PACKAGES := $(TARGET)/packages
# How many wait for the hub while the package is upgraded.
DOCUMENTS ?= 1000
# Random requests an operation, for everybody who may use it.
EXAMPLES ?= 15
SCHEMATHESIS := $(TARGET)/schemathesis/venv
# A local copy of the RustSec advisories; without one cargo-audit fetches its own.
ADVISORY_DB ?= ../shared/advisory-db

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort

deps: ## install the Debian packages of packaging/deps.txt that are missing
	@packaging/install.sh packaging/deps.txt

deps-package:
	@packaging/install.sh packaging/deps.txt packaging/deps-package.txt

build: deps
	cargo build --locked

demo: build ## a short story: hub down, opinion accepted, hub up, receipt; a person and a card; care plans both ways
	$(BUILT)/engawa-sandbox demo --gateway $(BUILT)/engawa

run: build ## sandbox, gateways with folders and a card left running to play with
	$(BUILT)/engawa-sandbox demo --gateway $(BUILT)/engawa --keep

test: deps ## every test, and which of them could not run here
	@rm -f $(SKIPPED)
	@cargo test --locked; status=$$?; \
	if [ -s $(SKIPPED) ]; then echo "$$(wc -l < $(SKIPPED)) tests skipped:"; cat $(SKIPPED); else echo "no test skipped"; fi; \
	exit $$status

crash: deps ## kill -9 at random moments, N rounds of documents and ROUNDS of folders: make crash N=10000 ROUNDS=1000
	ENGAWA_CRASH_ROUNDS=$(N) ENGAWA_CRASH_FOLDER_ROUNDS=$(ROUNDS) cargo test --locked --test it crash -- --nocapture

soak: deps ## 64 terminals, 16 card readers and every trouble: make soak MINUTES=30
	ENGAWA_CARD_SOAK=64,16,$$(($(MINUTES) * 60)) cargo test --locked --test it card_soak -- --nocapture

fuzz: deps nightly ## libFuzzer on what reads foreign bytes: make fuzz SECONDS_EACH=600 TARGETS="tlv certificate"
	@cp Cargo.lock tests/fuzz/Cargo.lock
	@for target in $(TARGETS); do \
		found=$(FUZZ)/found/$$target; mkdir -p $$found $(FUZZ)/crashes; \
		echo "fuzz: $$target, $(SECONDS_EACH) s"; \
		$(FUZZER) $$target $$found tests/corpus/*/$$target -- $(FUZZ_LIMITS) -max_total_time=$(SECONDS_EACH) \
			-dict=tests/fuzz/dictionaries/$$target -artifact_prefix=$(FUZZ)/crashes/$$target- -print_final_stats=1 || exit 1; \
	done

schemathesis: build tools-schemathesis ## what /openapi.json allows and forbids, sent to a gateway as everybody: make schemathesis EXAMPLES=200
	$(SCHEMATHESIS)/bin/python tests/schemathesis/run.py --binaries $(BUILT) --examples $(EXAMPLES) --report $(TARGET)/schemathesis/report.json

deps-bench:
	@packaging/install.sh packaging/deps.txt packaging/deps-bench.txt

bench: deps-bench ## benchmarks in release mode: tables, and target/bench/*.json; BENCH="accept large" for some
	cargo test --release --locked --test bench -- $(BENCH)

check: deps tools ## format, lints, dependency policy, advisories, documentation
	cargo fmt --check
	cargo clippy --locked --all-targets --test bench -- -D warnings
	cargo deny --offline --locked check bans licenses sources
	$(MAKE) --no-print-directory audit
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

audit: tools ## known vulnerabilities in dependencies
	@if [ -d "$(ADVISORY_DB)" ]; then cargo audit --db "$(ADVISORY_DB)" --no-fetch --stale; else cargo audit; fi

deb: deps-package tools-package ## both packages, checked by lintian, and the list of what is in them: target/packages
	nice packaging/build.sh
	lintian --fail-on error,warning $(PACKAGES)/*_$$(dpkg --print-architecture).deb

deb-twice: deb ## the packages built once more, in another place: the same bytes?
	packaging/twice.sh

deb-arm64: deps-package tools-package ## both packages for small boxes; says so where they cannot be built
	nice packaging/arm64.sh

test-package: deb ## the life of the package on a real systemd in a container: make test-package DOCUMENTS=1000
	packaging/test/run.sh $(DOCUMENTS)

fmt: ## format the source
	cargo fmt

tools:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	@command -v cargo-audit >/dev/null || cargo install --locked cargo-audit

tools-schemathesis:
	@packaging/install.sh packaging/deps-schemathesis.txt
	@$(SCHEMATHESIS)/bin/pip freeze 2>/dev/null | grep -qxF "$$(grep -m1 '^schemathesis==' tests/schemathesis/requirements.txt)" || { \
		python3 -m venv $(SCHEMATHESIS) && $(SCHEMATHESIS)/bin/pip install --quiet -r tests/schemathesis/requirements.txt; }

tools-package:
	@command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
	@command -v cargo-cyclonedx >/dev/null || cargo install --locked cargo-cyclonedx

nightly:
	@rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
