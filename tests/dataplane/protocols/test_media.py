"""Data URLs in and out."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._media import is_data_url, join_data_url, split_data_url, text_of


@pytest.mark.parametrize(
    ("url", "media_type", "data"),
    [
        ("data:image/png;base64,AAA", "image/png", "AAA"),
        ("DATA:IMAGE/PNG;charset=utf-8;BASE64,AAA", "image/png", "AAA"),
        ("data:image/jpg;base64,AAA", "image/jpeg", "AAA"),
        ("data:,hi", "text/plain", "aGk="),
        ("data:text/plain,a%20b", "text/plain", "YSBi"),
    ],
)
def test_data_urls_are_taken_apart(url: str, media_type: str, data: str) -> None:
    assert is_data_url(url)
    assert split_data_url(url, "where") == (media_type, data)
    assert split_data_url(join_data_url(media_type, data), "where") == (media_type, data)


def test_what_is_none_is_refused() -> None:
    assert not is_data_url("https://example.com/a.png")
    with pytest.raises(ClientError, match="where: expected a data URL"):
        split_data_url("data:image/png;base64", "where")
    assert text_of("aGVsbG8=", "where") == "hello"
    with pytest.raises(ClientError, match="where: expected base64 of UTF-8 text"):
        text_of("/////w==", "where")
