# make demo    install everything, index the sample documents, ask a question, serve on loopback
# make test    install everything, run the tests
# make check   lint, types, import contracts
# make soak    the long fault suites    make bench   the measurements    make eval   the evaluation
# make lock    resolve the dependencies again and write the hashes

PYTHON ?= python3.11
DOCS   ?= examples/documents
DATA   ?= .demo
PORT   ?= 8080
Q      ?= At what depth does the seawater intake lie?

BIN := .venv/bin
RUN := OMP_NUM_THREADS=2

.DEFAULT_GOAL := help
.PHONY: help demo test check soak bench eval lock clean

help:
	@sed -n 's/^# //p' Makefile

.venv/installed: requirements/uv.txt requirements/all.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13 and call make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/installed
	QA_DATA_DIR=$(DATA) $(BIN)/qa index $(DOCS)
	QA_DATA_DIR=$(DATA) $(BIN)/qa ask "$(Q)"
	QA_DATA_DIR=$(DATA) $(BIN)/qa serve --port $(PORT)

test: .venv/installed
	$(BIN)/pytest

check: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: .venv/installed
	$(BIN)/pytest --override-ini=addopts= --import-mode=importlib -ra tests/soak

lock:
	uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --exclude-newer-package gunicorn=2026-11-14 --exclude-newer $(CUTOFF) pyproject.toml --group dev -o requirements/all.txt

clean:
	rm -rf .venv .demo
