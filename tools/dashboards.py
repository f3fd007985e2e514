"""Writes the Grafana dashboards in deploy/grafana from one description (``make gen``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.dashboard_pages import PAGES, Page, Panel
from tools.metric_families import ROOT

FOLDER = ROOT / "deploy/grafana"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_COLUMNS = 24


@dataclass
class _Cursor:
    x: int = 0
    y: int = 0


def render() -> Mapping[str, str]:
    """File name -> content."""
    return {f"{page.name}.json": json.dumps(_dashboard(page), indent=1) + "\n" for page in PAGES}


def _dashboard(page: Page) -> dict[str, Any]:
    return {
        "uid": f"tollhouse-{page.name}",
        "title": f"Tollhouse / {page.title}",
        "description": page.text,
        "tags": ["tollhouse"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": page.since, "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["tollhouse"], "title": "Tollhouse", "asDropdown": True}],
        "templating": {"list": [_source(), *(_variable(name, query) for name, query in page.variables.items())]},
        "panels": list(_panels(page)),
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(page: Page) -> Iterator[dict[str, Any]]:
    cursor, number = _Cursor(), 0
    for title, panels in page.rows.items():
        if cursor.x:
            cursor.x, cursor.y = 0, cursor.y + 8
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": _place(cursor, _COLUMNS, 1)}
        cursor.x, cursor.y = 0, cursor.y + 1
        for panel in panels:
            number += 1
            if cursor.x + panel.width > _COLUMNS:
                cursor.x, cursor.y = 0, cursor.y + 8
            yield _panel(panel, number, _place(cursor, panel.width, 8))
            cursor.x += panel.width


def _place(cursor: _Cursor, width: int, height: int) -> dict[str, int]:
    return {"x": cursor.x, "y": cursor.y, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": _SOURCE,
            "expr": expression,
            "legendFormat": legend,
            "instant": instant,
            "range": not instant,
            **({"format": "table"} if panel.kind == "table" else {}),
        }
        for index, (legend, expression) in enumerate(panel.queries.items())
    ]
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"stacking": {"mode": "normal"}, "fillOpacity": 40} if panel.stacked else {},
            },
            "overrides": [],
        },
        "options": _options(panel.kind),
    }


def _options(kind: str) -> dict[str, Any]:
    if kind == "timeseries":
        legend = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return {"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]}


if __name__ == "__main__":
    for name, text in render().items():
        (FOLDER / name).write_text(text)
