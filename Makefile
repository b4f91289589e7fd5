# The one command runner. `make` alone lists the targets; CI calls the same ones.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CHROMIUM ?= $(firstword $(wildcard /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome))
# Screenshots of the browser tests.
ARTEFACTS ?= $(CURDIR)/artefacts
# Where the fuzzer is installed.
FUZZ_VENV := target/fuzz-venv
# Runs a command beside a throw-away PostgreSQL, which is gone afterwards.
WITH_POSTGRES = $(CURDIR)/target/debug/examples/with_postgres

.PHONY: help run build test test-build test-rust test-browser test-clients test-clients-few test-fuzz lint fmt bench bench-full bench-build tools

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Runs the server for development (the same as `cargo run`)
	cargo run

build: ## Builds the binary that is published, target/dist/phoneproof
	cargo build --profile dist --locked -p phoneproof

test: tools test-rust test-browser test-clients-few test-fuzz ## Installs what the tests need, then runs all of them, on SQLite and on PostgreSQL

# All with the features of the whole workspace: another selection of packages would build every dependency once more.
test-build: tools
	cargo build --locked --workspace --bins --tests --features phoneproof-store-postgres/testing --example with_postgres

test-rust: test-build ## Unit, property, conformance and end-to-end tests
	$(WITH_POSTGRES) cargo test --locked --workspace
	@echo "Once more on PostgreSQL: the end-to-end tests, without those that do not depend on TEST_STORE"
	TEST_STORE=postgres $(WITH_POSTGRES) cargo test --locked --workspace --test e2e -- --skip once::

# The runs on the two stores mostly wait for a browser or for the fuzzer: both at once, each with its output in one piece.
BOTH_STORES = $(MAKE) --no-print-directory --jobs=2 --output-sync=target

BROWSER_TESTS = CHROMIUM="$(or $(CHROMIUM),/usr/bin/chromium)" PHONEPROOF_BIN="$(CURDIR)/target/debug/phoneproof" \
	node --test --test-reporter=spec *.test.mjs

.PHONY: browser-sqlite browser-postgres fuzz-sqlite fuzz-postgres

test-browser: test-build ## The real Clerk SDKs in Node.js and Chromium, and the development page
	cd tests/browser && npm ci --silent
	$(BOTH_STORES) browser-sqlite browser-postgres

browser-sqlite:
	cd tests/browser && ARTEFACTS="$(ARTEFACTS)" $(BROWSER_TESTS)

browser-postgres:
	cd tests/browser && ARTEFACTS="$(ARTEFACTS)/postgres" TEST_STORE=postgres $(WITH_POSTGRES) env $(BROWSER_TESTS)

CLIENT_TESTS = CHROMIUM="$(or $(CHROMIUM),/usr/bin/chromium)" ARTEFACTS="$(ARTEFACTS)" PHONEPROOF_BIN="$(CURDIR)/target/debug/phoneproof" \
	node tests/clients/run.mjs

test-clients: test-build ## All of examples/, each by the commands of its README, and the table of docs/clients.md
	cd tests/browser && npm ci --silent
	$(CLIENT_TESTS) --write docs/clients.md

test-clients-few: test-build
	cd tests/browser && npm ci --silent
	JOBS=3 $(CLIENT_TESTS) react express python

FUZZ = PATH="$(CURDIR)/$(FUZZ_VENV)/bin:$$PATH" PHONEPROOF_BIN="$(CURDIR)/target/debug/phoneproof" python3 tests/fuzz/fuzz.py

test-fuzz: test-build ## Generated requests by the OpenAPI document (schemathesis)
	test -x $(FUZZ_VENV)/bin/schemathesis || { python3 -m venv $(FUZZ_VENV) && \
		$(FUZZ_VENV)/bin/pip install --quiet --requirement tests/fuzz/requirements.txt; }
	$(BOTH_STORES) fuzz-sqlite fuzz-postgres

fuzz-sqlite:
	$(FUZZ)

fuzz-postgres:
	TEST_STORE=postgres $(WITH_POSTGRES) env $(FUZZ)

lint: tools ## Formatting, clippy, rustdoc, licences and bans
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps --quiet
	if command -v cargo-deny >/dev/null; then cargo deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed (cargo install cargo-deny): licences and bans were not checked"; fi

fmt: ## Formats the code
	cargo fmt --all

bench: bench-build ## Flows in a session and by token, beside the yardsticks; sessions, delivery, micro; see docs/benchmarks.md
	$(BENCH) --bench flows
	$(BENCH) --bench sessions
	$(BENCH) --bench delivery
	$(BENCH) --bench micro

bench-full: bench-build ## Flows on stores of up to 10 million numbers, 5 rounds: an hour and 25 GB of disk
	BENCH_ROUNDS=5 BENCH_CLIENTS=1,16,64,256 BENCH_STORED=0,100000,1000000,10000000 $(BENCH) --bench flows -- $(BENCH_ARGUMENTS)

# What is measured is what is published.
BENCH = cargo bench --locked --profile dist -p phoneproof-tests

bench-build: tools
	cargo build --profile dist --locked -p phoneproof
	cargo build --profile dist --locked -p phoneproof-tests --bin yardstick

tools: ## Installs Chromium, Node.js, Python, PostgreSQL, curl and OpenSSL's headers if they are missing (Debian, as root)
	@if [ -z "$(CHROMIUM)" ] || ! command -v node >/dev/null || ! command -v curl >/dev/null || ! command -v psql >/dev/null \
		|| [ -z "$(wildcard /usr/lib/postgresql/*/bin/initdb)" ] \
		|| ! python3 -c 'import ensurepip' 2>/dev/null || ! pkg-config --exists openssl 2>/dev/null; then \
		echo "installing chromium, nodejs, npm, python3-venv, postgresql, curl, pkg-config and libssl-dev"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium ca-certificates curl python3-venv \
			postgresql pkg-config libssl-dev \
			$$(command -v node >/dev/null || echo nodejs npm) >/dev/null; \
	fi
