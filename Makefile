# Two commands need nothing but Python >= 3.11 and make:
#
#   make demo    install into .venv, run a small agent on SQLite, print what was recorded
#   make test    install into .venv, run the whole suite
#
# PYTHON chooses another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test check bench format clean

help:
	@sed -n '3,6s/^# *//p' Makefile
	@echo 'make check   formatting, lint and types'
	@echo 'make bench   what a recorded call costs the calling thread'
	@echo 'make format  format and mend what the linter can mend'
	@echo 'make clean   remove .venv and all caches'

demo: $(VENV)/.demo
	@rm -rf .cache/demo
	@mkdir -p .cache/demo
	@AGENTTRACE_STORE= $(BIN)/python examples/support_agent.py --folder .cache/demo
	@echo
	@echo 'Look again with'
	@echo '  $(BIN)/agenttrace tree --store .cache/demo/agenttrace.db'

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term --cov-fail-under=90

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/record.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .cache .coverage .coverage.* .hypothesis .pytest_cache .ruff_cache htmlcov dist build src/*.egg-info src/agenttrace/*/*.so

# The stamps are touched last, so that an installation that failed is tried again.

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit("agenttrace needs Python 3.11 or newer: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade 'pip>=25.1'  # older ones know no dependency groups
	@touch $@

$(VENV)/.demo: $(VENV)/.base pyproject.toml setup.py $(wildcard src/agenttrace/*/_*.c)
	$(PIP) --editable '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml setup.py $(wildcard src/agenttrace/*/_*.c)
	$(PIP) --editable '.[cli]' --group test --group check
	@touch $@ $(VENV)/.demo
