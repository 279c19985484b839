# The commands of this house. A fresh machine needs Python 3.11 with venv, git, openssh-client, make.
#
#   make demo    a throw-away repository, gated: nothing outside its own directory is touched
#   make test    the checks and the ordinary tests; pytest's summary comes last
#   make lint    the checks alone: ruff, mypy, import contracts
#   make bench   ratios of this machine against their targets
#   make wheel   the built wheel, tried in an empty environment
#   make peer    checks by programs of other people
#   make heavy   large repositories and long waits
#   make mutation  faults planted into the gate, and which of them no test notices (an hour or two)
#
# Another interpreter: make PYTHON=/path/to/python3.12 test.  Another environment: make VENV=dir test.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

# The first interpreter that runs and is new enough; a shim that points nowhere is passed over.
PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
WORKERS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MADE := $(VENV)/.made
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# The tests start Python thousands of times: what it compiles is kept, whatever the caller says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test lint bench wheel peer heavy mutation clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(INSTALLED)
	$(BIN)/itil-gate demo

# -m: the wheel and the peers are stages of their own, because they install or start other programs;
# so is what is heavy, because it would make everybody wait.
test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not wheel and not peer and not heavy"

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED_DEV)
	$(BIN)/python bench/run.py $(BENCH)

wheel: $(INSTALLED_DEV)
	$(BIN)/python -m pytest -m wheel

peer: $(INSTALLED_DEV)
	$(BIN)/python -m pytest -m peer

# Two things that the ordinary tests do in short come first: the laws, of whose examples they try a
# fifth, and the commands, of which they fork most from a process that has loaded everything.
heavy: $(INSTALLED_DEV)
	HYPOTHESIS_PROFILE=full $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/laws
	ITIL_GATE_TESTS_FRESH=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/cli \
	  -m "not wheel and not peer and not heavy"
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m heavy

# One module: make MUTATION=itil_gate.decide.ledger mutation
MUTATION ?= itil_gate.decide
mutation: $(INSTALLED_DEV)
	nice $(BIN)/python tests/mutation/run.py --slow $(MUTATION)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Stamps: an install is repeated only when pyproject.toml is newer, or the environment is gone.
$(MADE):
	@test -n "$(PYTHON)" || { \
	  echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(INSTALLED): pyproject.toml | $(MADE)
	$(PIP) install --quiet --editable .
	touch $@

$(INSTALLED_DEV): pyproject.toml | $(MADE)
	$(PIP) install --quiet --editable '.[dev]'
	touch $(INSTALLED) $@
