"""Objects against each other and against what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollhouse.proto.check import check_objects, check_references, check_unique
from tollhouse.proto.problems import Problem
from tollhouse.proto.sealing import digest


class Plugins:
    """Knows key-auth and limit-count, and accepts their configs unless they say ``bad``."""

    def check_plugin(self, name: str, config: Any, where: str, *, as_consumer: bool = False) -> list[Problem]:
        if name not in ("key-auth", "limit-count"):
            return [Problem(where, f"unknown plugin [{name}]")]
        if as_consumer and name == "key-auth" and "key" not in config:
            return [Problem(f"{where}.key", "missing")]
        return [Problem(where, "bad")] if "bad" in config else []

    def check_metadata(self, name: str, config: Any, where: str) -> list[Problem]:
        return [] if name == "key-auth" else [Problem(where, "invalid plugin name")]

    def check_provider(self, value: Mapping[str, Any], where: str) -> list[Problem]:
        return [] if value["type"] == "openai" else [Problem(f"{where}.type", "unknown type")]

    def is_auth_plugin(self, name: str) -> bool:
        return name == "key-auth"


def wheres(problems: list[Problem]) -> list[str]:
    return [problem.where for problem in problems]


def test_a_sound_set_has_no_problems() -> None:
    written: dict[tuple[str, str], dict[str, Any]] = {
        ("routes", "1"): {"uri": "/a", "service_id": "s", "plugins": {"limit-count": {}}},
        ("services", "s"): {"upstream_id": "u"},
        ("consumers", "bob"): {"username": "bob", "group_id": "g", "plugins": {"key-auth": {"key": "k"}}},
        ("credentials", "bob/c"): {"plugins": {"key-auth": {"key": "k2"}}},
        ("models", "m"): {"targets": [{"provider": "p", "model": "x"}]},
        ("plugin_metadata", "key-auth"): {},
    }
    stored: dict[tuple[str, str], dict[str, Any]] = {
        ("upstreams", "u"): {"nodes": {"h:80": 1}},
        ("consumer_groups", "g"): {"plugins": {}},
        ("providers", "p"): {"type": "openai"},
    }
    assert check_objects(written, stored, Plugins()) == []


def test_problems_of_fields_plugins_and_credentials_are_all_told() -> None:
    written: dict[tuple[str, str], dict[str, Any]] = {
        ("routes", "1"): {"uri": "/a", "plugins": {"limit-count": {"bad": 1}, "nope": {}}},
        ("consumers", "a b"): {"username": "a b", "plugins": {"key-auth": {}}},
        ("credentials", "bob/c"): {"plugins": {"limit-count": {}}},
        ("consumers", "bob"): {"username": "bob"},
        ("plugin_metadata", "x"): {},
    }
    assert wheres(check_objects(written, {}, Plugins())) == [
        "routes/1.plugins.limit-count",
        "routes/1.plugins.nope",
        "consumers/a b",
        "consumers/a b.username",
        "consumers/a b.plugins.key-auth.key",
        "credentials/bob/c.plugins.limit-count",
        "plugin_metadata/x",
    ]


def test_references_that_lead_to_nothing_are_named() -> None:
    after: dict[tuple[str, str], dict[str, Any]] = {
        ("routes", "1"): {"upstream_id": 7, "plugin_config_id": "pc"},
        ("models", "m"): {"targets": [{"provider": "there"}, {"provider": "gone"}]},
        ("providers", "there"): {},
        ("credentials", "nobody/c"): {},
        ("routes", "old"): {"service_id": "was never there"},
    }
    written = [place for place in after if place != ("routes", "old")]
    problems = check_references(after, written)
    assert [(problem.where, problem.what) for problem in problems] == [
        ("routes/1.upstream_id", "there is no upstream '7'"),
        ("routes/1.plugin_config_id", "there is no plugin config 'pc'"),
        ("models/m.targets.1.provider", "there is no provider 'gone'"),
        ("credentials/nobody/c", "there is no consumer 'nobody'"),
    ]


def test_what_may_stand_only_once() -> None:
    after: dict[tuple[str, str], dict[str, Any]] = {
        ("consumers", "bob"): {"plugins": {"key-auth": {"key": digest("same")}}},
        ("credentials", "ann/c"): {"plugins": {"key-auth": {"key": "same"}}},
        ("credentials", "ann/d"): {"plugins": {"key-auth": {"key": "$env://KEY"}}},
        ("credentials", "ann/e"): {"plugins": {"key-auth": {"key": "$env://KEY"}}},
        ("global_rules", "1"): {"plugins": {"limit-count": {}}},
        ("global_rules", "2"): {"plugins": {"limit-count": {}}},
        ("models", "gpt"): {"aliases": ["best"]},
        ("models", "best"): {},
    }
    assert [(p.where, p.what) for p in check_unique(after, [("credentials", "ann/c")])] == [
        ("credentials/ann/c.plugins.key-auth", "duplicate key of plugin key-auth found with consumer: bob")
    ]
    assert wheres(check_unique(after, [("global_rules", "1"), ("models", "gpt")])) == [
        "global_rules/1.plugins.limit-count",
        "models/gpt",
    ]
    assert "same" not in str(check_unique(after, list(after))[0].what)
