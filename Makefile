# Each target makes .venv if it is missing and installs what it needs there. PYTHON chooses the interpreter, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint live browser bench docs

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

# The peers have a venv of their own. QUICK=1 measures a few cases, within two minutes.
bench: .venv-bench/bench
	.venv-bench/bin/python experiments/speed/measure.py $(if $(QUICK),--quick)

docs: .venv/test
	$(BIN)/python docs/generate.py --write

# A stamp for each extra of pyproject.toml, in the venv that has it.
define install =
test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$(@F)]"
touch $@
endef
.venv/%: pyproject.toml
	$(install)
.venv-bench/%: pyproject.toml
	$(install)
