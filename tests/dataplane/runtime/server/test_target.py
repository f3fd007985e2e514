"""Paths mean one thing only."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.runtime.server.target import Refused, split_target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/chat/completions", ("/v1/chat/completions", "")),
        ("/v1/messages?beta=true", ("/v1/messages", "beta=true")),
        ("/a?b?c", ("/a", "b?c")),
        ("/a//b", ("/a/b", "")),
        ("//a", ("/a", "")),
        ("/a/./b/../c", ("/a/c", "")),
        ("/a/b/..", ("/a/", "")),
        ("/a/.", ("/a/", "")),
        ("/", ("/", "")),
        ("/a/", ("/a/", "")),
        ("/a/...", ("/a/...", "")),
        ("/.well-known/x", ("/.well-known/x", "")),
        ("/a%20b", ("/a b", "")),
        ("/%61dmin", ("/admin", "")),
        ("/v1/%2e%2e/admin", ("/admin", "")),
        ("/v1/..%2fadmin", ("/admin", "")),
        ("/v1%2Fx", ("/v1/x", "")),
        ("/%252e", ("/%2e", "")),
        ("/%C3%BC", ("/ü", "")),
        ("/\udcc3\udcbc", ("/ü", "")),
        ("/a?q=\udcc3\udcbc", ("/a", "q=%C3%BC")),
        ("/a?x=..//%00", ("/a", "x=..//%00")),
        ("*", ("*", "")),
    ],
)
def test_targets_are_cleaned(target, expected):
    assert split_target(target) == expected


@pytest.mark.parametrize(
    "target", ["/%00", "/%", "/%2", "/%zz", "/%+1", "/..", "/a/../../b", "/%ff", "/%2e%2e/x", "x", ""]
)
def test_targets_that_mean_nothing_or_harm_are_refused(target):
    with pytest.raises(Refused) as caught:
        split_target(target)
    assert caught.value.status == 400


def test_an_encoded_slash_is_what_the_operator_says():
    assert split_target("/a%2Fb", "decode")[0] == "/a/b"
    assert split_target("/a%2fb", "keep")[0] == "/a%2Fb"
    with pytest.raises(Refused):
        split_target("/a%2fb", "refuse")
