"""Values under another name."""

import json
import random

from tollhouse.dataplane.guarding.vault import Vault, redaction


def test_values_come_back() -> None:
    """Also from lower case and without brackets; the same value has the same mark."""
    vault = Vault("7f3a")
    first, second = vault.hide("EMAIL", "a@b.io"), vault.hide("CARD", '4"1')
    assert (first, second) == ("[[EMAIL_7f3a_01]]", "[[CARD_7f3a_02]]")
    assert vault.hide("EMAIL", "a@b.io") == first
    assert vault.restore(f"to {first}, {first.lower()}, EMAIL_7f3a_01.") == "to a@b.io, a@b.io, a@b.io."
    assert vault.restore(f'{{"n":"{second}"}}', in_json=True) == '{"n":"4\\"1"}'
    assert vault.values() == ["a@b.io", '4"1']


def test_marks_of_others_stay() -> None:
    """Another exchange's nonce, a number that was not given out; ten is not one and a nought."""
    vault = Vault("7f3a")
    for number in range(12):
        vault.hide("EMAIL", f"a{number}@b.io")
    assert vault.restore("[[EMAIL_7f3b_01]] [[EMAIL_7f3a_99]]") == "[[EMAIL_7f3b_01]] [[EMAIL_7f3a_99]]"
    assert vault.restore("[[EMAIL_7f3a_10]] [[EMAIL_7f3a_01]]") == "a9@b.io a0@b.io"
    assert redaction("AWS_KEY") == "[redacted:aws_key]"


def test_whatever_was_hidden_comes_back() -> None:
    """Two hundred random values: scripts, quotation marks, escapes and marks of ours, in text and in JSON."""
    luck = random.Random(11)
    signs = "abzA90 .,:;\"'\\/[]_{}%&\n\t\u00e9\u4e2d\U0001f600\u200b"
    for _ in range(20):
        vault = Vault("7f3a")
        values = ["".join(luck.choices(signs, k=luck.randint(1, 40))) for _ in range(10)]
        values[luck.randrange(10)] = "[[EMAIL_7f3a_03]]"
        marks = [vault.hide(luck.choice(("EMAIL", "CARD", "PHONE")), value) for value in values]
        assert vault.restore(" and ".join(marks)) == " and ".join(values)
        told = json.dumps({"args": marks})
        assert json.loads(vault.restore(told, in_json=True)) == {"args": values}
