"""Files of a folder on the node, as Kubernetes and Docker mount secrets."""

from __future__ import annotations

from pathlib import Path

from tollhouse.dataplane.runtime.secret_stores.ask import LARGEST, StoreError
from tollhouse.proto.own_settings import SECRET_FOLDERS, may_read_folder
from tollhouse.proto.resources.secret import FileSecret


def read(store: FileSecret, name: str) -> str:
    """The file's text without the line end it may have. Raises StoreError. A link may lead elsewhere in the folder
    (Kubernetes makes such), not out of it."""
    folder = Path(store.directory).resolve()
    if not may_read_folder(str(folder)):
        raise StoreError(f"{store.directory} is no folder to read secrets in ({SECRET_FOLDERS})")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or path == folder:
        raise StoreError(f"{name!r} leads out of the folder {store.directory}")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise StoreError(f"{store.directory}/{name} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise StoreError(f"{store.directory}/{name} is too large for a secret")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise StoreError(f"{store.directory}/{name} is no text") from None
