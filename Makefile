# Two commands need nothing but Python >= 3.11 and make:
#
#   make demo    install into .venv, run a small agent on SQLite, print what was recorded
#   make test    install into .venv, run the whole suite
#
# PYTHON chooses another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
FRAMEWORKS ?= .venv-frameworks
PEERS  ?= .venv-peers
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The tests start hundreds of programs: without compiled files each of them would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test cover postgres test-frameworks check bench bench-peers faults format clean

help:
	@sed -n '3,6s/^# *//p' Makefile
	@echo 'make check   formatting, lint, types and a look for insecure code'
	@echo 'make cover   the suite once more, with branch coverage, which has to be above 90%'
	@echo 'make test-frameworks   what docs/frameworks shows, against the real frameworks (installs them)'
	@echo 'make bench   what recording and reading cost, beside other ways (minutes; BENCH=--quick: less)'
	@echo 'make bench-peers   the same turn through other libraries, against a sink on this machine (installs them)'
	@echo 'make faults  harm programs that record, and look for what they had acknowledged (minutes)'
	@echo 'make format  format and mend what the linter can mend'
	@echo 'make clean   remove .venv and all caches'

demo: $(VENV)/.demo
	@rm -rf .cache/demo
	@mkdir -p .cache/demo
	@AGENTTRACE_STORE= $(BIN)/python examples/support_agent.py --folder .cache/demo
	@echo
	@echo 'Look again with'
	@echo '  $(BIN)/agenttrace tree --store .cache/demo/agenttrace.db'

test: $(VENV)/.dev postgres
	$(BIN)/python -m pytest -n auto --dist worksteal

cover: $(VENV)/.dev postgres
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term --cov-fail-under=90

# Finds PostgreSQL, or installs it with the system's package manager; AGENTTRACE_TEST_POSTGRES names a database instead.
postgres:
	@.ci/postgres

test-frameworks: $(FRAMEWORKS)/.done
	$(FRAMEWORKS)/bin/python -m pytest -p no:cacheprovider tests_frameworks

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src

bench: $(VENV)/.dev $(VENV)/.bench
	@mkdir -p .cache
	$(BIN)/python -m benchmarks --json .cache/bench.json --plots .cache/plots $(BENCH)

bench-peers: $(VENV)/.dev $(VENV)/.bench $(PEERS)/.done
	@mkdir -p .cache
	$(BIN)/python -m benchmarks.peers --python $(PEERS)/bin/python --python AgentOps=$(PEERS)/agentops/bin/python --json .cache/bench-peers.json --plots .cache/plots $(BENCH)

faults: $(VENV)/.dev $(VENV)/.faults postgres
	$(BIN)/python -m faults $(FAULTS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(FRAMEWORKS) $(PEERS) .cache .coverage .coverage.* .hypothesis .pytest_cache .ruff_cache htmlcov dist build src/*.egg-info src/agenttrace/*/*.so

# The stamps are touched last, so that an installation that failed is tried again.

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit("agenttrace needs Python 3.11 or newer: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade 'pip>=25.1'  # older ones know no dependency groups
	@touch $@

$(VENV)/.demo: $(VENV)/.base pyproject.toml setup.py $(wildcard src/agenttrace/*/_*.[ch])
	$(PIP) --editable '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml setup.py $(wildcard src/agenttrace/*/_*.[ch])
	$(PIP) --editable '.[asgi,cli,clickhouse,otlp,postgres]' --group test --group check
	@touch $@ $(VENV)/.demo

$(VENV)/.faults: $(VENV)/.dev
	$(PIP) --group faults
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) --group bench
	@touch $@

# AgentOps sends nothing with the OpenTelemetry that the others use: it has an environment of its own.
$(PEERS)/.done: Makefile pyproject.toml
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --group bench-peers
	$(PYTHON) -m venv --clear $(PEERS)/agentops
	$(PEERS)/agentops/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PEERS)/agentops/bin/python -m pip install --quiet --disable-pip-version-check --group bench-peers-agentops
	@touch $@

# Below `beside` is what contradicts other packages of the group: each folder is on the path of one example only.
$(FRAMEWORKS)/.done: Makefile pyproject.toml setup.py $(wildcard src/agenttrace/*/_*.[ch])
	$(PYTHON) -m venv --clear $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cli]' --group frameworks
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(FRAMEWORKS)/beside/openai-v2 'opentelemetry-util-genai==0.4b0'
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(FRAMEWORKS)/beside/llama-index-agent 'openai>=2.54,<3' 'llama-index-llms-openai>=0.8.3'
	@touch $@
