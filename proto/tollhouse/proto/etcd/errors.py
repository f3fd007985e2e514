"""What can go wrong with etcd, by what the caller can do about it."""

from __future__ import annotations


class EtcdError(Exception):
    """etcd did not do what was asked. The message is safe to show: it never holds a value or a password."""


class EtcdUnavailable(EtcdError):
    """No endpoint answered in time. Try again later."""

    def __init__(self, message: str, *, maybe_applied: bool = False) -> None:
        super().__init__(message)
        self.maybe_applied = maybe_applied
        """The request was a write and may have reached etcd: read before repeating it."""


class EtcdPermissionDenied(EtcdError):
    """Wrong user or password, or the user's roles do not cover the keys."""


class EtcdTooLarge(EtcdError):
    """The request is over etcd's limits: 1.5 MiB per request and 128 operations per level of a transaction."""


class EtcdNoSpace(EtcdError):
    """etcd's database quota is used up: writes fail until it is compacted and defragmented."""


class LeaseNotFound(EtcdError):
    """The lease expired or was revoked, and the keys under it are gone."""


class Compacted(EtcdError):
    """The history asked for is gone: read the whole prefix again."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"etcd has compacted its history up to revision {revision}")
        self.revision = revision
        """The oldest revision that can still be read, 0 when etcd did not say."""


class Restored(EtcdError):
    """This is not the data we followed: etcd was wiped, or restored from a backup. Read the whole prefix again."""

    def __init__(self, reason: str, revision: int = 0) -> None:
        super().__init__(f"etcd was wiped or restored: {reason}")
        self.revision = revision
        """The cluster's revision now."""
