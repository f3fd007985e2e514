from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Object(_message.Message):
    __slots__ = ("kind", "id", "key", "value_json", "create_revision", "mod_revision")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    CREATE_REVISION_FIELD_NUMBER: _ClassVar[int]
    MOD_REVISION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    key: str
    value_json: bytes
    create_revision: int
    mod_revision: int
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., key: _Optional[str] = ..., value_json: _Optional[bytes] = ..., create_revision: _Optional[int] = ..., mod_revision: _Optional[int] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("kind", "id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("kind", "parent_id", "page", "page_size", "name", "uri", "label", "filter")
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    parent_id: str
    page: int
    page_size: int
    name: str
    uri: str
    label: str
    filter: _containers.ScalarMap[str, str]
    def __init__(self, kind: _Optional[str] = ..., parent_id: _Optional[str] = ..., page: _Optional[int] = ..., page_size: _Optional[int] = ..., name: _Optional[str] = ..., uri: _Optional[str] = ..., label: _Optional[str] = ..., filter: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("objects", "total", "revision")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[Object]
    total: int
    revision: int
    def __init__(self, objects: _Optional[_Iterable[_Union[Object, _Mapping]]] = ..., total: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class PutRequest(_message.Message):
    __slots__ = ("kind", "id", "value_json", "if_mod_revision", "ttl_s")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    IF_MOD_REVISION_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    value_json: bytes
    if_mod_revision: int
    ttl_s: int
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., value_json: _Optional[bytes] = ..., if_mod_revision: _Optional[int] = ..., ttl_s: _Optional[int] = ...) -> None: ...

class PatchRequest(_message.Message):
    __slots__ = ("kind", "id", "value_json", "sub_path", "if_mod_revision", "ttl_s")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    SUB_PATH_FIELD_NUMBER: _ClassVar[int]
    IF_MOD_REVISION_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    value_json: bytes
    sub_path: str
    if_mod_revision: int
    ttl_s: int
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., value_json: _Optional[bytes] = ..., sub_path: _Optional[str] = ..., if_mod_revision: _Optional[int] = ..., ttl_s: _Optional[int] = ...) -> None: ...

class WriteResponse(_message.Message):
    __slots__ = ("object", "created", "revision", "problems")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    object: Object
    created: bool
    revision: int
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, object: _Optional[_Union[Object, _Mapping]] = ..., created: _Optional[bool] = ..., revision: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("kind", "id", "force", "if_mod_revision")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    IF_MOD_REVISION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    force: bool
    if_mod_revision: int
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., force: _Optional[bool] = ..., if_mod_revision: _Optional[int] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ("key", "deleted", "revision")
    KEY_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    key: str
    deleted: int
    revision: int
    def __init__(self, key: _Optional[str] = ..., deleted: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("name", "content")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    content: bytes
    def __init__(self, name: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class ApplyRequest(_message.Message):
    __slots__ = ("documents", "dry_run", "prune", "if_revision")
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    PRUNE_FIELD_NUMBER: _ClassVar[int]
    IF_REVISION_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    dry_run: bool
    prune: bool
    if_revision: int
    def __init__(self, documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., dry_run: _Optional[bool] = ..., prune: _Optional[bool] = ..., if_revision: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("action", "kind", "id", "before_json", "after_json")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[Change.Action]
        CREATE: _ClassVar[Change.Action]
        UPDATE: _ClassVar[Change.Action]
        DELETE: _ClassVar[Change.Action]
        UNCHANGED: _ClassVar[Change.Action]
    ACTION_UNSPECIFIED: Change.Action
    CREATE: Change.Action
    UPDATE: Change.Action
    DELETE: Change.Action
    UNCHANGED: Change.Action
    ACTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_JSON_FIELD_NUMBER: _ClassVar[int]
    AFTER_JSON_FIELD_NUMBER: _ClassVar[int]
    action: Change.Action
    kind: str
    id: str
    before_json: bytes
    after_json: bytes
    def __init__(self, action: _Optional[_Union[Change.Action, str]] = ..., kind: _Optional[str] = ..., id: _Optional[str] = ..., before_json: _Optional[bytes] = ..., after_json: _Optional[bytes] = ...) -> None: ...

class ApplyResponse(_message.Message):
    __slots__ = ("changes", "problems", "revision")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    revision: int
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class ValidateRequest(_message.Message):
    __slots__ = ("documents",)
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    def __init__(self, documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ...) -> None: ...

class ValidateResponse(_message.Message):
    __slots__ = ("problems",)
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("where", "what", "hint", "severity", "file", "line")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    where: str
    what: str
    hint: str
    severity: str
    file: str
    line: int
    def __init__(self, where: _Optional[str] = ..., what: _Optional[str] = ..., hint: _Optional[str] = ..., severity: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("kinds", "from_revision")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    FROM_REVISION_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[str]
    from_revision: int
    def __init__(self, kinds: _Optional[_Iterable[str]] = ..., from_revision: _Optional[int] = ...) -> None: ...

class WatchEvent(_message.Message):
    __slots__ = ("type", "object", "revision")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[WatchEvent.Type]
        STARTED: _ClassVar[WatchEvent.Type]
        PUT: _ClassVar[WatchEvent.Type]
        DELETE: _ClassVar[WatchEvent.Type]
    TYPE_UNSPECIFIED: WatchEvent.Type
    STARTED: WatchEvent.Type
    PUT: WatchEvent.Type
    DELETE: WatchEvent.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    type: WatchEvent.Type
    object: Object
    revision: int
    def __init__(self, type: _Optional[_Union[WatchEvent.Type, str]] = ..., object: _Optional[_Union[Object, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class WaitLiveRequest(_message.Message):
    __slots__ = ("revision", "timeout_ms")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    timeout_ms: int
    def __init__(self, revision: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class WaitLiveResponse(_message.Message):
    __slots__ = ("live", "nodes", "laggards")
    LIVE_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    LAGGARDS_FIELD_NUMBER: _ClassVar[int]
    live: bool
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    laggards: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, live: _Optional[bool] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., laggards: _Optional[_Iterable[str]] = ...) -> None: ...

class RefusedObject(_message.Message):
    __slots__ = ("kind", "id", "mod_revision", "reason", "kept_revision")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MOD_REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    KEPT_REVISION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    mod_revision: int
    reason: str
    kept_revision: int
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., mod_revision: _Optional[int] = ..., reason: _Optional[str] = ..., kept_revision: _Optional[int] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("id", "hostname", "version", "grpc_address", "http_address", "started_at", "workers", "workers_alive", "applied_revision", "source", "refused", "draining")
    ID_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GRPC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HTTP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_ALIVE_FIELD_NUMBER: _ClassVar[int]
    APPLIED_REVISION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    id: str
    hostname: str
    version: str
    grpc_address: str
    http_address: str
    started_at: float
    workers: int
    workers_alive: int
    applied_revision: int
    source: str
    refused: _containers.RepeatedCompositeFieldContainer[RefusedObject]
    draining: bool
    def __init__(self, id: _Optional[str] = ..., hostname: _Optional[str] = ..., version: _Optional[str] = ..., grpc_address: _Optional[str] = ..., http_address: _Optional[str] = ..., started_at: _Optional[float] = ..., workers: _Optional[int] = ..., workers_alive: _Optional[int] = ..., applied_revision: _Optional[int] = ..., source: _Optional[str] = ..., refused: _Optional[_Iterable[_Union[RefusedObject, _Mapping]]] = ..., draining: _Optional[bool] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("nodes", "revision")
    NODES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    revision: int
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class ResealRequest(_message.Message):
    __slots__ = ("dry_run",)
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    def __init__(self, dry_run: _Optional[bool] = ...) -> None: ...

class ResealResponse(_message.Message):
    __slots__ = ("changed", "unreadable", "moved", "revision")
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    changed: _containers.RepeatedScalarFieldContainer[str]
    unreadable: _containers.RepeatedScalarFieldContainer[str]
    moved: _containers.RepeatedScalarFieldContainer[str]
    revision: int
    def __init__(self, changed: _Optional[_Iterable[str]] = ..., unreadable: _Optional[_Iterable[str]] = ..., moved: _Optional[_Iterable[str]] = ..., revision: _Optional[int] = ...) -> None: ...
