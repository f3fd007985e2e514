# The commands a developer needs. `make test` is what CI runs.
PY := .venv/bin/python
BIN := .venv/bin

.PHONY: setup run test check gen lint type bench clean

setup: .venv/.ready

.venv/.ready: pyproject.toml requirements.lock
	python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

gen: setup
	$(PY) -m grpc_tools.protoc -I proto --python_out=proto --grpc_python_out=proto --pyi_out=proto --mypy_grpc_out=quiet:proto proto/tollhouse/proto/admin/v1/*.proto
	$(PY) -m grpc_tools.protoc -I proto --descriptor_set_out=proto/tollhouse/proto/etcd/messages.desc --pyi_out=proto proto/tollhouse/proto/etcd/messages.proto
	mv proto/tollhouse/proto/etcd/messages_pb2.pyi proto/tollhouse/proto/etcd/messages.pyi
	$(PY) -m tollhouse.proto.catalog.generate
