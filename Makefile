# Each target makes .venv if it is missing and installs what it needs there. PYTHON chooses the interpreter, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-losses test-all stock lint live browser matrix bench docs site

run: .venv/experiments
	$(BIN)/lossreg run configs/digits_mlp.yaml

# The markers in pyproject.toml say what this leaves out; test-all runs everything.
test: .venv/test
	$(BIN)/python -m pytest -n auto -m "not losses and not slow and not exhaustive"

# Every loss beside its formula and PyTorch, in the runner, and as the documents show it.
test-losses: .venv/test
	$(BIN)/python -m pytest -n auto -m "losses and not slow and not exhaustive"

test-all: .venv/test
	$(BIN)/python -m pytest -n auto

# The contract with numba's own compiler passes in place of lossreg's: the results are the same, only slower.
stock: .venv/test
	LOSSREG_COMPILER=stock $(BIN)/python -m pytest -n auto -m "not slow and not exhaustive" tests/test_contract.py

lint: .venv/test .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

live: .venv/test .venv/live
	$(BIN)/python -m pytest tests/live

browser: .venv/test
	$(BIN)/python -m pytest tests/browser

# The lowest and the newest versions that pyproject.toml allows, each in a venv of its own.
matrix:
	.ci/matrix

# The peers have a venv of their own. QUICK=1 measures a few cases, within two minutes.
bench: .venv-bench/bench
	.venv-bench/bin/python experiments/speed/measure.py $(if $(QUICK),--quick)
	$(if $(QUICK),,.venv-bench/bin/python experiments/speed/catalogue/measure.py)
	$(if $(QUICK),,.venv-bench/bin/python experiments/speed/cliffs.py)

# The generated parts of committed documents; `make site` builds the pages, and needs no network.
docs: .venv/test
	$(BIN)/python docs/generate.py --write

site: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

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
