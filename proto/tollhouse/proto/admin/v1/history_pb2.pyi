from tollhouse.proto.admin.v1 import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListWritesRequest(_message.Message):
    __slots__ = ("limit", "before", "kind", "id")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    limit: int
    before: int
    kind: str
    id: str
    def __init__(self, limit: _Optional[int] = ..., before: _Optional[int] = ..., kind: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class ListWritesResponse(_message.Message):
    __slots__ = ("writes",)
    WRITES_FIELD_NUMBER: _ClassVar[int]
    writes: _containers.RepeatedCompositeFieldContainer[Write]
    def __init__(self, writes: _Optional[_Iterable[_Union[Write, _Mapping]]] = ...) -> None: ...

class ShowWriteRequest(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    def __init__(self, revision: _Optional[int] = ...) -> None: ...

class Write(_message.Message):
    __slots__ = ("revision", "at", "author", "role", "via", "address", "purpose", "changes")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    at: float
    author: str
    role: str
    via: str
    address: str
    purpose: str
    changes: _containers.RepeatedCompositeFieldContainer[_config_pb2.Change]
    def __init__(self, revision: _Optional[int] = ..., at: _Optional[float] = ..., author: _Optional[str] = ..., role: _Optional[str] = ..., via: _Optional[str] = ..., address: _Optional[str] = ..., purpose: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[_config_pb2.Change, _Mapping]]] = ...) -> None: ...

class RollbackRequest(_message.Message):
    __slots__ = ("revision", "dry_run", "if_revision")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    IF_REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    dry_run: bool
    if_revision: int
    def __init__(self, revision: _Optional[int] = ..., dry_run: _Optional[bool] = ..., if_revision: _Optional[int] = ...) -> None: ...
