"""Values that leave the gateway under another name and come back under their own: ``[[EMAIL_7f3a_01]]``."""

from __future__ import annotations

import re

import msgspec

_MARK = re.compile(r"\[{0,2}([A-Za-z][A-Za-z0-9_]{1,23})_([0-9A-Fa-f]{4,8})_([0-9]{2,5})\]{0,2}")
"""Also without brackets or in lower case: models are careless with them."""

MARK_LENGTH = 48
"""Characters a mark has at most."""


class Vault:
    """What one exchange hides. The same value has the same mark, in the order of first appearance, so that an agent's
    growing history is hidden the same way each turn and a provider's prompt cache holds."""

    __slots__ = ("_by_number", "_by_value", "nonce")

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        self._by_value: dict[tuple[str, str], str] = {}
        self._by_number: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._by_number)

    def hide(self, label: str, value: str) -> str:
        """The mark that stands for a value."""
        mark = self._by_value.get((label, value))
        if mark is None:
            number = len(self._by_number) + 1
            mark = self._by_value[label, value] = f"[[{label or 'VALUE'}_{self.nonce}_{number:02d}]]"
            self._by_number[number] = value
        return mark

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with every mark of this exchange replaced by its value; ``in_json``: escaped for a JSON string."""
        if self.nonce not in text.lower():
            return text

        def value(found: re.Match[str]) -> str:
            hidden = self._by_number.get(int(found[3])) if found[2].lower() == self.nonce else None
            if hidden is None:
                return found[0]
            return escape(hidden) if in_json else hidden

        return _MARK.sub(value, text)

    def values(self) -> list[str]:
        """What is hidden."""
        return list(self._by_number.values())


def escape(value: str) -> str:
    """A text as it stands inside a JSON string."""
    return msgspec.json.encode(value).decode()[1:-1]


def redaction(label: str) -> str:
    """What stands for a value that does not come back. Safe inside a JSON string."""
    return f"[redacted:{label.lower() or 'value'}]"
