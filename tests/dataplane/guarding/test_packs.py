"""Rules as data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.packs import BUILT_IN, Rule, built_in, compile_pack, pack_text, read_pack

RULES = [rule for name in BUILT_IN for rule in built_in(name).rules]


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_finds_its_examples_and_not_the_others(rule: Rule) -> None:
    """Each rule alone, keywords included: what must match does, what must not does not."""
    trust = (rule.text.trust or ("user",))[0]
    if rule.text.companion:  # found only beside others
        rule = replace(rule, text=rule.text.model_copy(update={"companion": False}))
    matcher = Matcher([rule], rule.text.directions[0])
    assert [text for text in rule.text.match if not matcher.find(text, trust)] == []
    assert [text for text in rule.text.no_match if matcher.find(text, trust)] == []


def test_ids_are_unique_and_versions_told() -> None:
    """A verdict names one rule of one version."""
    for name in BUILT_IN:
        ids = [rule.id for rule in pack_text(name).rules]
        assert len(ids) == len(set(ids))
        assert pack_text(name).version


def test_a_rule_that_does_not_compile_is_named() -> None:
    """Look-around, unknown macros and unknown validators are refused at load."""
    for more in ("pattern: 'a(?=b)'", "pattern: '{{nothing}}'", "pattern: a, validator: magic"):
        text = f"{{id: x, version: '1', about: y, rules: [{{id: r, group: g, match: [a], {more}}}]}}"
        with pytest.raises(ValueError, match="rule r"):
            compile_pack(read_pack(text))
    with pytest.raises(ValueError, match="extra"):
        read_pack("{id: x, version: '1', about: y, rules: [{id: r, group: g, match: [a], pattern: a, colour: red}]}")
