"""What the documentation shows works, and what it names exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tollhouse.dataplane import registry
from tollhouse.dataplane.plugin import Plugin
from tollhouse.dataplane.provider import Provider

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PARTS = [f"{root}/tollhouse/{root}" for root in ("proto", "controlplane", "dataplane", "cli")]
COMMANDS = sorted(path.stem for path in (ROOT / "cli/tollhouse/cli/commands").glob("[a-z]*.py"))
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links are files."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_files_named_in_the_walk_exist() -> None:
    """docs/how-it-works.md names files by their place in a part."""
    text = (ROOT / "docs/how-it-works.md").read_text()
    named = set(re.findall(r"`([\w/]+\.(?:py|proto))`", text))
    assert len(named) > 30
    folders = [ROOT, *(ROOT / part for part in PARTS)]
    assert sorted(name for name in named if not any((folder / name).exists() for folder in folders)) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/extend").glob("*.md")), ids=lambda page: page.name)
def test_examples_of_extensions_run(page: Path) -> None:
    """Each Python block is a whole module whose class the registry would take."""
    for block in BLOCK.findall(page.read_text()):
        module: dict[str, object] = {"__name__": "example"}
        exec(compile(block, page.name, "exec"), module)
        made = [one for one in module.values() if isinstance(one, type) and one.__module__ == "example"]
        plugins = [one for one in made if issubclass(one, Plugin)]
        assert plugins or [one for one in made if issubclass(one, Provider)]
        for plugin in plugins:
            assert plugin.name not in registry.plugin_classes()
            assert plugin.Config.model_json_schema()["properties"]


def test_flags_in_the_documentation_exist() -> None:
    """Every ``--flag`` of gatewayctl and the two servers that a page shows is one they have."""
    known = ""
    for module, *arguments in (
        ("tollhouse.controlplane",),
        ("tollhouse.dataplane",),
        ("tollhouse.cli.main",),
        *(("tollhouse.cli.main", name) for name in COMMANDS),
    ):
        command = [sys.executable, "-m", module, *arguments, "--help"]
        known += subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "200"}).stdout
    foreign = {"--max-txn-ops", "--max-request-bytes", "--flag", "--help", "--skip-git-repo-check"}
    shown = {flag for page in PAGES for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text())}
    assert sorted(flag for flag in shown - foreign if flag not in known) == []
