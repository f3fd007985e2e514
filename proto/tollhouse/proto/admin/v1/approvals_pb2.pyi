from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Approval(_message.Message):
    __slots__ = ("id", "budget", "key", "unit", "state", "opened_at", "expires_at", "limit", "used", "needed", "suggested", "context", "active", "granted", "until", "decided_by", "decided_via", "decided_at", "note", "revision")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    SUGGESTED_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_VIA_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    budget: str
    key: str
    unit: str
    state: str
    opened_at: int
    expires_at: int
    limit: str
    used: str
    needed: str
    suggested: str
    context: ApprovalContext
    active: bool
    granted: str
    until: int
    decided_by: str
    decided_via: str
    decided_at: int
    note: str
    revision: int
    def __init__(self, id: _Optional[str] = ..., budget: _Optional[str] = ..., key: _Optional[str] = ..., unit: _Optional[str] = ..., state: _Optional[str] = ..., opened_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., limit: _Optional[str] = ..., used: _Optional[str] = ..., needed: _Optional[str] = ..., suggested: _Optional[str] = ..., context: _Optional[_Union[ApprovalContext, _Mapping]] = ..., active: _Optional[bool] = ..., granted: _Optional[str] = ..., until: _Optional[int] = ..., decided_by: _Optional[str] = ..., decided_via: _Optional[str] = ..., decided_at: _Optional[int] = ..., note: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class ApprovalContext(_message.Message):
    __slots__ = ("node", "request", "consumer", "groups", "route", "model", "target", "session", "tags", "stream", "messages", "tools", "body_bytes", "input_tokens", "output_tokens", "held")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NODE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    node: str
    request: str
    consumer: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    route: str
    model: str
    target: str
    session: str
    tags: _containers.ScalarMap[str, str]
    stream: bool
    messages: int
    tools: int
    body_bytes: int
    input_tokens: int
    output_tokens: int
    held: bool
    def __init__(self, node: _Optional[str] = ..., request: _Optional[str] = ..., consumer: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ..., route: _Optional[str] = ..., model: _Optional[str] = ..., target: _Optional[str] = ..., session: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., stream: _Optional[bool] = ..., messages: _Optional[int] = ..., tools: _Optional[int] = ..., body_bytes: _Optional[int] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., held: _Optional[bool] = ...) -> None: ...

class OpenApprovalRequest(_message.Message):
    __slots__ = ("budget", "key", "unit", "limit", "used", "needed", "ttl_s", "context")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    budget: str
    key: str
    unit: str
    limit: int
    used: int
    needed: int
    ttl_s: int
    context: ApprovalContext
    def __init__(self, budget: _Optional[str] = ..., key: _Optional[str] = ..., unit: _Optional[str] = ..., limit: _Optional[int] = ..., used: _Optional[int] = ..., needed: _Optional[int] = ..., ttl_s: _Optional[int] = ..., context: _Optional[_Union[ApprovalContext, _Mapping]] = ...) -> None: ...

class OpenApprovalResponse(_message.Message):
    __slots__ = ("approval", "created", "link")
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    created: bool
    link: str
    def __init__(self, approval: _Optional[_Union[Approval, _Mapping]] = ..., created: _Optional[bool] = ..., link: _Optional[str] = ...) -> None: ...

class ListApprovalsRequest(_message.Message):
    __slots__ = ("state", "budget")
    STATE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    state: str
    budget: str
    def __init__(self, state: _Optional[str] = ..., budget: _Optional[str] = ...) -> None: ...

class ListApprovalsResponse(_message.Message):
    __slots__ = ("approvals",)
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    approvals: _containers.RepeatedCompositeFieldContainer[Approval]
    def __init__(self, approvals: _Optional[_Iterable[_Union[Approval, _Mapping]]] = ...) -> None: ...

class GetApprovalRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ApproveRequest(_message.Message):
    __slots__ = ("id", "amount", "for_s", "note")
    ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FOR_S_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    amount: str
    for_s: int
    note: str
    def __init__(self, id: _Optional[str] = ..., amount: _Optional[str] = ..., for_s: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class DenyRequest(_message.Message):
    __slots__ = ("id", "for_s", "note")
    ID_FIELD_NUMBER: _ClassVar[int]
    FOR_S_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    for_s: int
    note: str
    def __init__(self, id: _Optional[str] = ..., for_s: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class RevokeRequest(_message.Message):
    __slots__ = ("id", "note")
    ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    note: str
    def __init__(self, id: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...
