"""Every verdict of a guard or a permission, as lines of a hash-chained file: one file per worker of the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.records.log_entry import timestamp
from tollhouse.dataplane.records.verdicts import Verdict, verdicts_of
from tollhouse.dataplane.services import LogFiles
from tollhouse.proto.audit_chain import Chain, seal_key

_PERMISSION = frozenset((401, 403))


class AuditTrail:
    """Put ``record`` among the gateway's recorders. Values are never in it, only keyed digests of them."""

    def __init__(self, folder: Path, worker: int, node_id: str, sealing_key: str, files: LogFiles) -> None:
        self._path = folder / f"worker-{worker}.jsonl"
        self._node_id = node_id
        self._files = files
        self._key = seal_key(sealing_key)
        self._chain: Chain | None = None

    def record(self, ex: Exchange) -> None:
        """Write down what was decided about a finished exchange; never waits."""
        verdicts = [one for one in verdicts_of(ex) if not one.repeated or one.action == "block"]
        told = any(one.action == "block" and not one.shadow for one in verdicts)
        refused = getattr(ex.error, "status", 0) in _PERMISSION and not told
        if not verdicts and not refused:
            return
        event = _about(ex, self._node_id)
        for verdict in verdicts:
            self._write({**event, **_of(verdict)})
        if refused:
            code = getattr(ex.error, "code", "")
            self._write({**event, "rule": f"permission/{code}", "action": "block", "direction": "input"})

    def _write(self, event: dict[str, Any]) -> None:
        if self._chain is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._chain = Chain.resume(self._path, self._key)
        if self._files.append(str(self._path), self._chain.next(event)):
            self._chain.keep()


def _about(ex: Exchange, node_id: str) -> dict[str, Any]:
    last = ex.attempts[-1] if ex.attempts else None
    return {
        "time": timestamp(ex.received_at),
        "node": node_id,
        "request_id": ex.id,
        "consumer": ex.consumer_name,
        "credential": ex.credential_id,
        "client_ip": ex.client_ip,
        "route": ex.route.id if ex.route is not None else "",
        "model": last.model if last is not None else _asked(ex),
        "target": last.target if last is not None else "",
        "revision": ex.snapshot.revision if ex.snapshot is not None else 0,
        "status": ex.status,
    }


def _asked(ex: Exchange) -> str:
    """The model of a request that reached none."""
    if ex.protocol is None or ex.document is None:
        return ""
    try:
        return ex.peek.model[:128]
    except GatewayError:
        return ""


def _of(verdict: Verdict) -> dict[str, Any]:
    return {
        "plugin": verdict.plugin,
        "rule": verdict.rule,
        "pack_version": verdict.pack_version,
        "severity": verdict.severity,
        "action": verdict.action,
        "shadow": verdict.shadow,
        "direction": verdict.direction,
        "path": verdict.path,
        "role": verdict.role,
        "trust": verdict.trust,
        "score": verdict.score,
        "value_digest": verdict.digest,
    }
