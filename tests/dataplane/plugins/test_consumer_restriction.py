"""Letting only some callers in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.consumer_restriction import ConsumerRestriction, ConsumerRestrictionConfig
from tollhouse.dataplane.registry import check_plugin
from tollhouse.dataplane.reply import Reply

from tests.support.services import plain_services, request


def outcome(consumer: str, method: str = "GET", **config: Any) -> Reply | None:
    ex = request(None, method=method)  # type: ignore[arg-type]
    ex.consumer_name = consumer
    ex.consumer = SimpleNamespace(group_id="team" if consumer else "")  # type: ignore[assignment]
    ex.route = SimpleNamespace(id="r1", service_id="s1")  # type: ignore[assignment]
    loaded = ConsumerRestrictionConfig(**config)
    return ConsumerRestriction(loaded, Place("routes", "1"), plain_services()).request(ex)


def refusal(consumer: str, method: str = "GET", **config: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        outcome(consumer, method, **config)
    return caught.value


def test_the_whitelist_lets_only_those_in() -> None:
    assert outcome("bob", whitelist=["bob"]) is None
    error = refusal("ann", whitelist=["bob"])
    assert (error.status, error.apisix_body) == (403, {"message": "The consumer_name is forbidden."})


def test_the_blacklist_keeps_those_out_also_from_the_whitelist() -> None:
    assert outcome("ann", blacklist=["bob"]) is None
    assert refusal("bob", blacklist=["bob"], whitelist=["bob"], rejected_code=401, rejected_msg="no").status == 401


def test_methods_are_limited_for_those_named_and_not_on_the_whitelist() -> None:
    rules = [{"user": "bob", "methods": ["GET"]}]
    assert outcome("bob", allowed_by_methods=rules) is None
    assert outcome("ann", "POST", allowed_by_methods=rules) is None
    assert refusal("bob", "POST", allowed_by_methods=rules).status == 403
    assert outcome("bob", "POST", allowed_by_methods=rules, whitelist=["bob"]) is None


@pytest.mark.parametrize(
    ("type", "value"),
    [("consumer_group_id", "team"), ("service_id", "s1"), ("route_id", "r1"), ("consumer_name", "bob")],
)
def test_callers_are_told_apart_by_the_type_asked_for(type: str, value: str) -> None:
    assert outcome("bob", type=type, whitelist=[value]) is None
    assert refusal("bob", type=type, blacklist=[value]).apisix_body == {"message": f"The {type} is forbidden."}


def test_unknown_callers_get_401() -> None:
    error = refusal("", whitelist=["bob"])
    assert error.status == 401
    assert error.apisix_body == {"message": "The request is rejected, please check the consumer_name for this request"}


def test_a_status_that_is_no_error_is_answered_as_it_is() -> None:
    reply = outcome("ann", whitelist=["bob"], rejected_code=200, rejected_msg="sorry")
    assert reply is not None
    assert (reply.status, reply.body) == (200, b'{"message":"sorry"}')


def test_a_config_without_any_list_is_refused() -> None:
    assert "at least one of" in str(check_plugin("consumer-restriction", {"type": "route_id"}, "x")[0])
    assert check_plugin("consumer-restriction", {"whitelist": []}, "x")
