"""Generated files are what their sources make of them today."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADMIN = "tollhouse/proto/admin/v1"


def protoc(*arguments: str) -> None:
    """Run the compiler in the contract's root."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the compiler finds its plugins
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PATH": path})


def test_admin_api_code_is_fresh(tmp_path: Path) -> None:
    """``make gen`` would change nothing in the admin API's modules."""
    pytest.importorskip("grpc_tools")
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "proto" / ADMIN).glob("*.proto"))
    outputs = ["--python_out", "--grpc_python_out", "--pyi_out"]
    protoc(*[f"{name}={tmp_path}" for name in outputs], f"--mypy_grpc_out=quiet:{tmp_path}", *sources)
    made = sorted(path for path in (tmp_path / ADMIN).iterdir())
    assert made
    stale = [path.name for path in made if path.read_bytes() != (ROOT / "proto" / ADMIN / path.name).read_bytes()]
    assert stale == [], "run make gen"


def test_etcd_messages_are_fresh(tmp_path: Path) -> None:
    """The same for etcd's messages."""
    pytest.importorskip("grpc_tools")
    source = "proto/tollhouse/proto/etcd/messages.proto"
    protoc(f"--descriptor_set_out={tmp_path / 'messages.desc'}", f"--pyi_out={tmp_path}", source)
    home = ROOT / "proto/tollhouse/proto/etcd"
    assert (tmp_path / "messages.desc").read_bytes() == (home / "messages.desc").read_bytes(), "run make gen"


def test_catalog_is_fresh() -> None:
    """The bundled price table is what the installed package's version makes."""
    pytest.importorskip("genai_prices")
    from tollhouse.proto.catalog import generate

    stored = (ROOT / "proto/tollhouse/proto/catalog/known_models.json").read_text()
    if version("genai-prices") not in stored[:200]:
        pytest.skip("made with another version of genai-prices than the installed one")
    assert generate.render() == stored, "run make gen"


def test_metrics_page_is_fresh() -> None:
    """docs/metrics.md lists what the code counts."""
    from tools import metrics_page

    assert metrics_page.PAGE.read_text() == metrics_page.render(), "run make gen"


def test_examples_of_the_demo_are_the_shipped_ones() -> None:
    """``up --demo`` loads what deploy/examples shows."""
    for name in ("tutorial.yaml", "catalogue.yaml"):
        shipped = (ROOT / "deploy/examples" / name).read_text()
        assert shipped == (ROOT / "cli/tollhouse/cli/embedded" / name).read_text()


def test_lock_holds_every_direct_dependency() -> None:
    """What pyproject.toml asks for is in the lock."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=!;\[ ]", one)[0].lower().replace("_", "-") for one in wanted}
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert names - locked == set(), "run make lock"
