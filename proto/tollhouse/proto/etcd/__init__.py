"""The asyncio etcd v3 client both planes use. Reading order:

- ``settings``    where etcd is and how to be let in
- ``model``       keys, ranges, transactions, watch batches as plain data
- ``errors``      what can go wrong, by what the caller can do about it
- ``client``      reads, writes, transactions
- ``watch``       a watch that outlives its connections
- ``lease``       a lease kept alive
- ``connection``  channels, tokens, and gRPC's errors as ours
- ``wire``, ``messages``  etcd's messages, from ``messages.proto``
"""

from tollhouse.proto.etcd.client import EtcdClient
from tollhouse.proto.etcd.errors import (
    Compacted,
    EtcdError,
    EtcdNoSpace,
    EtcdPermissionDenied,
    EtcdTooLarge,
    EtcdUnavailable,
    LeaseNotFound,
    Restored,
)
from tollhouse.proto.etcd.lease import KeptLease
from tollhouse.proto.etcd.model import (
    Compare,
    DeleteResult,
    EndpointStatus,
    KeyValue,
    Op,
    PutResult,
    RangeResult,
    TxnResult,
    WatchBatch,
    WatchEvent,
)
from tollhouse.proto.etcd.settings import EtcdSettings
from tollhouse.proto.etcd.watch import Watch

__all__ = [
    "Compacted",
    "Compare",
    "DeleteResult",
    "EndpointStatus",
    "EtcdClient",
    "EtcdError",
    "EtcdNoSpace",
    "EtcdPermissionDenied",
    "EtcdSettings",
    "EtcdTooLarge",
    "EtcdUnavailable",
    "KeptLease",
    "KeyValue",
    "LeaseNotFound",
    "Op",
    "PutResult",
    "RangeResult",
    "Restored",
    "TxnResult",
    "Watch",
    "WatchBatch",
    "WatchEvent",
]
