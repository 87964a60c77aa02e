# Each target makes .venv if it is missing and installs what it needs there. PYTHON chooses the interpreter, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint live browser docs

run: .venv/experiments
	$(BIN)/lossreg run configs/digits_mlp.yaml

test: .venv/test
	$(BIN)/python -m pytest -n auto

lint: .venv/test .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

live: .venv/test .venv/live
	$(BIN)/python -m pytest tests/live

browser: .venv/test
	$(BIN)/python -m pytest tests/browser

docs: .venv/test
	$(BIN)/python tests/readme.py --write

# A stamp for each extra of pyproject.toml.
.venv/%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@
