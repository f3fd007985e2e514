"""AWS's own published vectors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tollhouse.dataplane.engine.sigv4 import AwsKey, canonical_request, sign

KEY = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("method", "target", "signature"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
)
def test_signatures_are_those_of_awss_test_suite(method: str, target: str, signature: str) -> None:
    added = dict(sign(KEY, method, target, {"host": "example.amazonaws.com"}, b"", NOW))
    assert added["x-amz-date"] == "20150830T123600Z"
    assert added["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_temporary_keys_bring_their_token_signed() -> None:
    key = AwsKey("A", "S", "eu-west-1", "bedrock", "TOKEN")
    added = dict(sign(key, "POST", "/x", {"host": "h"}, b"{}", NOW))
    assert added["x-amz-security-token"] == "TOKEN"
    assert "x-amz-security-token" in added["authorization"]


def test_a_path_is_encoded_once_more_than_it_is_sent() -> None:
    text = canonical_request("POST", "/model/a.b-v1%3A0/converse", {"host": "h"}, "hash")
    assert text.splitlines()[1] == "/model/a.b-v1%253A0/converse"
