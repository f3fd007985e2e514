"""How much the packs find and how often they are wrong, on cases made up for the purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Inspector
from tollhouse.dataplane.guarding.packs import built_in
from tollhouse.dataplane.guarding.scoring import THRESHOLDS
from tollhouse.dataplane.guarding.segments import Segment

from tests.support.golden import ROOT
from tests.support.guard_cases import cases

RECALL = {"injection": 0.65, "secrets": 0.85, "personal_data": 0.93}
LOOK_ALIKES = 0.01
"""Share of harmless texts written to look like attacks that may be taken for one; ordinary text is judged below."""
HELD_OUT = {"injection.sixth": (60, 2), "secrets.sixth": (75, 1), "personal_data.sixth": (46, 1)}
"""Of sets nobody has tuned on: how many were found and how many look-alikes flagged when they were measured."""
FILES = sorted((ROOT / "guard").glob("*.yaml"))


def found(inspector: Inspector, case: dict[str, Any]) -> bool:
    """Whether anything is found that would be acted on."""
    trust = case.get("trust", "user")
    segment = Segment(case["text"], (), "tool" if trust == "untrusted" else "user", trust)
    return any(finding.default != "flag" for finding in inspector.judge(segment))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recall_and_false_alarms(path: Path) -> None:
    """Prints a line of the table. The harmless cases are look-alikes, far harder than ordinary text."""
    pack, kind = path.stem.split(".")
    inspector = Inspector(Matcher(built_in(pack).rules, "input"), THRESHOLDS)
    document = yaml.safe_load(path.read_text())
    hits = sum(found(inspector, case) for case in cases(document, "attacks"))
    alarms = sum(found(inspector, case) for case in cases(document, "harmless"))
    attacks, harmless = len(document["attacks"]), len(document["harmless"])
    status = "held out" if document["about"].startswith("Held out") else "tuned on"
    print(
        f"\n{pack:14} {kind:9} {status}  recall {hits}/{attacks} = {hits / attacks:.2f}"
        f"   false alarms {alarms}/{harmless} = {alarms / harmless:.3f}"
    )
    least, most = HELD_OUT.get(path.stem, (RECALL[pack] * attacks, max(1, LOOK_ALIKES * harmless)))
    assert hits >= least
    assert alarms <= most


def test_ordinary_text_is_left_alone() -> None:
    """This project's own documentation and code, as a tool would bring them, in pieces of 4 KB."""
    inspector = Inspector(Matcher(built_in("injection").rules, "input"), THRESHOLDS)
    root = ROOT.parents[1]
    files = [*(root / "docs").rglob("*.md"), *(root / "cli").rglob("*.py"), *(root / "controlplane").rglob("*.py")]
    texts = [path.read_text() for path in files if "security" not in path.name and "guard" not in path.name]
    pieces = [text[at : at + 4096] for text in texts for at in range(0, len(text), 4096)]
    alarms = [piece for piece in pieces if inspector.judge(Segment(piece, (), "tool", "untrusted"))]
    print(f"\ninjection, ordinary text: {len(alarms)} of {len(pieces)} pieces")
    assert len(pieces) > 200
    assert len(alarms) <= len(pieces) // 100
