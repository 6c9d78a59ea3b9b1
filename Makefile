# SPDX-License-Identifier: MIT
#
# A thin front of Meson. `make run` and `make test` install what they need and do their job; `make help`
# lists the rest.
BUILD  ?= build
NINJA   = ninja -C $(BUILD)
JOBS   ?= $(shell nproc)
PREFIX ?= /usr/local
SOURCES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

.DEFAULT_GOAL := build
.PHONY: help build program deps run demo test attacks ci bench fuzz asan asan-build asan-unit asan-e2e tsan tsan-unit lint format format-check docs install clean gcc clang

help:
	@sed -n 's/^## //p' Makefile

## make run      build, create ./state with two demo accounts, and serve on loopback 5060
run: program
	@scripts/run $(BUILD)/src/daemon/ringfence

## make demo     two phones register and call each other through a private instance; shows its events
demo: program
	@scripts/demo $(BUILD)/src/daemon/ringfence

## make test     unit, corpus and end-to-end tests; ends with `N passed, N failed`
test: build
	@scripts/test $(BUILD)

## make attacks  floods, forged addresses, an office after a power cut, scanners, guessers: their figures at the end
attacks: build
	@rm -f $(BUILD)/attacks.jsonl
	@ATTACK_FIGURES=$(abspath $(BUILD))/attacks.jsonl scripts/test $(BUILD) --only e2e --slow --select test_attacks
	@cat $(BUILD)/attacks.jsonl

## make build    compile into ./build
build: deps $(BUILD)/build.ninja
	@$(NINJA) -j $(JOBS) $(QUIET)
	@ln -sfn src/daemon/ringfence $(BUILD)/ringfence

# The daemon alone: half of the work.
program: deps $(BUILD)/build.ninja
	@$(NINJA) -j $(JOBS) $(QUIET) src/daemon/ringfence
	@ln -sfn src/daemon/ringfence $(BUILD)/ringfence

$(BUILD)/build.ninja:
	@CC=$${CC:-gcc} meson setup $(BUILD) --prefix $(PREFIX) $(MESON_ARGS) >/dev/null

deps:
	@scripts/install-deps

## make ci       all that continuous integration runs
ci:
	@scripts/ci

## make gcc / make clang   builds with warnings as errors
gcc:
	@$(MAKE) --no-print-directory build BUILD=build-gcc CC=gcc
clang:
	@$(MAKE) --no-print-directory build BUILD=build-clang CC=clang

## make asan     unit, corpus and end-to-end tests under AddressSanitizer and UBSan
asan: asan-unit asan-e2e
asan-build:
	@$(MAKE) --no-print-directory build BUILD=build-asan \
	    MESON_ARGS='-Db_sanitize=address,undefined -Db_lundef=false'
asan-unit: asan-build
	@scripts/test build-asan --only unit
asan-e2e: asan-build
	@scripts/test build-asan --only e2e

## make tsan     the same suites under ThreadSanitizer
tsan: tsan-unit
	@scripts/test build-tsan --only e2e
tsan-unit:
	@$(MAKE) --no-print-directory build BUILD=build-tsan \
	    MESON_ARGS='-Db_sanitize=thread -Db_lundef=false'
	@scripts/test build-tsan --only unit

## make bench    ringfence and Kamailio side by side, about ten minutes
bench:
	@scripts/install-deps bench
	@$(MAKE) --no-print-directory build BUILD=build-bench MESON_ARGS='--buildtype=release -Db_lto=true -Dbench=true'
	@bench/run --build build-bench

## make fuzz     each fuzz target for FUZZ_SECONDS (60)
fuzz: deps
	@[ -e build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@scripts/fuzz build-fuzz

## make lint     includes, banned functions, clang-tidy, cppcheck
lint: build
	@scripts/check-includes
	@scripts/lint $(BUILD)

## make format   clang-format all sources in place
format:
	@clang-format -i $(SOURCES)
format-check:
	@clang-format --dry-run -Werror $(SOURCES)

## make docs     regenerate the reference pages from the code's own tables
docs: build
	@scripts/docs $(BUILD)

## make install  install the daemon, its man pages and its documents under PREFIX
install: deps $(BUILD)/build.ninja
	@meson configure $(BUILD) --prefix $(PREFIX)
	@$(MAKE) --no-print-directory build
	@meson install -C $(BUILD) --no-rebuild

## make clean    remove the build folders (never ./state)
clean:
	@rm -rf build build-*
