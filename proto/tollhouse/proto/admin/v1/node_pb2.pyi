from tollhouse.proto.admin.v1 import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NumbersRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class NumbersResponse(_message.Message):
    __slots__ = ("families",)
    FAMILIES_FIELD_NUMBER: _ClassVar[int]
    families: _containers.RepeatedCompositeFieldContainer[Family]
    def __init__(self, families: _Optional[_Iterable[_Union[Family, _Mapping]]] = ...) -> None: ...

class Family(_message.Message):
    __slots__ = ("name", "kind", "labels", "bounds", "series")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    bounds: _containers.RepeatedScalarFieldContainer[float]
    series: _containers.RepeatedCompositeFieldContainer[Series]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., bounds: _Optional[_Iterable[float]] = ..., series: _Optional[_Iterable[_Union[Series, _Mapping]]] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ("labels", "value", "counts")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    value: float
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, labels: _Optional[_Iterable[str]] = ..., value: _Optional[float] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class SetTargetRequest(_message.Message):
    __slots__ = ("name", "action")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    action: str
    def __init__(self, name: _Optional[str] = ..., action: _Optional[str] = ...) -> None: ...

class SetTargetResponse(_message.Message):
    __slots__ = ("known",)
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    known: int
    def __init__(self, known: _Optional[int] = ...) -> None: ...

class TargetHealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TargetHealthResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerHealth]
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerHealth, _Mapping]]] = ...) -> None: ...

class WorkerHealth(_message.Message):
    __slots__ = ("worker", "targets_json", "error")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TARGETS_JSON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    worker: int
    targets_json: bytes
    error: str
    def __init__(self, worker: _Optional[int] = ..., targets_json: _Optional[bytes] = ..., error: _Optional[str] = ...) -> None: ...

class TailRequest(_message.Message):
    __slots__ = ("most_per_second",)
    MOST_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    most_per_second: int
    def __init__(self, most_per_second: _Optional[int] = ...) -> None: ...

class TailEvent(_message.Message):
    __slots__ = ("entry_json", "lost")
    ENTRY_JSON_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    entry_json: bytes
    lost: int
    def __init__(self, entry_json: _Optional[bytes] = ..., lost: _Optional[int] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("node", "config_age_s", "ready", "not_ready_reason", "objects")
    class ObjectsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NODE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_AGE_S_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    NOT_READY_REASON_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    node: _config_pb2.Node
    config_age_s: float
    ready: bool
    not_ready_reason: str
    objects: _containers.ScalarMap[str, int]
    def __init__(self, node: _Optional[_Union[_config_pb2.Node, _Mapping]] = ..., config_age_s: _Optional[float] = ..., ready: _Optional[bool] = ..., not_ready_reason: _Optional[str] = ..., objects: _Optional[_Mapping[str, int]] = ...) -> None: ...

class EffectiveConfigRequest(_message.Message):
    __slots__ = ("route_id", "consumer")
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    route_id: str
    consumer: str
    def __init__(self, route_id: _Optional[str] = ..., consumer: _Optional[str] = ...) -> None: ...

class EffectiveConfigResponse(_message.Message):
    __slots__ = ("config_json", "revision")
    CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    config_json: bytes
    revision: int
    def __init__(self, config_json: _Optional[bytes] = ..., revision: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("method", "path", "headers", "body", "client_address", "route_id", "consumer")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    method: str
    path: str
    headers: _containers.ScalarMap[str, str]
    body: bytes
    client_address: str
    route_id: str
    consumer: str
    def __init__(self, method: _Optional[str] = ..., path: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ..., client_address: _Optional[str] = ..., route_id: _Optional[str] = ..., consumer: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("route_id", "consumer", "steps", "targets", "revision", "status", "error")
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    route_id: str
    consumer: str
    steps: _containers.RepeatedCompositeFieldContainer[ExplainStep]
    targets: _containers.RepeatedCompositeFieldContainer[ExplainTarget]
    revision: int
    status: int
    error: str
    def __init__(self, route_id: _Optional[str] = ..., consumer: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[ExplainStep, _Mapping]]] = ..., targets: _Optional[_Iterable[_Union[ExplainTarget, _Mapping]]] = ..., revision: _Optional[int] = ..., status: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ExplainStep(_message.Message):
    __slots__ = ("stage", "plugin", "result")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    stage: str
    plugin: str
    result: str
    def __init__(self, stage: _Optional[str] = ..., plugin: _Optional[str] = ..., result: _Optional[str] = ...) -> None: ...

class ExplainTarget(_message.Message):
    __slots__ = ("name", "provider", "model", "rank", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    provider: str
    model: str
    rank: int
    reason: str
    def __init__(self, name: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., rank: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
