# What a developer types. `make setup` once, then `make check` before each commit.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check lint test demo bench pictures

setup:                      ## a virtual environment with everything that development needs
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'

lint:                       ## style, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint                 ## the fast part: about a minute on two cores
	$(BIN)/pytest -q -m 'not slow'

test: lint                  ## everything
	$(BIN)/pytest

demo:                       ## a wire, a rule, an alert
	$(BIN)/monitor demo

bench:                      ## each benchmark prints one JSON document
	@for file in tests/bench/[a-z]*.py; do \
		echo "== $$file"; $(BIN)/python -m "tests.bench.$$(basename "$$file" .py)" || exit 1; done

pictures:                   ## the three of the README, taken by Chromium
	$(BIN)/python -m tests.pictures
