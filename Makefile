# One command per job; `make` alone lists them. Each target sets up what it needs.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help audit test lint types bench bench-detection docs images study mutation sarif-schema chromium

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

audit: .venv/audit.stamp ## set up, and audit the sample dataset fixtures/clinic
	@$(BIN)/datacheck audit fixtures/clinic --fail-on never

test: .venv/dev.stamp ## set up, and run the tests (JOBS=2)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

lint: .venv/dev.stamp ## check style
	@$(BIN)/ruff check .

types: .venv/dev.stamp ## check types (mypy, strict)
	@$(BIN)/mypy

bench: .venv/bench.stamp ## run the benchmark of speed, against DuckDB
	@$(BIN)/python benchmarks/audit_speed.py --startup --linear

bench-detection: .venv/dev.stamp ## run the benchmark of detection, and write its pages (40 minutes)
	@$(BIN)/python benchmarks/detection.py --seed 1 --workers $(JOBS) \
		--peers deepchecks evidently cleanlab --write docs
	@$(BIN)/python docs/generate.py

docs: .venv/audit.stamp ## write the generated pages again
	@$(BIN)/python docs/generate.py

images: .venv/dev.stamp ## train and draw the pictures of docs/stability.md again (minutes)
	@$(BIN)/python -m docs.pathologies
	@$(BIN)/python docs/generate.py

study: .venv/dev.stamp ## run the tests that take minutes, and the studies of planted faults
	@$(BIN)/python -m pytest -q -m study
	@$(BIN)/python benchmarks/studies.py

mutation: .venv/dev.stamp ## change checks and summaries in small ways: do the tests notice? (an hour)
	@$(BIN)/python benchmarks/mutation.py --jobs $(JOBS) --write benchmarks/mutation.md

# The schema that tests validate SARIF with, as a Node.js package carries it.
sarif-schema: .venv/share/sarif-2.1.0.json ## fetch the schema that SARIF is tested with (npm)

.venv/share/sarif-2.1.0.json: .venv/python.stamp
	@mkdir -p .venv/share/sarif
	@cd .venv/share/sarif && npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null && tar -xzf *.tgz
	@cp .venv/share/sarif/package/lib/schemas/sarif-2.1.0-rtm.5.json $@

chromium: ## install the browser that reports are tested in (Debian's package; as root)
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null

# The environment is made again whenever what it is made from changes.
.venv/python.stamp:
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/audit.stamp: .venv/python.stamp pyproject.toml constraints.txt
	@$(PIP) -e .
	@touch $@

.venv/dev.stamp: .venv/python.stamp pyproject.toml constraints.txt
	@$(PIP) -e ".[dev]"
	@touch $@ .venv/audit.stamp

.venv/bench.stamp: .venv/python.stamp pyproject.toml constraints.txt
	@$(PIP) -e ".[bench]"
	@touch $@ .venv/audit.stamp
