# The commands a developer needs. `make run` shows the system at work, `make test` is what CI runs.
PYTHON ?= python3
VENV ?= .venv
CLIENTS ?= .clients
BIN := $(VENV)/bin
PY := $(BIN)/python
PYTEST_ARGS ?= -n 2

.PHONY: run pictures setup test clients check gen concepts lock format bench prove-money prove-resilience before-after attack fuzz clean

run: setup
	$(BIN)/gatewayctl up --demo

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Tollhouse needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: check
	$(PY) -m pytest $(PYTEST_ARGS)

# Every page of the console over a busy system, for docs/console; needs chromium.
pictures: setup
	$(PY) -m tests.pictures.take docs/console

# Real coding agents, SDKs and frameworks through the gateway, installed from their registries; needs npm.
clients: setup $(CLIENTS)/.ready
	TOLLHOUSE_CLIENTS=$(abspath $(CLIENTS)) $(PY) -m pytest tests/clients $(CLIENTS_ARGS)

$(CLIENTS)/.ready: tests/clients/requirements.txt tests/clients/package.json
	mkdir -p $(CLIENTS)
	cp tests/clients/package.json $(CLIENTS)/package.json
	npm install --prefix $(CLIENTS) --no-audit --no-fund --loglevel=error
	$(PYTHON) -m venv $(CLIENTS)/venv
	$(CLIENTS)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
	@touch $@

check: setup
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

gen: setup
	PATH=$(abspath $(BIN)):$$PATH $(PY) -m grpc_tools.protoc -I proto --python_out=proto --grpc_python_out=proto --pyi_out=proto --mypy_grpc_out=quiet:proto proto/tollhouse/proto/admin/v1/*.proto
	PATH=$(abspath $(BIN)):$$PATH $(PY) -m grpc_tools.protoc -I proto --descriptor_set_out=proto/tollhouse/proto/etcd/messages.desc --pyi_out=proto proto/tollhouse/proto/etcd/messages.proto
	$(PY) -m tollhouse.proto.catalog.generate
	$(PY) -m tools.metrics_page
	$(PY) -m tools.dashboards

# Weighs anew what words mean in attacks; ORDINARY names folders of further harmless text, e.g. ORDINARY=/usr/share/doc
concepts: setup
	$(PY) -m tools.steering $(ORDINARY)

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --all-extras pyproject.toml -o requirements.lock

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(PY) -m benchmarks

# Budgets and ledger under load while everything is killed, at full size; about five minutes.
prove-money: setup
	TOLLHOUSE_PROOF=full $(PY) -m pytest tests/faults/test_money.py $(PROOF_ARGS)

# Providers killed, stalled and breaking off under 200 streams and 300 calls a second; wants two idle cores.
prove-resilience: setup
	TOLLHOUSE_PROOF=full $(PY) -m pytest -s tests/faults/test_dying_providers.py $(PROOF_ARGS)

before-after: setup
	$(PY) -m benchmarks.before_after

# A red team against a system of its own, or URL=http://host:9080 KEY=... against another.
attack: setup
	$(PY) -m tests.attack.red_team $(if $(URL),--url $(URL) --key "$(KEY)") $(ATTACK_ARGS)

# Every decoder with 20,000 inputs each instead of a few hundred, in pieces of bounded memory: half an hour on two idle cores; FUZZ="--only answers"
fuzz: setup
	$(PY) -m tests.fuzz.marathon $(FUZZ)

clean:
	rm -rf $(VENV) $(CLIENTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
