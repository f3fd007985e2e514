from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UsageBatch(_message.Message):
    __slots__ = ("sequence", "node", "records")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    node: str
    records: _containers.RepeatedCompositeFieldContainer[UsageRecord]
    def __init__(self, sequence: _Optional[int] = ..., node: _Optional[str] = ..., records: _Optional[_Iterable[_Union[UsageRecord, _Mapping]]] = ...) -> None: ...

class UsageAck(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class UsageRecord(_message.Message):
    __slots__ = ("id", "started_ms", "ended_ms", "request", "attempt", "node", "consumer", "groups", "route", "asked_model", "model", "provider", "target", "session", "tags", "price_source", "revision", "stream", "outcome", "status", "first_byte_ms", "cost_nano_usd", "estimated", "input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens", "reasoning_tokens", "service_tier", "audio_input_tokens", "audio_output_tokens", "image_input_tokens", "image_output_tokens", "cache_saved_nano_usd", "routing_saved_nano_usd", "web_searches", "answer", "kept", "counts", "answer_counts")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_MS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    ASKED_MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PRICE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_MS_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_1H_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    AUDIO_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_SAVED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ROUTING_SAVED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    WEB_SEARCHES_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_COUNTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    started_ms: int
    ended_ms: int
    request: str
    attempt: int
    node: str
    consumer: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    route: str
    asked_model: str
    model: str
    provider: str
    target: str
    session: str
    tags: _containers.ScalarMap[str, str]
    price_source: str
    revision: int
    stream: bool
    outcome: str
    status: int
    first_byte_ms: int
    cost_nano_usd: int
    estimated: bool
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int
    service_tier: str
    audio_input_tokens: int
    audio_output_tokens: int
    image_input_tokens: int
    image_output_tokens: int
    cache_saved_nano_usd: int
    routing_saved_nano_usd: int
    web_searches: int
    answer: str
    kept: str
    counts: _containers.RepeatedCompositeFieldContainer[BudgetCount]
    answer_counts: _containers.RepeatedCompositeFieldContainer[BudgetCount]
    def __init__(self, id: _Optional[str] = ..., started_ms: _Optional[int] = ..., ended_ms: _Optional[int] = ..., request: _Optional[str] = ..., attempt: _Optional[int] = ..., node: _Optional[str] = ..., consumer: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ..., route: _Optional[str] = ..., asked_model: _Optional[str] = ..., model: _Optional[str] = ..., provider: _Optional[str] = ..., target: _Optional[str] = ..., session: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., price_source: _Optional[str] = ..., revision: _Optional[int] = ..., stream: _Optional[bool] = ..., outcome: _Optional[str] = ..., status: _Optional[int] = ..., first_byte_ms: _Optional[int] = ..., cost_nano_usd: _Optional[int] = ..., estimated: _Optional[bool] = ..., input_tokens: _Optional[int] = ..., cached_tokens: _Optional[int] = ..., cache_write_tokens: _Optional[int] = ..., cache_write_1h_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., service_tier: _Optional[str] = ..., audio_input_tokens: _Optional[int] = ..., audio_output_tokens: _Optional[int] = ..., image_input_tokens: _Optional[int] = ..., image_output_tokens: _Optional[int] = ..., cache_saved_nano_usd: _Optional[int] = ..., routing_saved_nano_usd: _Optional[int] = ..., web_searches: _Optional[int] = ..., answer: _Optional[str] = ..., kept: _Optional[str] = ..., counts: _Optional[_Iterable[_Union[BudgetCount, _Mapping]]] = ..., answer_counts: _Optional[_Iterable[_Union[BudgetCount, _Mapping]]] = ...) -> None: ...

class BudgetCount(_message.Message):
    __slots__ = ("key", "bucket", "expires", "units", "doubt", "node")
    KEY_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    DOUBT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    key: str
    bucket: int
    expires: int
    units: int
    doubt: int
    node: str
    def __init__(self, key: _Optional[str] = ..., bucket: _Optional[int] = ..., expires: _Optional[int] = ..., units: _Optional[int] = ..., doubt: _Optional[int] = ..., node: _Optional[str] = ...) -> None: ...

class SpendRequest(_message.Message):
    __slots__ = ("from_ms", "to_ms", "group_by", "filter", "limit")
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    from_ms: int
    to_ms: int
    group_by: _containers.RepeatedScalarFieldContainer[str]
    filter: _containers.ScalarMap[str, str]
    limit: int
    def __init__(self, from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., group_by: _Optional[_Iterable[str]] = ..., filter: _Optional[_Mapping[str, str]] = ..., limit: _Optional[int] = ...) -> None: ...

class SpendRow(_message.Message):
    __slots__ = ("keys", "cost_nano_usd", "estimated_nano_usd", "failed_nano_usd", "requests", "attempts", "failed", "unpriced", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "retried_nano_usd", "cache_saved_nano_usd", "routing_saved_nano_usd", "corrected_nano_usd")
    class KeysEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEYS_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    FAILED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    RETRIED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    CACHE_SAVED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ROUTING_SAVED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    CORRECTED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.ScalarMap[str, str]
    cost_nano_usd: int
    estimated_nano_usd: int
    failed_nano_usd: int
    requests: int
    attempts: int
    failed: int
    unpriced: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    retried_nano_usd: int
    cache_saved_nano_usd: int
    routing_saved_nano_usd: int
    corrected_nano_usd: int
    def __init__(self, keys: _Optional[_Mapping[str, str]] = ..., cost_nano_usd: _Optional[int] = ..., estimated_nano_usd: _Optional[int] = ..., failed_nano_usd: _Optional[int] = ..., requests: _Optional[int] = ..., attempts: _Optional[int] = ..., failed: _Optional[int] = ..., unpriced: _Optional[int] = ..., input_tokens: _Optional[int] = ..., cached_tokens: _Optional[int] = ..., cache_write_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., retried_nano_usd: _Optional[int] = ..., cache_saved_nano_usd: _Optional[int] = ..., routing_saved_nano_usd: _Optional[int] = ..., corrected_nano_usd: _Optional[int] = ...) -> None: ...

class SpendResponse(_message.Message):
    __slots__ = ("rows", "total")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[SpendRow]
    total: SpendRow
    def __init__(self, rows: _Optional[_Iterable[_Union[SpendRow, _Mapping]]] = ..., total: _Optional[_Union[SpendRow, _Mapping]] = ...) -> None: ...

class TopRequest(_message.Message):
    __slots__ = ("by", "from_ms", "to_ms", "filter", "limit")
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BY_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    by: str
    from_ms: int
    to_ms: int
    filter: _containers.ScalarMap[str, str]
    limit: int
    def __init__(self, by: _Optional[str] = ..., from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., filter: _Optional[_Mapping[str, str]] = ..., limit: _Optional[int] = ...) -> None: ...

class TopLine(_message.Message):
    __slots__ = ("key", "cost_nano_usd", "share", "before_nano_usd", "requests")
    KEY_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    key: str
    cost_nano_usd: int
    share: float
    before_nano_usd: int
    requests: int
    def __init__(self, key: _Optional[str] = ..., cost_nano_usd: _Optional[int] = ..., share: _Optional[float] = ..., before_nano_usd: _Optional[int] = ..., requests: _Optional[int] = ...) -> None: ...

class TopResponse(_message.Message):
    __slots__ = ("lines", "total_nano_usd", "before_nano_usd")
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[TopLine]
    total_nano_usd: int
    before_nano_usd: int
    def __init__(self, lines: _Optional[_Iterable[_Union[TopLine, _Mapping]]] = ..., total_nano_usd: _Optional[int] = ..., before_nano_usd: _Optional[int] = ...) -> None: ...

class ForecastRequest(_message.Message):
    __slots__ = ("period", "timezone", "group_by", "filter", "limit")
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    period: str
    timezone: str
    group_by: _containers.RepeatedScalarFieldContainer[str]
    filter: _containers.ScalarMap[str, str]
    limit: int
    def __init__(self, period: _Optional[str] = ..., timezone: _Optional[str] = ..., group_by: _Optional[_Iterable[str]] = ..., filter: _Optional[_Mapping[str, str]] = ..., limit: _Optional[int] = ...) -> None: ...

class ForecastLine(_message.Message):
    __slots__ = ("keys", "spent_nano_usd", "expected_nano_usd", "low_nano_usd", "high_nano_usd", "rate_nano_usd", "before_nano_usd")
    class KeysEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LOW_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HIGH_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    RATE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.ScalarMap[str, str]
    spent_nano_usd: int
    expected_nano_usd: int
    low_nano_usd: int
    high_nano_usd: int
    rate_nano_usd: int
    before_nano_usd: int
    def __init__(self, keys: _Optional[_Mapping[str, str]] = ..., spent_nano_usd: _Optional[int] = ..., expected_nano_usd: _Optional[int] = ..., low_nano_usd: _Optional[int] = ..., high_nano_usd: _Optional[int] = ..., rate_nano_usd: _Optional[int] = ..., before_nano_usd: _Optional[int] = ...) -> None: ...

class ForecastResponse(_message.Message):
    __slots__ = ("from_ms", "to_ms", "now_ms", "lines", "total")
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    from_ms: int
    to_ms: int
    now_ms: int
    lines: _containers.RepeatedCompositeFieldContainer[ForecastLine]
    total: ForecastLine
    def __init__(self, from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., now_ms: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[ForecastLine, _Mapping]]] = ..., total: _Optional[_Union[ForecastLine, _Mapping]] = ...) -> None: ...

class ExportRequest(_message.Message):
    __slots__ = ("format", "what", "from_ms", "to_ms", "filter")
    class FilterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    format: str
    what: str
    from_ms: int
    to_ms: int
    filter: _containers.ScalarMap[str, str]
    def __init__(self, format: _Optional[str] = ..., what: _Optional[str] = ..., from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., filter: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ExportPiece(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class ReconcileRequest(_message.Message):
    __slots__ = ("reports", "provider", "correct", "reason")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedScalarFieldContainer[bytes]
    provider: str
    correct: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, reports: _Optional[_Iterable[bytes]] = ..., provider: _Optional[str] = ..., correct: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("day", "model", "cause", "nano_usd", "tokens", "requests", "note")
    DAY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NANO_USD_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    day: str
    model: str
    cause: str
    nano_usd: int
    tokens: int
    requests: int
    note: str
    def __init__(self, day: _Optional[str] = ..., model: _Optional[str] = ..., cause: _Optional[str] = ..., nano_usd: _Optional[int] = ..., tokens: _Optional[int] = ..., requests: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class ReconcileResponse(_message.Message):
    __slots__ = ("forms", "from_ms", "to_ms", "provider", "here_nano_usd", "there_nano_usd", "differences", "corrections", "corrected_nano_usd", "notes")
    FORMS_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    TO_MS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    HERE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    THERE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    CORRECTED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    forms: _containers.RepeatedScalarFieldContainer[str]
    from_ms: int
    to_ms: int
    provider: str
    here_nano_usd: int
    there_nano_usd: int
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    corrections: int
    corrected_nano_usd: int
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, forms: _Optional[_Iterable[str]] = ..., from_ms: _Optional[int] = ..., to_ms: _Optional[int] = ..., provider: _Optional[str] = ..., here_nano_usd: _Optional[int] = ..., there_nano_usd: _Optional[int] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ..., corrections: _Optional[int] = ..., corrected_nano_usd: _Optional[int] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class CorrectionsRequest(_message.Message):
    __slots__ = ("from_ms", "limit")
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    from_ms: int
    limit: int
    def __init__(self, from_ms: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("id", "corrects", "made_ms", "author", "cause", "reason", "consumer", "model", "provider", "booked_ms", "cost_nano_usd", "input_tokens", "output_tokens")
    ID_FIELD_NUMBER: _ClassVar[int]
    CORRECTS_FIELD_NUMBER: _ClassVar[int]
    MADE_MS_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    BOOKED_MS_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    id: str
    corrects: str
    made_ms: int
    author: str
    cause: str
    reason: str
    consumer: str
    model: str
    provider: str
    booked_ms: int
    cost_nano_usd: int
    input_tokens: int
    output_tokens: int
    def __init__(self, id: _Optional[str] = ..., corrects: _Optional[str] = ..., made_ms: _Optional[int] = ..., author: _Optional[str] = ..., cause: _Optional[str] = ..., reason: _Optional[str] = ..., consumer: _Optional[str] = ..., model: _Optional[str] = ..., provider: _Optional[str] = ..., booked_ms: _Optional[int] = ..., cost_nano_usd: _Optional[int] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ...) -> None: ...

class CorrectionsResponse(_message.Message):
    __slots__ = ("corrections",)
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    corrections: _containers.RepeatedCompositeFieldContainer[Correction]
    def __init__(self, corrections: _Optional[_Iterable[_Union[Correction, _Mapping]]] = ...) -> None: ...

class CountsRequest(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class CountsPiece(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[BudgetCount]
    def __init__(self, counts: _Optional[_Iterable[_Union[BudgetCount, _Mapping]]] = ...) -> None: ...

class RebuildBudgetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RebuildBudgetsResponse(_message.Message):
    __slots__ = ("compared", "raised")
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    compared: int
    raised: int
    def __init__(self, compared: _Optional[int] = ..., raised: _Optional[int] = ...) -> None: ...

class CountRequest(_message.Message):
    __slots__ = ("node", "step")
    NODE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    node: str
    step: bytes
    def __init__(self, node: _Optional[str] = ..., step: _Optional[bytes] = ...) -> None: ...

class CountResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: bytes
    def __init__(self, answer: _Optional[bytes] = ...) -> None: ...

class TestNotifierRequest(_message.Message):
    __slots__ = ("notifier",)
    NOTIFIER_FIELD_NUMBER: _ClassVar[int]
    notifier: str
    def __init__(self, notifier: _Optional[str] = ...) -> None: ...

class TestNotifierResponse(_message.Message):
    __slots__ = ("problem",)
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    problem: str
    def __init__(self, problem: _Optional[str] = ...) -> None: ...

class ListBudgetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BudgetState(_message.Message):
    __slots__ = ("budget", "key", "unit", "window", "limit", "spent", "reserved", "remaining", "max_overshoot", "resets_ms", "enforced", "batches")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SPENT_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    MAX_OVERSHOOT_FIELD_NUMBER: _ClassVar[int]
    RESETS_MS_FIELD_NUMBER: _ClassVar[int]
    ENFORCED_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    budget: str
    key: str
    unit: str
    window: str
    limit: int
    spent: int
    reserved: int
    remaining: int
    max_overshoot: int
    resets_ms: int
    enforced: bool
    batches: bool
    def __init__(self, budget: _Optional[str] = ..., key: _Optional[str] = ..., unit: _Optional[str] = ..., window: _Optional[str] = ..., limit: _Optional[int] = ..., spent: _Optional[int] = ..., reserved: _Optional[int] = ..., remaining: _Optional[int] = ..., max_overshoot: _Optional[int] = ..., resets_ms: _Optional[int] = ..., enforced: _Optional[bool] = ..., batches: _Optional[bool] = ...) -> None: ...

class ListBudgetsResponse(_message.Message):
    __slots__ = ("store", "budgets")
    STORE_FIELD_NUMBER: _ClassVar[int]
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    store: str
    budgets: _containers.RepeatedCompositeFieldContainer[BudgetState]
    def __init__(self, store: _Optional[str] = ..., budgets: _Optional[_Iterable[_Union[BudgetState, _Mapping]]] = ...) -> None: ...
