# Only Python and make are needed: everything else is installed into .venv from hashed locks.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.DEFAULT_GOAL := help
.PHONY: help rehearse rollback ui test check sample bench quality lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

rehearse: $(VENV)/.ready ## Move data/sample into the local org and prove it
	@$(BIN)/kartra-sf rehearse

rollback: $(VENV)/.ready ## Take the latest run back
	@$(BIN)/kartra-sf rollback

ui: $(VENV)/.ready ## Open Dagster at http://127.0.0.1:3000
	@$(BIN)/kartra-sf ui

test: $(VENV)/.ready-dev ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.ready-dev ## Lint, format and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/basedpyright

bench: $(VENV)/.ready-dev ## Run a full rehearsal of 200,000 contacts and print what each stage took
	@$(BIN)/python benchmarks/rehearsal.py

quality: $(VENV)/.ready-bench ## Score names, addresses, phones, CSV and matching on public truths, and the proposal of maps
	@$(BIN)/python benchmarks/quality_values.py
	@$(BIN)/python benchmarks/quality_csv.py
	@$(BIN)/python benchmarks/quality_matching.py
	@$(BIN)/python benchmarks/quality_mapping.py

sample: $(VENV)/.ready ## Write data/sample again: same seed, same bytes
	@$(BIN)/kartra-sf sample --contacts 2500 --seed 7 --out data/sample

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
	  { echo "Python 3.11 to 3.14 is needed; name one with: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(BIN)/python requirements.lock pyproject.toml
	@echo "Setting up $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.lock
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-dev requirements-bench.lock
	@$(PIP) --require-hashes -r requirements-bench.lock
	@touch $@

lock: ## Resolve the locks again (needs uv, which leaves out addresses by itself)
	uv pip compile pyproject.toml --group build --generate-hashes --no-strip-extras --universal \
	  --no-header --python-version 3.11 -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev -c requirements.lock --generate-hashes \
	  --no-strip-extras --universal --no-header --python-version 3.11 -q -o requirements-dev.lock
	uv pip compile pyproject.toml --group build --group dev --group bench -c requirements-dev.lock \
	  --generate-hashes --no-strip-extras --universal --no-header --python-version 3.11 -q \
	  -o requirements-bench.lock

clean: ## Remove what make and the runs have left, the environment too
	@if [ -x $(BIN)/kartra-sf ]; then $(BIN)/kartra-sf org stop; fi
	rm -rf $(VENV) .kartra_sf
