from __future__ import annotations

import base64

import pytest
from google.protobuf import descriptor_pb2
from tollhouse.proto.resources.proto_source import check_proto

SOUND = """
// a service of ours
syntax = "proto3";
package helloworld.v1; import "google/protobuf/empty.proto";
option (my.option).field = { a: 1 };
service Greeter {
  rpc SayHello (HelloRequest) returns (stream HelloReply) { option deprecated = true; }
}
message HelloRequest { string name = 1 [json_name = "n"]; map<string, int32> m = 2; reserved 5 to 7; }
message HelloReply { /* none */ oneof x { int32 a = 1; string b = 2; } }
enum Kind { UNKNOWN = 0; BELOW = -1; };
"""


def test_sound_definitions_are_taken() -> None:
    """Source, and the base64 of a descriptor set."""
    files = descriptor_pb2.FileDescriptorSet(file=[descriptor_pb2.FileDescriptorProto(name="a.proto")])
    for content in (SOUND, 'syntax = "proto2";', base64.b64encode(files.SerializeToString()).decode()):
        assert check_proto(content) == content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("syntax nonsense", "line 1: expected '='"),
        ("hello world", "line 1: a definition cannot begin with 'hello'"),
        ("\n\nmessage A { string a = 1;", "line 3: '{' is not closed"),
        ("message A { } }", "line 1: a definition cannot begin with '}'"),
        ("message A { string a = 1 ]; }", "line 1: ']' closes nothing"),
        ('syntax = "proto3"', "'syntax', is not complete"),
        ("message A { string \u00e9 = 1; }", "cannot stand in a .proto file"),
        ("// nothing", "there is no definition"),
        ("QUJD", "cannot begin with 'QUJD'"),
    ],
)
def test_others_are_refused_with_the_line(content: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("{", "\\{").replace("]", "\\]")):
        check_proto(content)
