"""An answer that recites the system prompt."""

import json

from tollhouse.dataplane.guarding.overlap import LEAK, Overlap, shingles

PROMPT = " ".join(f"word{number} and{number} then{number}" for number in range(40))


def test_a_long_recital_is_noticed_however_it_is_cut() -> None:
    """Also with other blanks and case."""
    told = PROMPT.upper().replace(" ", "  ")
    for size in (1, 5, 1000):
        watch = Overlap(shingles(PROMPT))
        leaks = [watch.feed(told[at : at + size]) for at in range(0, len(told), size)]
        assert any(leaks) or watch.close()
        assert watch.longest >= LEAK


def test_a_few_words_are_not() -> None:
    """And a short prompt cannot leak."""
    watch = Overlap(shingles(PROMPT))
    assert not watch.feed(" ".join(PROMPT.split()[:20]) + " something else " + " ".join(PROMPT.split()[50:70]))
    assert not watch.close()
    assert shingles("You are a helpful assistant.") == frozenset()


def test_lines_and_letters_escaped_in_json_are_read() -> None:
    """As arguments of calls have them."""
    told = json.dumps({"body": PROMPT.replace(" ", "\n").replace("w", "\u00fc")})
    prompt = PROMPT.replace("w", "\u00fc")
    for size in (1, 7, 1000):
        watch = Overlap(shingles(prompt), in_json=True)
        leaks = [watch.feed(told[at : at + size]) for at in range(0, len(told), size)]
        assert any(leaks) or watch.close()
