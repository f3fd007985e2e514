"""PATCH: JSON merge of a document, or replacement of what a sub-path names."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.service.refusal import invalid


def merge(old: Any, change: Any) -> Any:
    """RFC 7396: null deletes a key, objects are merged, everything else is replaced. Neither argument is changed."""
    if not isinstance(change, dict):
        return change
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def replace(old: dict[str, Any], sub_path: str, value: Any) -> dict[str, Any]:
    """``old`` with what ``a/b/c`` names replaced (null removes it); missing objects on the way are made.
    Raises Refusal (400) for a step into something that is no object."""
    steps = [step for step in sub_path.split("/") if step]
    root: dict[str, Any] = dict(old)
    place: dict[str, Any] = root
    for step in steps[:-1]:
        below = place.get(step)
        if below is not None and not isinstance(below, dict):
            raise invalid(f"invalid sub-path: /{'/'.join(steps)}")
        place[step] = dict(below or {})
        place = place[step]
    if value is None:
        place.pop(steps[-1], None)
    else:
        place[steps[-1]] = value
    return root
