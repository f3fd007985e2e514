"""Secrets at rest."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from tollhouse.proto import sealing
from tollhouse.proto.resources import Provider, Route
from tollhouse.proto.sealing import MASK, Sealer, SealingError, SealingKeyMissing

KEY, OTHER = "k" * 20, "o" * 20
Secret = Annotated[str, Field(json_schema_extra={"secret": True})]


class Auth(BaseModel):
    header: dict[str, Secret] = {}
    plain: str = ""


class Instance(BaseModel):
    name: str
    auth: Auth | None = None


class Config(BaseModel):
    instances: list[Instance] = []
    password: Secret | None = None
    service_account: Annotated[dict[str, Any], Field(json_schema_extra={"secret": True})] = {}


class ConsumerConfig(BaseModel):
    key: Annotated[str, Field(json_schema_extra={"secret": "digest"})]


def plugin_model(name: str) -> type[BaseModel] | None:
    return {"ai-proxy-multi": Config, "key-auth": ConsumerConfig}.get(name)


def test_sealed_values_open_again_and_differ_each_time() -> None:
    sealer = Sealer([KEY])
    first, second = sealer.seal("sk-secret é"), sealer.seal("sk-secret é")
    assert first != second
    assert "sk-secret" not in first
    assert sealer.open(first) == sealer.open(second) == "sk-secret é"
    assert sealer.open("$env://X") == "$env://X"


def test_rotation_encrypts_with_the_first_key_and_decrypts_with_all() -> None:
    old = Sealer([KEY]).seal("s")
    rotated = Sealer.from_text(f"{OTHER}, {KEY}")
    assert rotated.open(old) == "s"
    assert not rotated.is_current(old)
    assert rotated.is_current(rotated.seal("s"))
    with pytest.raises(SealingError, match="add that key to TOLLHOUSE_SEALING_KEY"):
        Sealer([KEY]).open(rotated.seal("s"))


def test_damage_is_noticed_and_told_without_the_value() -> None:
    sealer = Sealer([KEY])
    sealed = sealer.seal("s")
    for broken in (sealed[:-2], sealed[:-6] + "AAAAAA", "/".join(sealed.split("/")[:-1]) + "/é"):
        with pytest.raises(SealingError, match="damaged"):
            sealer.open(broken)


def test_without_a_key_an_inline_secret_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        SealingKeyMissing, match=r"auth\.header\.Authorization holds .*TOLLHOUSE_SEALING_KEY.*\$env://NAME"
    ):
        sealing.seal_secrets({"type": "openai", "auth": {"header": {"Authorization": "sk-1"}}}, Provider, Sealer())
    untouched = {"type": "openai", "auth": {"header": {"Authorization": "$env://KEY"}}}
    assert sealing.seal_secrets(untouched, Provider, Sealer()) == untouched


def test_short_keys_are_refused() -> None:
    with pytest.raises(SealingError, match="at least 16 characters"):
        Sealer(["short"])


def test_objects_are_sealed_by_the_marks_of_their_models_and_plugins() -> None:
    sealer = Sealer([KEY])
    route = {
        "uri": "/",
        "plugins": {
            "ai-proxy-multi": {
                "instances": [
                    {"name": "a", "auth": {"header": {"x-api-key": "sk-a"}, "plain": "p"}},
                    {"name": "b", "auth": {"header": {"x-api-key": "$secret://vault/1/k"}}},
                ],
                "service_account": {"email": "e", "keys": ["k1"]},
            },
            "unknown": {"key": "stays"},
        },
    }
    sealed = sealing.seal_secrets(route, Route, sealer, plugin_model)
    config = sealed["plugins"]["ai-proxy-multi"]
    assert sealer.open(config["instances"][0]["auth"]["header"]["x-api-key"]) == "sk-a"
    assert config["instances"][0]["auth"]["plain"] == "p"
    assert config["instances"][1]["auth"]["header"]["x-api-key"] == "$secret://vault/1/k"
    assert sealer.open(config["service_account"]["keys"][0]) == "k1"
    assert sealed["plugins"]["unknown"] == {"key": "stays"}
    assert route["plugins"]["ai-proxy-multi"]["instances"][0]["auth"]["header"]["x-api-key"] == "sk-a", "a copy"  # type: ignore[index]


def test_keys_that_are_only_compared_become_digests_also_without_a_sealing_key() -> None:
    consumer = {"username": "bob", "plugins": {"key-auth": {"key": "sk-bob"}}}
    sealed = sealing.seal_secrets(consumer, Route, Sealer(), plugin_model)
    stored = sealed["plugins"]["key-auth"]["key"]
    assert stored == sealing.digest("sk-bob")
    assert sealing.is_digest(stored)
    assert sealing.seal_secrets(sealed, Route, Sealer(), plugin_model) == sealed
    assert sealing.inline_secrets(consumer, Route, plugin_model) == []


def test_masks_hide_secrets_and_show_references() -> None:
    provider = {"type": "openai", "auth": {"header": {"a": "sk-1", "b": "$env://B", "c": "$sealed://x/y"}, "query": {}}}
    masked = sealing.mask_secrets(provider, Provider)
    assert masked["auth"]["header"] == {"a": MASK, "b": "$env://B", "c": MASK}
    assert sealing.inline_secrets(provider, Provider) == ["auth.header.a"]


def test_a_mask_written_back_keeps_the_stored_value() -> None:
    stored = {"plugins": {"ai-proxy-multi": {"instances": [_named("a", "one"), _named("b", "two")], "password": "p"}}}
    masked = sealing.mask_secrets(stored, Route, plugin_model)
    masked["plugins"]["ai-proxy-multi"]["instances"].reverse()
    restored, lost = sealing.restore_masked(masked, stored, Route, plugin_model)
    assert restored["plugins"]["ai-proxy-multi"]["instances"] == [_named("b", "two"), _named("a", "one")]
    assert restored["plugins"]["ai-proxy-multi"]["password"] == "p"
    assert lost == []


def test_a_mask_for_which_nothing_is_stored_is_named() -> None:
    new = {"plugins": {"ai-proxy-multi": {"instances": [_named("new", MASK)]}}}
    _, lost = sealing.restore_masked(new, None, Route, plugin_model)
    assert lost == ["plugins.ai-proxy-multi.instances.0.auth.header.x"]


def test_sealing_the_same_secret_again_keeps_its_stored_form() -> None:
    sealer = Sealer([KEY])
    plain = {"type": "openai", "auth": {"header": {"a": "sk-1"}}}
    stored = sealing.seal_secrets(plain, Provider, sealer)
    assert sealing.seal_secrets(plain, Provider, sealer, stored=stored) == stored
    rotated = Sealer([OTHER, KEY])
    assert rotated.is_current(sealing.seal_secrets(plain, Provider, rotated, stored=stored)["auth"]["header"]["a"])


def _named(name: str, secret: str) -> dict[str, Any]:
    return {"name": name, "auth": {"header": {"x": secret}}}


@pytest.mark.parametrize("text", ["$env://K", "Bearer $env://K", "Basic $secret://vault/1/a/b"])
def test_a_reference_behind_a_scheme_is_no_secret(text: str) -> None:
    """It is stored and shown as it is, with or without a key to seal with."""
    assert sealing.names_secret(text)
    assert sealing.mask(text) == text


@pytest.mark.parametrize(
    "text", ["Bearer sk-1", "Bearer $env://K and more", "sk-1 $env://K$env://L", "Bearer $sealed://x"]
)
def test_a_secret_beside_a_reference_is_one(text: str) -> None:
    """Anything else is sealed and masked."""
    assert not sealing.names_secret(text)
    assert sealing.mask(text) == sealing.MASK
