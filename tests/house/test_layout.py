"""The layout every newcomer relies on."""

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ["proto", "controlplane", "dataplane", "cli"]
GENERATED = ("_pb2.py", "_pb2_grpc.py")

ELSEWHERE = ROOT / "tests/house/tested_elsewhere.toml"
"""Modules without a test module of their own, by the tests that cover them."""


def listed_elsewhere() -> dict[str, str]:
    """Module -> the test file or folder that covers it."""
    lists = tomllib.loads(ELSEWHERE.read_text())
    return {module: test for test, modules in lists.items() for module in modules}


def tracked(*patterns: str) -> list[Path]:
    """Files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in (ROOT / line for line in listed.splitlines()) if path.is_file()]


def modules() -> list[Path]:
    """Every module that is written by hand."""
    return [
        path
        for root in ROOTS
        for path in sorted((ROOT / root / "tollhouse" / root).rglob("*.py"))
        if not path.name.endswith(GENERATED)
    ]


def test_no_init_above_the_parts() -> None:
    """An ``__init__.py`` in ``X/`` or ``X/tollhouse/`` would hide every other root; one in tests breaks imports."""
    stray = [root for root in ROOTS for folder in ("", "tollhouse") if (ROOT / root / folder / "__init__.py").exists()]
    assert stray == []
    assert [str(path) for path in tracked("tests/**/__init__.py", "tests/__init__.py")] == []


def test_four_roots_are_named_alike_everywhere() -> None:
    """Packaging, type checks (of the benchmarks, too), import rules and coverage speak of the same four roots."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tool = config["tool"]
    wheel = tool["hatch"]["build"]["targets"]["wheel"]
    assert tool["hatch"]["build"]["dev-mode-dirs"] == ROOTS
    assert wheel["only-include"] == [f"{root}/tollhouse" for root in ROOTS]
    assert wheel["sources"] == ROOTS
    assert tool["mypy"]["files"] == [*ROOTS, "benchmarks"]
    assert tool["mypy"]["mypy_path"].split(":") == ROOTS
    assert tool["importlinter"]["root_packages"] == [f"tollhouse.{root}" for root in ROOTS]
    assert tool["coverage"]["run"]["source"] == ROOTS


def test_each_folder_of_modules_is_a_package() -> None:
    """A folder without ``__init__.py`` inside a part would be left out by some tools and not by others."""
    missing = {path.parent for path in modules()} - {path.parent for path in modules() if path.name == "__init__.py"}
    assert sorted(str(folder.relative_to(ROOT)) for folder in missing) == []


def has_its_test(path: Path) -> bool:
    """Whether ``a/b.py`` is tested by ``a/test_b.py``."""
    root, *inside = path.relative_to(ROOT).parts[0], *path.relative_to(ROOT).parts[3:]
    return (ROOT / "tests" / root / Path(*inside).parent / f"test_{path.stem.lstrip('_')}.py").exists()


def test_each_module_has_its_test() -> None:
    """tests/<root>/ mirrors the source; what is tested elsewhere is listed with the place."""
    listed = listed_elsewhere()
    names = {str(path.relative_to(ROOT)): path for path in modules() if not path.name.startswith("__")}
    missing = [name for name, path in names.items() if name not in listed and not has_its_test(path)]
    assert missing == [], f"write the test, or say in {ELSEWHERE.name} where it is"


def test_list_of_exceptions_is_true() -> None:
    """Every listed module exists and every named test does."""
    listed = listed_elsewhere()
    assert sorted(name for name in listed if not (ROOT / name).exists()) == []
    assert sorted({test for test in listed.values() if not (ROOT / test).exists()}) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_class_and_public_function_has_its_sentence(path: Path) -> None:
    """What a thing stands for is written under its name."""
    tree = ast.parse(path.read_text())
    silent = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            silent.append(node.name)
    assert silent == []


def test_files_stay_small() -> None:
    """No module grows beyond 500 lines; a longer one becomes a folder with the same name."""
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > 500} == {}


def test_no_registry_hosts_and_no_machine_paths() -> None:
    """The repository installs from whatever registry its user has, on whatever machine."""
    words = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "npm" + "js.org",
        "proxy." + "golang.org",
        "/" + "root/",
        "/" + "work/main",
        "/home/" + "user",
    ]
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except (UnicodeDecodeError, OSError):
            continue
        found += [f"{path.relative_to(ROOT)}: {word}" for word in words if word in text]
    assert found == []


def test_lock_has_hashes_and_no_addresses() -> None:
    """Exact versions with hashes, and no URL or host."""
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#", "\t"))]
    assert pins
    assert all("==" in pin for pin in pins)
    assert lock.count("--hash=sha256:") >= len(pins)


def test_source_has_no_loose_ends() -> None:
    """No marks of unfinished work."""
    marks = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    found = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in [*modules(), *tracked("tests/*.py", "tests/**/*.py")]
        for mark in marks
        if mark in path.read_text()
    ]
    assert found == []
