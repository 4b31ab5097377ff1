# Heirloom: everything a user or developer types. `make help` lists it.
#
# COST: RocksDB's C++ is most of a first build, and cargo compiles it again whenever its build script is resolved with
# other features. The tests of heirloom-proto bring such features in (protox). So the light crates and the heavy ones
# are never named in one cargo command that builds tests: no `cargo test --workspace`, no `cargo clippy --workspace
# --all-targets`. Two lanes, one RocksDB.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help
# rustup's default folder, for shells that never read a profile.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

CARGO ?= cargo
# What is passed on to heirloom (demo, run) or to the test runner (test, interop, browser).
ARGS ?=
# A checked-out Cargo.lock is what was tested; CI does not let cargo change it.
LOCKED := $(if $(CI),--locked)

# No C++ in the light lane: a few minutes from cold, seconds when warm.
LIGHT := -p heirloom-proto -p heirloom-graph -p heirloom-core -p heirloom-outlet -p heirloom-sim
HEAVY := -p heirloom -p heirloom-search -p heirloom-tests

# Expanded only in recipes, that is after set-up has made sure of cargo. Honours CARGO_TARGET_DIR and cargo's settings.
TARGET_DIR = $(shell $(CARGO) metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
BIN = $(TARGET_DIR)/debug/heirloom

# $(call tests,PACKAGES): all tests but those in documentation. nextest stops a test that hangs; cargo is the fallback.
tests = if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run $(LOCKED) $(1) $(ARGS); \
	else \
	  $(CARGO) test $(LOCKED) $(1) --lib --bins --tests $(ARGS); \
	fi

.PHONY: help setup build demo demo-exit run test test-light test-heavy lint lint-light lint-heavy fmt doc interop browser deb check-deb

help: ## list the targets
	@printf 'Targets (ARGS="…" is passed on):\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## install, or name in one line, what a build needs
	@scripts/setup build

build: setup ## build the heirloom program
	@[ -x "$(BIN)" ] || printf '%s\n' \
	  'heirloom: the first build takes about 25 minutes on two cores, most of it RocksDB (the long wait at librocksdb-sys);' \
	  'heirloom: later builds take seconds to a few minutes. Nothing is wrong while cargo is silent.' >&2
	@$(CARGO) build $(LOCKED) -p heirloom

demo: build ## set up, build, and run the whole story on this machine
	@"$(BIN)" demo $(ARGS)

demo-exit: build ## the same, then stop: exit code 0 only if every step held
	@"$(BIN)" demo --exit $(ARGS)

run: build ## set up, build, and start a node
	@"$(BIN)" run $(ARGS)

test: test-light test-heavy ## set up and run all tests, the quick ones first

test-light: ## format, dependency table, and the crates without C++
	@scripts/setup build check
	$(CARGO) fmt --all --check
	$(CARGO) test $(LOCKED) -p heirloom-tests --test architecture
	@$(call tests,$(LIGHT))
	$(CARGO) test $(LOCKED) --doc $(LIGHT)

test-heavy: build ## the node, and real processes end to end
	@HEIRLOOM_BIN="$(BIN)"; export HEIRLOOM_BIN; $(call tests,$(HEAVY))
	$(CARGO) test $(LOCKED) --doc $(HEAVY)

lint: lint-light lint-heavy ## format and clippy, warnings denied

lint-light: fmt
	$(CARGO) clippy $(LOCKED) $(LIGHT) --all-targets -- -D warnings

lint-heavy: setup
	$(CARGO) clippy $(LOCKED) $(HEAVY) --all-targets -- -D warnings

fmt:
	@scripts/setup build check
	$(CARGO) fmt --all --check

doc: setup ## the documentation of the code, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps

interop: build ## other BitTorrent, DHT and libp2p programs against ours
	@scripts/setup interop
	@$(CARGO) build $(LOCKED) -p heirloom-core --example release_names
	@HEIRLOOM_BIN="$(BIN)" tests/interop/run $(ARGS)

browser: build ## the page in a real Chromium, with screenshots
	@scripts/setup browser
	@HEIRLOOM_BIN="$(BIN)" tests/browser/run $(ARGS)

check-deb: build ## pack that program, and see whether Debian, systemd and shells like it
	@scripts/setup package
	@packaging/check "$$($(MAKE) -s deb PROFILE=dev | tail -n 1)"

deb: setup ## a Debian package; PROFILE=dev packs what `make build` made
	$(CARGO) build $(LOCKED) -p heirloom --profile $(or $(PROFILE),release)
	$(CARGO) build $(LOCKED) -p heirloom --example manual
	packaging/deb/build "$(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(or $(PROFILE),release))/heirloom" \
	  "$(TARGET_DIR)/debug/examples/manual" "$(TARGET_DIR)"
