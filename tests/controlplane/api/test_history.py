"""The history's addresses take what they should and refuse the rest; what it does is in service/test_history.py."""

from __future__ import annotations

import pytest

from tests.controlplane.plane import ROUTE, VIEWER, Plane


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "history/1", 404),
        ("POST", "history", 404),
        ("POST", "history/x/rollback", 400),
        ("GET", "history?limit=0", 400),
        ("GET", "history?before=x", 400),
        ("GET", "history?limit=99999", 200),
        ("GET", "history/1/rollback", 404),
    ],
)
async def test_only_what_is_offered(plane: Plane, method: str, path: str, status: int) -> None:
    """With the status that fits."""
    assert (await plane.call(method, path)).status == status


async def test_a_viewer_may_look_and_not_roll_back(plane: Plane) -> None:
    """As with everything."""
    await plane.call("PUT", "routes/1", ROUTE)
    [write] = (await plane.call("GET", "history", key=VIEWER)).body["list"]
    assert (await plane.call("POST", f"history/{write['revision']}/rollback", key=VIEWER)).status == 401
    assert (await plane.call("GET", "history", key=None)).status == 401
