"""What strategies see: what is not known stands as zero or None."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.standing import Standing


def test_nothing_is_known_at_first() -> None:
    """A target nobody has used yet."""
    one = Standing("a")
    assert (one.start_s, one.token_s, one.headroom, one.price, one.warm_tokens) == (0.0, 0.0, None, None, 0)
