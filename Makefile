# One way in: `make help` lists the targets.
#
# PYTHON   the interpreter that makes .venv (3.11 or later); found when not given
# ARGS     passed on: make report ARGS="03_tokenizer_comparison -p seed=8"
# PYTESTFLAGS  passed to pytest: make test PYTESTFLAGS="-k segmentation -x"
# JOBS     how many workers run the tests; 0 runs them in one process
# UV=0     installs with plain pip even where uv is found

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
UV ?= 1
ARGS ?=
PYTESTFLAGS ?=
# One worker a core of a small machine; a file's tests stay together, so that they share fixtures.
# Files keep their order: the browser's come last, since Playwright leaves an event loop running.
JOBS ?= 2

# Compiled modules are what makes the second start fast; an environment may forbid them by habit.
unexport PYTHONDONTWRITEBYTECODE
# Another virtual environment that happens to be active is none of ours.
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

MADE := $(VENV)/.made
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
EXTRAS := $(VENV)/.installed-extras

.PHONY: help report lab lab-train check test bench lock clean extras

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

report: $(RUNTIME) ## run the notebooks, write offline HTML and reports/index.html (ARGS="NAME -p name=value")
	@$(BIN)/workbench report $(ARGS)

lab: $(RUNTIME) ## open JupyterLab on notebooks/
	@$(BIN)/workbench lab $(ARGS)

lab-train: $(EXTRAS) ## train the laboratory's models anew into build/laboratory, within an hour on two cores
	@$(BIN)/python -W ignore scripts/train_laboratory.py $(ARGS)

check: $(DEV) ## lint, format, types, and the form of the notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python scripts/check_notebooks.py
	$(BIN)/python scripts/checksums.py --check
	$(BIN)/python scripts/build_word_lists.py --check

test: $(DEV) ## run the whole test suite, in a real browser too where there is one
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTESTFLAGS)

bench: $(DEV) ## measure us beside the alternatives; prints one table and keeps it in benchmarks/README.md
	@$(BIN)/python benchmarks/run.py $(ARGS)

# The locks hold versions and hashes alone, so any index can serve them.
COMPILE = uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 --group build

lock: ## resolve the dependencies anew (needs uv; UPGRADE=--upgrade takes the newest)
	@command -v uv >/dev/null || { echo "make lock needs uv, which was not found: pip install uv" >&2; exit 1; }
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean: ## remove what is generated: the reports and the caches, not .venv
	find reports -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

# Installing -----------------------------------------------------------------------------------

$(MADE):
	@sh scripts/make_venv $(VENV) "$(PYTHON)"
	@touch $@

$(RUNTIME): $(MADE) requirements.lock pyproject.toml
	@UV=$(UV) sh scripts/install_locked $(VENV) requirements.lock
	@touch $@

# The development lock contains the runtime one, so a .venv that was made for a report is upgraded
# in place and never reinstalled for the lesser set.
$(DEV): $(MADE) requirements-dev.lock requirements.lock pyproject.toml
	@UV=$(UV) sh scripts/install_locked $(VENV) requirements-dev.lock
	@touch $(RUNTIME) $@

extras: $(EXTRAS) ## install PyTorch and what goes with it, for lab-train and for models on this machine

$(EXTRAS): $(RUNTIME)
	@sh scripts/install_extras $(VENV)
	@touch $@
