"""The etcd key layout."""

import pytest
from tollhouse.proto import keys


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("/apisix/routes/1", ("routes", "1")),
        ("/apisix/consumers/jack", ("consumers", "jack")),
        ("/apisix/consumers/jack/credentials/one", ("credentials", "jack/one")),
        ("/apisix/consumers/jack/credentials/", None),
        ("/apisix/secrets/vault/1", ("secrets", "vault/1")),
        ("/apisix/routes/", None),
        ("/other/routes/1", None),
        ("/apisixes/routes/1", None),
    ],
)
def test_keys_are_told_apart(key: str, found: tuple[str, str] | None) -> None:
    """Kind and id of a key, nothing for placeholders and strangers."""
    assert keys.split_key("/apisix", key) == found


def test_keys_are_apisix_own() -> None:
    """One key per object, the nodes' under a prefix of their own."""
    assert keys.object_key("/apisix", "routes", "1") == keys.directory("/apisix", "routes") + "1"
    assert keys.node_key("/tollhouse", "a").startswith(keys.nodes_directory("/tollhouse"))
    assert keys.gen_id_key("/apisix") == "/apisix/gen_id"
    assert not keys.generation_key("/tollhouse").startswith("/apisix")
