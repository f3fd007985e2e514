"""What is probed for a target: an account's address, in the way its configuration says. Built when that changes."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from tollhouse.dataplane.transport import Origin
from tollhouse.proto.resources.upstream import ActiveCheck

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.setup.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Probe:
    """One address and how it is probed, shared by all targets there that are probed alike."""

    key: str
    """Equal probes have equal keys, across routes and edits."""
    name: str
    origin: Origin
    check: ActiveCheck


def probe_of(endpoint: Endpoint, check: ActiveCheck | None) -> Probe | None:
    """The probe of an endpoint; None where none is configured. Where its type is not said, as the address says."""
    if check is None:
        return None
    if "type" not in check.model_fields_set:
        check = check.model_copy(update={"type": endpoint.origin.scheme})
    how = blake2b(check.model_dump_json().encode(), digest_size=8).hexdigest()
    return Probe(f"{endpoint.key}/{how}", endpoint.name, endpoint.origin, check)
