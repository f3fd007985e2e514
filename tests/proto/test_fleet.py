"""What a node says of itself."""

import msgspec
import pytest
from tollhouse.proto.fleet import NodeRegistration, RefusedObject, decode_registration, encode_registration

NODE = NodeRegistration(
    "n", "host", "0.1", "h:1", "h:2", 1.5, 2, 2, 7, refused=(RefusedObject("routes", "1", 3, "why"),)
)


def test_registration_comes_back_as_it_was() -> None:
    """Refused objects included; fields of newer nodes are ignored."""
    assert decode_registration(encode_registration(NODE)) == NODE
    newer = msgspec.json.decode(encode_registration(NODE)) | {"mood": "good"}
    assert decode_registration(msgspec.json.encode(newer)) == NODE


def test_nonsense_is_refused() -> None:
    """A value that is no registration raises."""
    with pytest.raises(msgspec.DecodeError):
        decode_registration(b'{"id": 1}')
