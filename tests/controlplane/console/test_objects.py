"""Objects of a kind are searched and paged by the server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tollhouse.controlplane.console.objects import PAGE, show


class FakeService:
    """Many routes."""

    async def list(self, kind: str, query: Any) -> Any:
        values: list[dict[str, Any]] = [{"id": f"r{number}", "uri": f"/a/{number}"} for number in range(250)]
        values[7]["plugins"] = {"Key-Auth": {}}
        objects = [SimpleNamespace(id=one["id"], value=one, mod_revision=at) for at, one in enumerate(values)]
        return SimpleNamespace(objects=tuple(objects))


async def test_the_newest_first_and_a_text_is_found_anywhere() -> None:
    """In the id, in a value, in a plugin's name; whatever its case."""
    service: Any = FakeService()
    first = await show(service, "routes")
    assert (len(first["list"]), first["total"], first["pages"]) == (PAGE, 250, 3)
    assert (first["list"][0]["id"], first["list"][0]["revision"]) == ("r249", 249)
    assert len((await show(service, "routes", page=3))["list"]) == 50
    assert [one["id"] for one in (await show(service, "routes", "KEY-AUTH"))["list"]] == ["r7"]
    assert (await show(service, "routes", "/a/24"))["found"] == 11
