"""The route's limit on request bodies."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.plain.body_size import require_size
from tollhouse.dataplane.errors import ClientError

from tests.support.dispatching import Bench
from tests.support.services import request


async def test_a_byte_too_many_is_413(gate: Bench) -> None:
    """Exactly the limit passes."""
    ex = request(gate.gateway.snapshot)
    ex.body = b"x" * 10
    require_size(ex, 10)
    with pytest.raises(ClientError) as caught:
        require_size(ex, 9)
    assert caught.value.status == 413
    assert "max_req_body_size" in caught.value.message
