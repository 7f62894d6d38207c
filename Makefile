# Everything a user or developer runs. `make demo` and `make test` need only git, make and Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench docs lock env stack clean help
help:
	@echo "make demo   a simulated fleet, pool and market on loopback, with the agent reading them"
	@echo "make test   set up what the tests need and run all of them"
	@echo "make check  formatter, linter, types, import contract, generated files unchanged"
	@echo "make bench  measure the hot path against other libraries (ratios)"
	@echo "make docs   write the generated files anew"
	@echo "make env    write .env and secrets/ for docker compose (CONFIG=directory of your stratoscope.yaml)"
	@echo "make stack  Prometheus, Alertmanager and mosquitto of this machine on the shipped files, without containers"

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
	$(BIN)/python -m pytest -n 2 $(ARGS)

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
