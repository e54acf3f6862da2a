# Needs Python 3.11 or newer and make, nothing else: each target does its own set-up.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
INSTALLED := .venv/installed
RUN := PYTHONPATH=include:plugins $(PY)
ARGS ?=
PLAYS ?= 500
SEED ?= $(shell date +%s)
SEED := $(SEED)
# more than processors: most tests wait for a server or a clock
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count() + 1)')

# our own modules are compiled once, not by every process of a test or a task
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up down status clean test lint format soak bench psql lock schema env

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(INSTALLED) ## the whole thing with real files, step by step; SCENE=all: the afternoon, too; EXIT=1 stops at the end
	@$(RUN) -m sandbox demo

up: $(INSTALLED) ## start Postgres, SFTP, the local shop and Airflow
	@$(RUN) -m sandbox up

down: $(INSTALLED) ## end everything that up or demo started; the data stays
	@$(RUN) -m sandbox down

status: $(INSTALLED) ## what runs
	@$(RUN) -m sandbox status

clean: $(INSTALLED) ## down, and delete the sandbox's data
	@$(RUN) -m sandbox clean

test: lint ## style and all tests; ARGS="-k name" picks some
	@tools/test-extras.sh
	@$(RUN) -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)
	@echo "make test: all passed"

lint: $(INSTALLED) ## style only
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(INSTALLED) ## repair what can be repaired of the style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

soak: $(INSTALLED) ## plays drawn anew, for each night; PLAYS=500, SEED=… plays a night again
	@echo "make soak: $(PLAYS) plays, SEED=$(SEED)"
	@OMS_PROPERTY_EXAMPLES=$(PLAYS) $(RUN) -m pytest tests/simulation/test_interleavings.py \
		--hypothesis-seed=$(SEED) $(ARGS) || { echo "make soak: failed; SEED=$(SEED) plays it again"; exit 1; }

bench: $(INSTALLED) ## measurements with both arms and their ratio; not pass or fail
	@$(RUN) -m tests.benchmarks $(ARGS)

psql: $(INSTALLED) ## a prompt on the OMS database; ARGS="-c 'select 1'"
	@$(RUN) -m sandbox psql $(ARGS)

lock: ## compile requirements/*.in into requirements.txt; ARGS="--upgrade"
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet uv
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
		requirements/running.in requirements/sandbox.in requirements/tests.in --output-file requirements.txt $(ARGS)

schema: $(INSTALLED) ## rebuild the local shop's schema from the published one
	@$(RUN) -m fakeshop.schema.build
	@$(RUN) tools/shapes.py

env: $(INSTALLED) ## .env for docker compose, with fresh secrets; an existing one is kept
	@$(RUN) -m sandbox.compose_env

$(INSTALLED): requirements.txt tools/install.sh
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	@echo "installing into .venv (about a minute the first time)"
	@tools/install.sh "$(PYTHON)" requirements.txt
	@touch $@
