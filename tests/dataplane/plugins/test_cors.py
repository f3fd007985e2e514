"""Letting browsers call from other origins."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.cors import Cors, CorsConfig, CorsMetadata
from tollhouse.dataplane.registry import check_plugin
from tollhouse.dataplane.reply import Reply

from tests.support.services import plain_services, request


def headers(
    origin: str | None = "https://a.com", metadata: CorsMetadata | None = None, **config: Any
) -> dict[str, str]:
    plugin = Cors(CorsConfig(**config), Place("routes", "1"), plain_services(), metadata)
    given = {"access-control-request-headers": "x-one"} | ({"origin": origin} if origin else {})
    reply = Reply(200)
    plugin.reply(request(None, headers=given), reply)  # type: ignore[arg-type]
    return dict(reply.headers)


def test_a_preflight_is_answered_and_others_pass() -> None:
    plugin = Cors(CorsConfig(), Place("routes", "1"), plain_services())
    answer = plugin.request(request(None, method="OPTIONS"))  # type: ignore[arg-type]
    assert answer is not None
    assert answer.status == 200
    assert plugin.request(request(None, method="POST")) is None  # type: ignore[arg-type]


def test_defaults_allow_all_without_credentials() -> None:
    assert headers() == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-max-age": "5",
        "access-control-allow-headers": "*",
    }


def test_a_list_allows_its_members_only() -> None:
    allowed = headers(allow_origins="https://a.com,https://b.com")
    assert allowed["access-control-allow-origin"] == "https://a.com"
    assert allowed["vary"] == "Origin"
    assert headers("https://c.com", allow_origins="https://a.com,https://b.com") == {}
    assert headers(None, allow_origins="https://a.com,https://b.com") == {}


def test_double_stars_echo_what_is_asked_for() -> None:
    allowed = headers(allow_origins="**", allow_methods="**", allow_headers="**", allow_credential=True)
    assert allowed["access-control-allow-origin"] == "https://a.com"
    assert allowed["access-control-allow-methods"].startswith("GET,POST")
    assert allowed["access-control-allow-headers"] == "x-one"
    assert allowed["access-control-allow-credentials"] == "true"
    assert headers(None, allow_origins="**")["access-control-allow-origin"] == "*"


def test_patterns_replace_the_list_and_metadata_adds_to_it() -> None:
    assert headers("https://x.a.com", allow_origins_by_regex=[r".*\.a\.com$"])["access-control-allow-origin"]
    assert headers("https://x.b.com", allow_origins_by_regex=[r".*\.a\.com$"]) == {}
    known = CorsMetadata(allow_origins={"partners": "https://p.com,https://q.com"})
    config = {"allow_origins_by_regex": [r"\.a\.com$"], "allow_origins_by_metadata": ["partners"]}
    assert headers("https://p.com", known, **config)["access-control-allow-origin"] == "https://p.com"
    assert headers("https://z.com", known, **config) == {}


def test_further_headers() -> None:
    allowed = headers(expose_headers="x-a,x-b", max_age=-1, timing_allow_origins="https://a.com,https://b.com")
    assert allowed["access-control-expose-headers"] == "x-a,x-b"
    assert allowed["access-control-max-age"] == "-1"
    assert allowed["timing-allow-origin"] == "https://a.com"
    assert "timing-allow-origin" not in headers("https://c.com", timing_allow_origins_by_regex=["a"])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"allow_credential": True}, "you can not set '*' for other option when 'allow_credential' is true"),
        ({"allow_origins": "a.com"}, "allow_origins"),
        ({"allow_origins_by_regex": ["("]}, "not a regular expression"),
        ({"allow_headers": "a\r\nb: c"}, "allow_headers"),
    ],
)
def test_wrong_configs_are_refused(config: dict[str, Any], words: str) -> None:
    assert words in str(check_plugin("cors", config, "x")[0])
