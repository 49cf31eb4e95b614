# Wherry: everything a person or CI does with a checkout. `make` alone lists the targets.
#
# Needs Python 3.11 or newer and make; all else is installed into .venv from the hashed lock files.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first interpreter that is new enough; `make PYTHON=/path/to/python run` picks another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK := uv pip compile --generate-hashes --no-emit-index-url --universal --python-version 3.11 --quiet \
	--custom-compile-command 'make lock'

# Passed on: make run ARGS="--port 5001", make test ARGS="tests/settings -x".
ARGS ?=

# So many processes run the tests, all tests of a file in one of them; make test PROCESSES=0 is one after the other.
PROCESSES ?= 2
SIDE_BY_SIDE := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

# Tests start hundreds of servers: what Python has compiled once it need not compile again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check format docs engines bench lock clean

help: ## Show this list
	@echo "Wherry: make TARGET [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Serve on 127.0.0.1:5000 with data in ./data (settings: WHERRY_... or ARGS)
	@exec $(BIN)/wherry serve $(ARGS)

test: $(VENV)/.dev ## Install what the tests need and run them all
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

check: $(VENV)/.dev ## Format, lint, types and the import rule, without changing a file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the generated pages of docs/reference again
	$(BIN)/python -m docs.generate

engines: $(VENV)/.dev ## Install the real programs that tests and benchmarks drive (clients, PostgreSQL, S3)
	$(BIN)/python -m engines install $(ARGS)

bench: $(VENV)/.dev ## Measure side by side with other registries; prints ratios and both sides' figures
	$(BIN)/python -m bench $(ARGS)

lock: ## Resolve the dependencies again into requirements/*.lock (needs uv)
	$(LOCK) --upgrade -o requirements/run.lock pyproject.toml requirements/build.in
	$(LOCK) --upgrade -c requirements/run.lock --extra dev -o requirements/dev.lock pyproject.toml requirements/build.in

clean: ## Remove .venv and the tools' caches; data is kept
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# One virtual environment; a stamp file for each set that is installed into it, so that a second run is instant.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Wherry needs Python 3.11 or newer: none was found on PATH." >&2; \
		echo "Install it, or name it: make PYTHON=/path/to/python3.11 run" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python has no working venv module: on Debian and Ubuntu install python3-venv." >&2; exit 1; }

$(VENV)/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Wherry needs to run (once)"
	@$(PIP) install --quiet --require-hashes -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the tests and checks need (once)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@
