from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditBatch(_message.Message):
    __slots__ = ("sequence", "chain", "lines")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    chain: str
    lines: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, sequence: _Optional[int] = ..., chain: _Optional[str] = ..., lines: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AuditAck(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class AuditRecord(_message.Message):
    __slots__ = ("chain", "seq", "at_ms", "kind", "request_id", "actor", "address", "route", "model", "rule", "action", "shadow", "revision", "node", "event", "hash")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    chain: str
    seq: int
    at_ms: int
    kind: str
    request_id: str
    actor: str
    address: str
    route: str
    model: str
    rule: str
    action: str
    shadow: bool
    revision: int
    node: str
    event: bytes
    hash: str
    def __init__(self, chain: _Optional[str] = ..., seq: _Optional[int] = ..., at_ms: _Optional[int] = ..., kind: _Optional[str] = ..., request_id: _Optional[str] = ..., actor: _Optional[str] = ..., address: _Optional[str] = ..., route: _Optional[str] = ..., model: _Optional[str] = ..., rule: _Optional[str] = ..., action: _Optional[str] = ..., shadow: _Optional[bool] = ..., revision: _Optional[int] = ..., node: _Optional[str] = ..., event: _Optional[bytes] = ..., hash: _Optional[str] = ...) -> None: ...

class SearchAuditRequest(_message.Message):
    __slots__ = ("request_id", "actor", "rule", "kind", "action", "route", "model", "text", "from_ms", "to_ms", "limit", "before")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    actor: str
    rule: str
    kind: str
    action: str
    route: str
    model: str
    text: str
    from_ms: int
    to_ms: int
    limit: int
    before: int
    def __init__(self, request_id: _Optional[str] = ..., actor: _Optional[str] = ..., rule: _Optional[str] = ..., kind: _Optional[str] = ..., action: _Optional[str] = ..., route: _Optional[str] = ..., model: _Optional[str] = ..., text: _Optional[str] = ..., from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., limit: _Optional[int] = ..., before: _Optional[int] = ...) -> None: ...

class SearchAuditResponse(_message.Message):
    __slots__ = ("records", "next")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[AuditRecord]
    next: int
    def __init__(self, records: _Optional[_Iterable[_Union[AuditRecord, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class ExplainAuditRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class ExplainAuditResponse(_message.Message):
    __slots__ = ("records", "configuration")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[AuditRecord]
    configuration: AuditRecord
    def __init__(self, records: _Optional[_Iterable[_Union[AuditRecord, _Mapping]]] = ..., configuration: _Optional[_Union[AuditRecord, _Mapping]] = ...) -> None: ...

class VerifyAuditRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifiedChain(_message.Message):
    __slots__ = ("chain", "lines", "sealed", "problems")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    chain: str
    lines: int
    sealed: int
    problems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, chain: _Optional[str] = ..., lines: _Optional[int] = ..., sealed: _Optional[int] = ..., problems: _Optional[_Iterable[str]] = ...) -> None: ...

class VerifyAuditResponse(_message.Message):
    __slots__ = ("chains", "seals", "whole", "key")
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    SEALS_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    chains: _containers.RepeatedCompositeFieldContainer[VerifiedChain]
    seals: int
    whole: bool
    key: bool
    def __init__(self, chains: _Optional[_Iterable[_Union[VerifiedChain, _Mapping]]] = ..., seals: _Optional[int] = ..., whole: _Optional[bool] = ..., key: _Optional[bool] = ...) -> None: ...

class ExportAuditRequest(_message.Message):
    __slots__ = ("from_ms", "to_ms")
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    from_ms: int
    to_ms: int
    def __init__(self, from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ...) -> None: ...

class AuditPiece(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: bytes
    def __init__(self, lines: _Optional[bytes] = ...) -> None: ...
