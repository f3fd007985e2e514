"""The wheel installs cleanly and brings its commands."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ("gatewayctl", "gateayctl", "tollhouse-controlplane", "tollhouse-dataplane")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without network by the backend in this environment."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel_holds_the_four_parts_and_their_data(wheel: Path) -> None:
    """Nothing outside ``tollhouse/``, no ``tollhouse/__init__.py``, and the data files."""
    names = zipfile.ZipFile(wheel).namelist()
    inside = [name for name in names if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in inside} == {"tollhouse"}
    assert "tollhouse/__init__.py" not in names
    assert {name.split("/")[1] for name in inside} == {"proto", "controlplane", "dataplane", "cli"}
    for data in (
        "cli/embedded/tutorial.yaml",
        "proto/etcd/messages.desc",
        "proto/catalog/known_models.json",
        "controlplane/console/static/index.html",
        "controlplane/console/static/vendor/uPlot-LICENSE.txt",
    ):
        assert f"tollhouse/{data}" in names


def test_installed_commands_answer(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own each console script tells its version."""
    target = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(target)], check=True)
    site = next((target / "lib").glob("python3*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", str(target / "bin/python"), "install", "--no-deps", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-index", str(wheel)], check=True)
    # The dependencies come from this environment, our own code from the wheel: its editable link is not followed.
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.py").write_text("import sys\nsys.path += " + repr(ours) + "\n")
    (site / "dependencies.pth").write_text("import dependencies\n")
    for script in SCRIPTS:
        done = subprocess.run([target / "bin" / script, "--version"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "0." in done.stdout
    where = "import tollhouse.cli.main as m; print(m.__file__)"
    found = subprocess.run([target / "bin/python", "-c", where], capture_output=True, text=True, check=True).stdout
    assert str(target) in found
