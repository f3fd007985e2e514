"""The Grafana dashboards: made from their description, and every metric and label in them exists."""

import json
import re
from pathlib import Path

import pytest

from tools import dashboards
from tools.dashboard_pages import PAGES, Page
from tools.metric_families import families

FOLDER = Path(__file__).parents[2] / "deploy/grafana"
NAME = re.compile(r"\b(?:tollhouse|apisix)_[a-z0-9_]+")
LABELLED = re.compile(r"\b((?:tollhouse|apisix)_[a-z0-9_]+)\{([^}]*)\}")


def queries(page: Page) -> list[str]:
    """All PromQL of a page."""
    shown = [query for panels in page.rows.values() for panel in panels for query in panel.queries.values()]
    return shown + list(page.variables.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_metric_and_label_exists(page: Page) -> None:
    """A renamed metric would show an empty panel."""
    known = {series: family for family in families() for series in family.series}
    for query in queries(page):
        assert set(NAME.findall(query)) - set(known) == set(), query
        for name, matchers in LABELLED.findall(query):
            used = set(re.findall(r"(\w+)\s*[=!]", matchers))
            assert used - {*known[name].labels, "le"} == set(), query


def test_files_are_fresh() -> None:
    """``make gen`` would change nothing, and nothing else lies there."""
    made = dashboards.render()
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == made, "run make gen"


def test_panels_do_not_overlap() -> None:
    """Each has its own place, inside the width."""
    for text in dashboards.render().values():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(text)["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert max(x for x, _ in cells) < 24
            assert not cells & taken
            taken |= cells
