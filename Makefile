# `make demo` and `make test` set up everything they need on first use; `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
# The extras to install: train-cpu has no GPU support; `make EXTRAS=dev,train demo` has.
EXTRAS ?= dev,train-cpu
# How many tests run at once.
JOBS ?= 2

# How long `make fuzz` goes on; FUZZ="-m hypothesis tests" would do so with every property test there is.
FUZZ_SECONDS ?= 60
FUZZ ?= -m hypothesis tests/fuzz tests/unit/formats

# A device of the older generation: tflite-runtime with numpy 1, to compare it with the current runtime.
TFLITE_VENV ?= .venv-tflite
TFLITE_PACKAGES = tflite-runtime==2.14.0 'numpy<2'

# What `make native` runs again through the core in C: everything that embeds or matches on the device.
NATIVE = $(VENV)/libsigverify.so
NATIVE_TESTS = tests/unit/test_verifier.py tests/unit/test_verifier_audit.py tests/unit/enrollment/test_enrollment.py \
	tests/unit/matching/test_explanation.py tests/unit/search tests/unit/policy tests/unit/evaluation \
	tests/unit/firmware_bridge/daemon/test_daemon.py tests/contract/test_hostile.py tests/fuzz/test_verifier.py \
	tests/e2e/test_cli.py tests/e2e/test_serve.py

BIN = $(VENV)/bin
STAMP = $(VENV)/.stamp-installed
TFLITE_STAMP = $(TFLITE_VENV)/.stamp-installed

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help install demo test native quick lint types contracts bench footprint size fuzz golden clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## create .venv and install everything (the other targets do it on first use)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

$(TFLITE_STAMP): Makefile
	@test -x $(TFLITE_VENV)/bin/python || $(PYTHON) -m venv $(TFLITE_VENV)
	$(TFLITE_VENV)/bin/python -m pip install --quiet $(TFLITE_PACKAGES) \
		|| { echo "tflite-runtime cannot be installed here; its comparison will be skipped"; }
	@touch $@

demo: $(STAMP) ## the whole path in a few minutes: train, convert, enroll, verify; in C where there is a compiler
	@if command -v cc > /dev/null; then \
		$(BIN)/sigverify native --out $(NATIVE) && SIGVERIFY_NATIVE=$(abspath $(NATIVE)) $(BIN)/sigverify demo; \
	else $(BIN)/sigverify demo; fi

test: $(STAMP) $(TFLITE_STAMP) lint types contracts ## every check and every test
	SIGVERIFY_TFLITE_PYTHON=$(abspath $(TFLITE_VENV)/bin/python) OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q --durations=10
	$(BIN)/python -m pytest --doctest-modules -q sigverify converter firmware_bridge
	@$(MAKE) --no-print-directory native

native: $(STAMP) ## the tests of the device once more, by the SDK's core in C
	@if command -v cc > /dev/null; then \
		$(BIN)/sigverify native --out $(NATIVE) && \
		SIGVERIFY_NATIVE=$(abspath $(NATIVE)) OMP_NUM_THREADS=1 \
			$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q -m 'not slow' $(NATIVE_TESTS); \
	else echo "no C compiler here: the core in C is not tested"; fi

quick: $(STAMP) ## the tests without the slow ones, stop at the first failure
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q -x -m 'not slow'

lint: $(STAMP) ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

contracts: $(STAMP) ## import-linter: who may import whom
	$(BIN)/lint-imports

bench: $(STAMP) ## speed of every step on one core, beside a compiled DTW; SIGVERIFY_MODEL names the model
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest benchmarks -q --benchmark-only \
		--benchmark-quiet --benchmark-disable-gc

footprint: $(STAMP) ## cold start, latency, memory, a store of 100,000 people, 1:N search: a quarter of an hour, 2 GB of disk
	@$(BIN)/python benchmarks/footprint.py

size: $(STAMP) ## megabytes of `pip install sigverify` without extras, here and on 64-bit ARM
	@$(BIN)/python benchmarks/install_size.py

fuzz: $(STAMP) ## hostile input, FUZZ_SECONDS each: parsers, verify, damaged stores, the C code; prints the cases tried
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=fuzz SIGVERIFY_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest \
		-n $(JOBS) --dist worksteal -q $(FUZZ)
	SIGVERIFY_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -q -rP -k libfuzzer tests/unit/firmware_bridge

golden: $(STAMP) ## write the golden files anew (only after a deliberate change; read the diff)
	$(BIN)/python tests/golden/regenerate.py

clean: ## remove what the targets above made
	rm -rf $(VENV) $(TFLITE_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks demo-out
