"""The table of kinds."""

from __future__ import annotations

from tollhouse.proto.resources import KINDS, WRITE_ORDER, kind_by_schema_name, referrers


def test_verbs_are_apisix_table() -> None:
    verbs = {name: "".join(sorted(verb[:2] for verb in kind.verbs)) for name, kind in KINDS.items()}
    everything, no_post, no_post_patch = "DEGEPAPOPU", "DEGEPAPU", "DEGEPU"
    assert verbs == {
        "routes": everything,
        "services": everything,
        "upstreams": everything,
        "consumers": no_post_patch,
        "credentials": no_post_patch,
        "consumer_groups": no_post,
        "plugin_configs": no_post,
        "global_rules": no_post,
        "plugin_metadata": no_post_patch,
        "ssls": everything,
        "secrets": no_post,
        "protos": "DEGEPOPU",
        "providers": everything,
        "models": everything,
        "budgets": everything,
        "stops": everything,
        "notifiers": everything,
        "price_tables": no_post_patch,
        "approvals": "GE",
        "admins": no_post,
    }


def test_references_and_referrers_mirror_each_other() -> None:
    value = {"upstream_id": 1, "service_id": "s", "plugin_config_id": True}
    assert [(found.path, found.kind, found.id) for found in KINDS["routes"].referenced(value)] == [
        ("upstream_id", "upstreams", "1"),
        ("service_id", "services", "s"),
    ]
    targets = {"targets": [{"provider": "a"}, {}, "x", {"provider": "b"}]}
    assert [found.path for found in KINDS["models"].referenced(targets)] == ["targets.0.provider", "targets.3.provider"]
    assert [referrer.kind for referrer in referrers("upstreams")] == ["routes", "services"]
    assert [referrer.kind for referrer in referrers("consumer_groups")] == [
        "consumers",
        "consumer_groups",
        "budgets",
        "stops",
    ]
    assert referrers("ssls") == ()


def test_write_order_has_every_kind_after_what_it_refers_to() -> None:
    assert sorted(WRITE_ORDER) == sorted(KINDS)
    for kind in KINDS.values():
        for reference in kind.references:
            if reference.kind != kind.plural:  # groups stand under groups
                assert WRITE_ORDER.index(reference.kind) < WRITE_ORDER.index(kind.plural)


def test_kinds_are_found_by_the_name_of_their_schema() -> None:
    for name in ("route", "consumer_group", "plugin_metadata", "ssl", "model"):
        kind = kind_by_schema_name(name)
        assert kind is not None
        assert kind.schema_name == name
    assert kind_by_schema_name("stream_route") is None


def test_ids_follow_the_rule_of_their_kind() -> None:
    good = {
        "routes": "a-1_.b",
        "consumers": "bob",
        "credentials": "bob/c",
        "secrets": "vault/1",
        "plugin_metadata": "x",
    }
    bad = {
        "routes": "a/b",
        "consumers": "b b",
        "credentials": "bob",
        "secrets": "1",
        "plugin_metadata": "",
        "models": "",
    }
    assert {kind: KINDS[kind].id_error(one) for kind, one in good.items()} == dict.fromkeys(good, "")
    assert all(KINDS[kind].id_error(one) for kind, one in bad.items())
    assert KINDS["routes"].id_error("x" * 65)
    assert KINDS["plugin_metadata"].id_error("")
    assert not KINDS["plugin_metadata"].id_error("key-auth")
    assert not KINDS["consumers"].id_error("x" * 256)
