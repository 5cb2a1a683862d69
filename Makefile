# Endcap. `make run` and `make test` do all the set-up; they need Python 3.11, make and, for browser tests, Chromium.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DATA ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: help run setup test test-sqlite test-postgres lint format bench bench-setup docs lock clean
help:
	@echo "make run            start everything, with sample data (DATA=folder: real grocery data instead)"
	@echo "make test           lint, types, contracts, tests on SQLite and, where it answers, on PostgreSQL + Redis"
	@echo "make lint           ruff, mypy, import contracts, djade"
	@echo "make bench-setup    install the peers of the benchmarks into .peers/"
	@echo "make bench          run all benchmarks and write benchmarks/results/"
	@echo "make docs           what is in docs/, and whether its links hold"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Endcap needs Python 3.11 and found $$($(PYTHON) --version 2>&1 || echo none). Install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Endcap needs (once)"
	$(BIN)/python -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need (once)"
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m config.prepare $(if $(DATA),--data "$(DATA)")

run: setup
	@PORT="$${PORT:-8000}" PATH="$(CURDIR)/$(BIN):$$PATH" exec honcho start

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check $$(git ls-files 'templates/*.html')
	$(BIN)/django-upgrade --target-version 5.2 $$(git ls-files 'crm/*.py' 'rlhf/*.py' 'training/*.py' 'orchestrator/*.py' 'config/*.py' | grep -v /migrations/)
	$(BIN)/lint-imports
	$(BIN)/mypy .

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/djade $$(git ls-files 'templates/*.html')

test: $(VENV)/.installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" python tests/suite.py

test-sqlite test-postgres: $(VENV)/.installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" python tests/suite.py --only $(@:test-%=%)

bench-setup: $(VENV)/.installed-dev
	bash benchmarks/peers/setup.sh

bench: $(VENV)/.installed-dev
	@for script in policy engine crash pages harmonizer agreement judge_faults rating; do $(BIN)/python -m benchmarks.$$script --write benchmarks/results/$$script-$$(date +%F).json || exit 1; done

docs: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -q tests/test_docs.py

lock: $(VENV)/.installed-dev
	$(BIN)/pip-compile -q --strip-extras --no-header --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	sed -i 's/+cpu//' requirements.txt

clean:
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
