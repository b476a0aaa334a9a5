# Everything one does with this tree, by one word. `make` alone lists the words.

SHELL := /bin/bash
JOBS ?= $(shell nproc)
CACHE := $(or $(MILLRACE_CACHE),$(HOME)/.cache/millrace)
# Of make bench-gpu: a python3 with PyTorch, and what deploy/examples/torch_lm.py takes.
PYTHON ?= python3
MODEL ?= $(CACHE)/models/SmolLM2-135M-Instruct.Q4_1.gguf
CONFIGURE := cmake -DCMAKE_PREFIX_PATH=$(CACHE)/llama
LABELS := unit integration e2e chaos
PROGRAMS := millrace millrace-gateway millrace-worker millrace-broker
SOURCES = $(shell find common producer worker tests bench -name '*.h' -o -name '*.cc')
# The labels of the tests that `make asan` builds and runs (also integration, e2e), and the tests of `make tsan`:
# those of threads.
SANITIZE ?= unit
TSAN_TESTS ?= runtime_test process_test telemetry_test worker_test gateway_test api_test \
    backend_synthetic_test backend_oip_integration_test backend_openai_integration_test \
    backend_process_integration_test
FUZZ_TIME ?= 60
space := $(subst ,, )
# $(call either,a b) matches a and b.
either = ^($(subst $(space),|,$(strip $(1))))$$
CHECKS = $(filter-out .ci/check_tidy.py,$(wildcard .ci/check_*.py))
CTEST := ctest --output-on-failure --no-tests=error

# Suppression files give a reason per line. Libraries of the system are not instrumented.
export ASAN_OPTIONS := detect_stack_use_after_return=1
export UBSAN_OPTIONS := print_stacktrace=1
export LSAN_OPTIONS := suppressions=$(CURDIR)/.ci/lsan.supp print_suppressions=0
export TSAN_OPTIONS := suppressions=$(CURDIR)/.ci/tsan.supp ignore_noninstrumented_modules=1 \
    halt_on_error=1 second_deadlock_stack=1
# g++ 12's ThreadSanitizer does not start where the kernel randomises addresses by more than 28 bits.
NO_ASLR := $(shell setarch -R true 2>/dev/null && echo setarch -R)

.DEFAULT_GOAL := help
.PHONY: help packages setup build build-all build-tests build-asan build-tsan build-fuzz test test-mlserver test-llama-server test-upgrade demo bench bench-gpu bench-peers soak fmt lint tidy docs clean asan tsan fuzz mutants

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  JOBS=N limits the processes (now $(JOBS)); MILLRACE_CACHE names the cache ($(CACHE))."

packages:
	@deploy/install-packages.sh

setup: packages ## Install and fetch what is missing: packages, Apache Kafka, llama.cpp, two models, NVIDIA Triton.
	@deploy/fetch-kafka.sh
	@JOBS=$(JOBS) deploy/fetch-llama.sh || echo "setup: going on without the llama backend"
	@deploy/fetch-minilm.sh || echo "setup: going on without the example of the process backend"
	@deploy/fetch-triton.sh || echo "setup: going on without NVIDIA Triton"

build: packages ## The programs, optimised, in build/bin.
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target $(PROGRAMS)

build-all: setup
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS)

build-tests: setup
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target $(PROGRAMS) $(addsuffix _tests,$(LABELS))

test: build-tests ## All tests: unit, then integration and end to end on real servers.
	@echo "test: unit"
	@$(CTEST) --test-dir build -L unit -j $(JOBS)
	@echo "test: integration on PostgreSQL and Apache Kafka, end to end with the real programs, chaos under load"
	@$(CTEST) --test-dir build -L '$(call either,$(filter-out unit,$(LABELS)))' -j $(JOBS)

test-mlserver: setup ## The oip backend on a real MLServer, which is fetched first (326 MB).
	@deploy/fetch-mlserver.sh
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target mlserver_tests
	@CI=1 $(CTEST) --test-dir build -L mlserver

test-llama-server: setup ## The openai backend on a real llama-server, which is built first (12 minutes of one processor).
	@JOBS=$(JOBS) deploy/fetch-llama-server.sh
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target llama_server_tests
	@CI=1 $(CTEST) --test-dir build -L llama_server

test-upgrade: setup ## The programs of the commit before (PREVIOUS=…) beside these, as in an upgrade that stops nothing.
	@JOBS=$(JOBS) tests/e2e/build-previous.sh $(PREVIOUS)
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target upgrade_tests
	@PREVIOUS_PROGRAMS=$(CURDIR)/build/previous/build/bin $(CTEST) --test-dir build -L upgrade

demo: setup build ## A real model answers real prompts on the embedded stack.
	@deploy/demo.sh

bench: setup build-all ## Measure throughput and latency.
	@bench/run.sh

bench-peers: setup build-all ## Measure batching beside NVIDIA Triton, LitServe, BentoML and Ray Serve, which are fetched.
	@bench/peers/run.py

bench-gpu: ## A real model on a GPU, through Millrace and alone; needs PyTorch (PYTHON=…, MODEL=…).
	@$(PYTHON) bench/gpu/through.py --model "$(MODEL)" --check
	@$(MAKE) -s build
	@$(PYTHON) bench/gpu/through.py --model "$(MODEL)" --bin build/bin $(BENCH_GPU)

soak: build-all ## What runs for hours: a long backlog (BACKLOG=…), simulated worlds (SEEDS=…), then chaos (CHAOS="--seed N --hours H").
	@MILLRACE_BACKLOG=$(or $(BACKLOG),3000000) build/tests/storage_integration_test --gtest_filter='Statements.ThatLookForTheFirst*'
	@build/bin/millrace-simulate --seeds 1..$(SEEDS) --jobs $(JOBS)
	@MILLRACE_BIN=build/bin build/bin/millrace-soak $(CHAOS)

fmt: ## Format all sources in place.
	@clang-format-14 -i $(SOURCES)

lint: packages ## Formatting, layers, dependencies, style and pages.
	@clang-format-14 --dry-run --Werror $(SOURCES)
	@for check in $(CHECKS); do echo "lint: $$check" && python3 $$check || exit 1; done

tidy: packages ## clang-tidy over all sources; minutes, the first time.
	@python3 .ci/check_tidy.py

docs: ## Regenerate docs/configuration.md and docs/metrics.md from the code's tables.
	@$(CONFIGURE) --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target generate-docs
	@build/bin/generate-docs docs

asan: build-asan ## Unit tests (SANITIZE="unit integration": more) with ASan and UBSan.
	@$(CTEST) --test-dir build/asan -L '$(call either,$(SANITIZE))'

tsan: build-tsan ## The tests of threads (TSAN_TESTS) with ThreadSanitizer.
	@$(NO_ASLR) $(CTEST) --test-dir build/tsan -R '$(call either,$(TSAN_TESTS))'

fuzz: build-fuzz ## Each reader of bytes from outside, for FUZZ_TIME=60 seconds.
	@tests/fuzz/run --seconds $(FUZZ_TIME) --jobs $(JOBS)

mutants: setup ## Take each guard of the delivery protocol out of the code: some test must fail.
	@CMAKE_PREFIX_PATH=$(CACHE)/llama tests/mutation/check

build-asan: setup
	@$(CONFIGURE) --preset asan >/dev/null
	@cmake --build build/asan -j $(JOBS) --target $(addsuffix _tests,$(SANITIZE))

build-tsan: setup
	@$(CONFIGURE) --preset tsan >/dev/null
	@cmake --build build/tsan -j $(JOBS) --target $(TSAN_TESTS)

build-fuzz: packages
	@$(CONFIGURE) --preset fuzz >/dev/null
	@cmake --build build/fuzz -j $(JOBS) --target fuzz_targets

clean: ## Remove what was built. What was fetched stays in the cache.
	@rm -rf build
