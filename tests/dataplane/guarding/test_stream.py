"""Text that comes in pieces."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Inspector
from tollhouse.dataplane.guarding.packs import built_in
from tollhouse.dataplane.guarding.segments import Segment
from tollhouse.dataplane.guarding.stream import Window
from tollhouse.dataplane.guarding.vault import Vault

RULES = [rule for name in ("secrets", "personal_data") for rule in built_in(name).rules]
JUDGE = Inspector(Matcher(RULES, "output"), {})
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEowIBAAKCAQEAq8Zr1tV9bKx3LwP0sYdF5hJ8nC2gU4eTaZiXomQ7zR1tV9bK\n" * 12
    + "-----END RSA PRIVATE KEY-----"
)

CASES = {
    "Use sk-proj-q8Zr1tV9bKx3LwP0sYdF5hJ8nC2gU4eTaZiXomQ7 today.": "Use [R] today.",
    "card 4111 1111 1111 1111, ok": "card [R], ok",
    "Call +49 30 901820 now": "Call [R] now",
    "password is Tr0ub4dor&3x thanks": "password is [R] thanks",
    "IBAN DE89 3704 0044 0532 0130 00.": "IBAN [R].",
    f"key:\n{PEM}\ndone": "key:\n[R]\ndone",
    "mail kim@acme.io": "mail [R]",
}


def window() -> Window:
    """Everything found becomes [R]."""
    vault = Vault("7f3a")
    vault.hide("EMAIL", "kim@acme.io")
    return Window(lambda text: JUDGE.judge(Segment(text, (), "assistant", "assistant")), lambda _: "[R]", vault.restore)


def shown(text: str, size: int) -> str:
    """What leaves when it comes in pieces of a size."""
    one = window()
    out = [one.feed(text[at : at + size])[2] for at in range(0, len(text), size)]
    return "".join([*out, one.close()[2]])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("text", CASES)
def test_matches_are_replaced_however_the_text_is_cut(text: str, size: int) -> None:
    """None of it leaves before it is whole."""
    assert shown(text, size) == CASES[text]


def test_values_come_back_at_every_cut() -> None:
    """A mark split between any two signs."""
    text = "Dear [[EMAIL_7f3a_01]], hello"
    for cut in range(len(text)):
        one = window()
        out = one.feed(text[:cut])[2] + one.feed(text[cut:])[2] + one.close()[2]
        assert out == "Dear kim@acme.io, hello"


def test_ordinary_words_wait_for_the_blank_behind_them_only() -> None:
    """And scripts without blanks do not wait at all."""
    one = window()
    assert one.feed("Plain words and mo")[1] == "Plain words and "
    assert one.held == 2
    assert one.feed("re of them")[1] == "more of "
    assert window().feed("\u3053\u3093\u306b\u3061\u306f")[1] == "\u3053\u3093\u306b\u3061\u306f"
