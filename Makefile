# `make demo` and `make test` set up everything they need on first use; `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
# The extras to install: train-cpu has no GPU support; `make EXTRAS=dev,train …` has. The demo needs no tools of
# developers, and does without them where they are not there yet.
EXTRAS ?= dev,train-cpu
comma := ,
DEMO_EXTRAS ?= $(subst dev$(comma),,$(EXTRAS))
# How many tests run at once: two more than the two cores meant here, as some wait for a disk, a browser or a server.
JOBS ?= 4
# Files as they come: those of whole commands, which take longest, before the many small ones that fill up the end.
SPREAD = --dist loadfile --no-loadscope-reorder

# How long `make fuzz` goes on; FUZZ="-m hypothesis tests" would do so with every property test there is.
FUZZ_SECONDS ?= 60
FUZZ ?= -m hypothesis tests/fuzz tests/unit/formats

# A device of the older generation: tflite-runtime with numpy 1, to compare it with the current runtime.
TFLITE_VENV ?= .venv-tflite
TFLITE_PACKAGES = tflite-runtime==2.14.0 'numpy<2'

# What `make native` runs again through the core in C, and under python -O, which leaves every assert out: everything that
# embeds or matches on the device, and changes of its store. Not what a PostgreSQL server does, nor a fault at every
# statement of a change, where nothing computes. Whole commands (tests/e2e) compute in C the first time. No `assert` is
# shipped (ruff's S101), so that -O can make a difference only where a library has one.
NATIVE = $(VENV)/libsigverify.so
NATIVE_TESTS = $(addprefix tests/unit/,test_interruptions.py test_hold.py enrollment/test_enrollment.py \
	matching/test_explanation.py policy evaluation/test_system.py evaluation/test_baseline.py \
	firmware_bridge/daemon/test_daemon.py) \
	$(filter-out %faults.py %interrupted.py,$(wildcard tests/unit/search/*.py tests/unit/store/*.py)) \
	$(wildcard tests/unit/test_verifier*.py) tests/contract/test_hostile.py tests/fuzz/test_verifier.py \
	-k 'not server and not fleet and not postgres'
# pytest itself says that it cannot do without asserts elsewhere; those of the tests it turns into code.
WITHOUT_ASSERTS = -W 'ignore:assertions not in test modules:pytest.PytestConfigWarning'

# The tools that build the documentation's site, which no test needs.
SITE_VENV ?= .venv-docs

# The tools that build the packages, which no other test needs: half a gigabyte.
PACKAGES_VENV ?= .venv-packages

# An emulated Python of 64-bit ARM, with the SDK as a board has it.
ARM_VENV ?= .venv-arm

# The Debian package: dpkg's name of the machine, and the version of its Python.
DEB_ARCH ?= amd64
DEB_PYTHON ?= 3.11
# A Debian of this machine's release, to install the package into.
DEBIAN_ROOT ?= build/debian

# The emulated board: its disk is kept there, 3 GB; and how often its power is cut.
BOARD ?= build/board
BOARD_CUTS ?= 3

BIN = $(VENV)/bin
STAMP = $(VENV)/.stamp-installed
DEMO_STAMP = $(VENV)/.stamp-demo
TFLITE_STAMP = $(TFLITE_VENV)/.stamp-installed
SITE_STAMP = $(SITE_VENV)/.stamp-installed
PACKAGES_STAMP = $(PACKAGES_VENV)/.stamp-installed

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where it is set, as images of containers do, every process compiles our modules anew, and the tests their asserts.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test doctests native faults quick lint types contracts collected bench bench-compare footprint size site wheels deb sbom test-deb test-arm test-board fuzz golden clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## create .venv and install everything (the other targets do it on first use)

$(STAMP): WANTED = $(EXTRAS)
$(DEMO_STAMP): WANTED = $(DEMO_EXTRAS)
$(STAMP) $(DEMO_STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
# An old pip takes twice as long to see which releases fit. Of the modules a third is ever imported, and compiled then.
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[$(WANTED)]'
	@touch $@

$(TFLITE_STAMP): Makefile
	@test -x $(TFLITE_VENV)/bin/python || $(PYTHON) -m venv $(TFLITE_VENV)
	$(TFLITE_VENV)/bin/python -m pip install --quiet $(TFLITE_PACKAGES) \
		|| { echo "tflite-runtime cannot be installed here; its comparison will be skipped"; }
	@touch $@

$(SITE_STAMP): pyproject.toml constraints.txt
	@test -x $(SITE_VENV)/bin/python || $(PYTHON) -m venv $(SITE_VENV)
	$(SITE_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

$(PACKAGES_STAMP): pyproject.toml constraints.txt
	@test -x $(PACKAGES_VENV)/bin/python || $(PYTHON) -m venv $(PACKAGES_VENV)
	$(PACKAGES_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[packages]'
	@touch $@

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO_STAMP)) ## the whole path: invent people, train, convert, enroll, verify, measure; into demo-out
	@if command -v cc > /dev/null && $(BIN)/sigverify native --out $(NATIVE) > /dev/null; then \
		export SIGVERIFY_NATIVE=$(abspath $(NATIVE)); \
	fi; $(BIN)/sigverify demo --force

test: ## every check and every test
	@$(MAKE) --no-print-directory -j 2 $(STAMP) $(TFLITE_STAMP)
	@$(MAKE) --no-print-directory -j 2 --output-sync types lint contracts doctests collected
	SIGVERIFY_TFLITE_PYTHON=$(abspath $(TFLITE_VENV)/bin/python) OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n $(JOBS) $(SPREAD) -q --durations=10
	@$(MAKE) --no-print-directory native

doctests: $(STAMP) ## the examples in docstrings
	$(BIN)/python -m pytest --doctest-modules -q sigverify converter firmware_bridge

# Pytest translates every test file when it first imports it: here once, and not in each process that tests.
collected: $(STAMP)
	@said=$$($(BIN)/python -m pytest --collect-only -qq 2>&1) || { echo "$$said"; exit 1; }

faults: $(STAMP) ## an exception at every line, an error of every statement of every change; prints how many
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q -rP -m '' \
		tests/unit/store/test_faults.py tests/unit/store/test_faults_postgres.py tests/unit/test_interruptions.py

native: $(STAMP) ## the tests of device and store once more, by the core in C and under python -O
	@if command -v cc > /dev/null; then \
		$(BIN)/sigverify native --out $(NATIVE) && export SIGVERIFY_NATIVE=$(abspath $(NATIVE)); \
	else echo "no C compiler here: once more in numpy"; fi && \
	PYTHONOPTIMIZE=1 OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest $(WITHOUT_ASSERTS) -n $(JOBS) $(SPREAD) -q -m 'not slow' $(NATIVE_TESTS)

quick: $(STAMP) ## the tests without the slow ones, stop at the first failure
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) $(SPREAD) -q -x -m 'not slow'

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

bench-compare: $(STAMP) ## speed of every step and of the daemon under load beside the last release, in ratios
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/compare.py

footprint: $(STAMP) ## cold start, latency, memory, a store of 100,000 people, 1:N search: a quarter of an hour, 2 GB of disk
	@$(BIN)/python benchmarks/footprint.py

size: $(STAMP) ## megabytes of `pip install sigverify`, and with [cli], here and on 64-bit ARM
	@$(BIN)/python benchmarks/install_size.py

site: $(SITE_STAMP) ## the documentation as a site, in build/site: read it without a server or network
	NO_MKDOCS_2_WARNING=1 $(SITE_VENV)/bin/mkdocs build --quiet

wheels: $(STAMP) $(PACKAGES_STAMP) ## wheels with the core in C for x86-64 and ARM, and one without, in dist; tests them
	rm -f dist/*.whl
	$(PACKAGES_VENV)/bin/python distribution/wheels.py dist
	SIGVERIFY_WHEELS=$(abspath dist) SIGVERIFY_PACKAGES_PYTHON=$(abspath $(PACKAGES_VENV)/bin/python) \
		$(if $(wildcard $(ARM_VENV)/python),SIGVERIFY_ARM_PYTHON=$(abspath $(ARM_VENV)/python)) \
		OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/e2e/test_wheels.py

deb: $(PACKAGES_STAMP) ## the Debian package, in dist; DEB_ARCH=arm64 for a Raspberry Pi, DEB_PYTHON=3.13 for Debian 13
	$(PACKAGES_VENV)/bin/python distribution/deb.py dist $(DEB_ARCH) $(DEB_PYTHON)

sbom: $(STAMP) $(PACKAGES_STAMP) ## what a device has installed, and the licences: CycloneDX and a text, in dist; checks them
	$(PACKAGES_VENV)/bin/python distribution/sbom.py dist
	SIGVERIFY_SBOM=$(abspath dist) SIGVERIFY_PACKAGES_PYTHON=$(abspath $(PACKAGES_VENV)/bin/python) \
		$(BIN)/python -m pytest -q tests/e2e/test_sbom.py

test-deb: $(STAMP) deb ## the Debian package in a Debian of its own, offline; needs root, debootstrap, and amd64
	@if root=$$($(BIN)/python tests/support/debian_root.py $(DEBIAN_ROOT)); then \
		SIGVERIFY_DEB=$$(ls dist/sigverify_*_$(DEB_ARCH).deb) SIGVERIFY_DEB_ROOT=$$root \
			$(BIN)/python -m pytest -q tests/e2e/test_deb.py; \
	else echo "no Debian to install into: nothing is tested"; fi

test-arm: $(STAMP) ## the SDK from wheels on emulated 64-bit ARM: the same decisions; needs qemu-user-static, Debian
	@if python=$$($(BIN)/python tests/support/arm_python.py $(ARM_VENV)); then \
		SIGVERIFY_ARM_PYTHON=$$python $(BIN)/python -m pytest -q tests/e2e/test_arm.py; \
	else echo "no emulated ARM here: nothing is tested"; fi

test-board: $(STAMP) $(PACKAGES_STAMP) ## a whole emulated board: the package for 64-bit ARM, systemd, a UART, power cuts; needs root, qemu-system-arm, nbdkit
	@if $(BIN)/python tests/support/board_image.py; then \
		$(PACKAGES_VENV)/bin/python distribution/deb.py dist arm64 $(DEB_PYTHON) && \
		board=$$($(BIN)/python tests/support/board_image.py $(BOARD) dist/sigverify_*_arm64.deb) && \
		SIGVERIFY_BOARD=$$board SIGVERIFY_BOARD_CUTS=$(BOARD_CUTS) $(BIN)/python -m pytest -q tests/e2e/test_board.py; \
	else echo "no board can be emulated here: nothing is tested"; fi

fuzz: $(STAMP) ## hostile input, FUZZ_SECONDS each: parsers, verify, damaged stores, the C code; prints the cases tried
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=fuzz SIGVERIFY_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest \
		-n $(JOBS) --dist worksteal -q $(FUZZ)
	SIGVERIFY_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -q -rP -k libfuzzer tests/unit/firmware_bridge

golden: $(STAMP) ## write the golden files anew (only after a deliberate change; read the diff)
	$(BIN)/python tests/golden/regenerate.py

clean: ## remove what the targets above made
	rm -rf $(VENV) $(TFLITE_VENV) $(SITE_VENV) $(PACKAGES_VENV) $(ARM_VENV) $(DEBIAN_ROOT) build/site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks demo-out
