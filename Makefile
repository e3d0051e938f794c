# make demo    the built-in model with and without constraints, judged by outside programs
# make test    every test
# make lint    formatting, lint and types
# make bench   the benchmark tables (installs llguidance and xgrammar in a folder of their own)

PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
BIN = $(VENV)/bin
PIP = -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint bench clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n 2

lint: $(VENV)/.linters
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.installed $(PEERS)/.installed
	$(BIN)/python benchmarks/run.py --peers $(PEERS)/bin/python --output benchmarks/results
	$(BIN)/python benchmarks/startup.py --output benchmarks/results
	$(BIN)/python benchmarks/compare_masks.py --peers $(PEERS)/bin/python --output benchmarks/results

clean:
	rm -rf $(VENV) $(PEERS)

# torch goes first and by exact version: a local CPU build is then taken where pip can see one.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) torch==2.13.0
	$(BIN)/python $(PIP) --editable '.[test]'
	touch $@

$(VENV)/.linters: $(VENV)/.installed
	$(BIN)/python $(PIP) --editable '.[dev]'
	touch $@

$(PEERS)/.installed: benchmarks/peers.txt constraints.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) torch==2.13.0
	$(PEERS)/bin/python $(PIP) -r benchmarks/peers.txt
	touch $@
