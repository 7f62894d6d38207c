# Targets for users and developers. `make demo` and `make test` need only git, make and Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench docs lock env stack clean help
help:
	@echo "make demo   run the agent with a simulated fleet, pools and market on loopback"
	@echo "make test   install what the tests need and run all of them"
	@echo "make check  run formatter, linter, type checker and import contract; verify generated files"
	@echo "make bench  benchmark the hot path against other libraries (ratios)"
	@echo "make docs   regenerate the generated files"
	@echo "make env    write .env and secrets/ for docker compose (CONFIG=directory of stratoscope.yaml; default: demo)"
	@echo "make stack  run the installed Prometheus, Alertmanager and mosquitto with the shipped files, without containers"

$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	scripts/venv $(PYTHON) requirements/run.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml
	scripts/venv $(PYTHON) requirements/dev.txt
	@touch $(VENV)/run.stamp $@

$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/bench.txt
	@touch $@

demo: $(VENV)/run.stamp
	$(BIN)/stratoscope demo $(ARGS)

test: $(VENV)/dev.stamp
	scripts/test-programs
	$(BIN)/python -m pytest -n 6 --dist worksteal $(ARGS)

check: $(VENV)/dev.stamp
	scripts/check

bench: $(VENV)/bench.stamp
	$(BIN)/python -m tests.bench $(ARGS)

docs: $(VENV)/dev.stamp
	scripts/docs

env:
	deploy/prepare $(or $(CONFIG),demo)

stack:
	scripts/stack $(ARGS)

lock:
	scripts/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
