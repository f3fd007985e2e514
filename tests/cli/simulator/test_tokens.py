"""Counting, and the prompt cache."""

from tollhouse.cli.simulator.tokens import PromptCache, count, pieces


def test_pieces_join_to_the_text() -> None:
    """Nothing is lost in cutting a text for a stream."""
    text = "  def f():\n    return 1  \n"
    assert "".join(pieces(text)) == text
    assert count("abcde") == 2


def test_repeated_prefix_is_cached_in_steps() -> None:
    """The second prompt with the same beginning reports the beginning, in whole steps."""
    cache = PromptCache(min_tokens=16)
    assert cache.automatic("k", "x" * 300) == 0
    assert cache.automatic("k", "x" * 300 + "y" * 100) == 64
    assert cache.automatic("other", "x" * 300) == 0


def test_short_prompts_are_never_cached() -> None:
    """Below the minimum nothing is reported."""
    cache = PromptCache(min_tokens=1024)
    cache.automatic("k", "x" * 4000)
    assert cache.automatic("k", "x" * 4000) == 0


def test_marked_prefix_is_written_then_read() -> None:
    """A marked prefix is charged as written once and as read afterwards."""
    cache = PromptCache(min_tokens=16)
    assert cache.marked("k", "x" * 400, [200]) == (0, 50)
    assert cache.marked("k", "x" * 400, [200]) == (50, 0)
    assert cache.marked("k", "x" * 400, [200, 400]) == (50, 50)
