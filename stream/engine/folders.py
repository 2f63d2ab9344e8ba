"""Where a worker's local stores are: `<data_dir>/<group>/worker-<slot>/<topic>-<partition>/`.

Several workers on one host may share `data_dir`: each takes the first slot that is free, so each comes
back to its own stores after a restart.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from stream.engine.errors import EngineError
from stream.engine.store import Corrupt, PartitionStore, StoreMemory

KEEP_S = 20 * 3600
"""How long a store is worth keeping, or going on with, after it was last written.

A changelog keeps its tombstones for `delete.retention.ms`, which `footfall topics create` sets to a day:
a store that has missed one would bring the dead back.
"""

SLOTS = 1_000
_LOCK = "lock"

log = logging.getLogger(__name__)


class StoreFolders:
    """The local stores of one worker. Belongs to it until `release`, or until the process ends.

    `name` is the slot's own: no other worker has it, here or on another host, and a restarted one has it
    again.
    """

    def __init__(self, data_dir: Path, group: str) -> None:
        """Take a slot. Raises EngineError where there is no folder to be had."""
        self._memory = StoreMemory()
        self._open: dict[str, PartitionStore] = {}
        base = data_dir / group
        try:
            self.slot, self._lock = _take_slot(base)
        except OSError as error:
            raise EngineError(
                f"{base} can't be written ({error.strerror or error}): local stores are kept there. Have "
                '`data_dir` point to a folder that can, or set store = "memory"'
            ) from error
        self.folder = base / f"worker-{self.slot}"
        # With the host, since folders are copied.
        self.name = f"{socket.gethostname()}-{_name(self.folder)}"

    def open(self, topic: str, number: int) -> PartitionStore:
        """The partition's store, empty if there was none or it is of no use. Raises StoreError."""
        name = f"{topic}-{number}"
        folder = self.folder / name
        try:
            store = PartitionStore(folder, self._memory)
        except Corrupt as error:
            log.warning("%s. It is made anew from the changelog", error)
            _delete(folder)
            store = PartitionStore(folder, self._memory)
        self._open[name] = store
        return store

    def close(self, store: PartitionStore) -> None:
        """Close a store, and keep it for the time that its partition comes back."""
        self._open.pop(store.folder.name, None)
        store.close()

    def discard(self, store: PartitionStore, why: str) -> None:
        """Delete a store that is of no use."""
        if store.meta is not None:
            log.warning("%s is made anew from the changelog: %s", store.folder, why)
        self.close(store)
        _delete(store.folder)

    def sweep(self) -> None:
        """Delete the stores that nobody has written for too long."""
        _sweep(self.folder, self._open.keys(), time.time())

    def release(self) -> None:
        """Let the slot go."""
        for store in list(self._open.values()):
            self.close(store)
        os.close(self._lock)


def _name(folder: Path) -> str:
    file = folder / "name"
    name = file.read_text() if file.exists() else ""
    if not name:
        name = uuid.uuid4().hex
        file.write_text(name)
    return name


def _take_slot(base: Path) -> tuple[int, int]:
    """The first slot that no running worker has, and its lock. Old stores in any free one are deleted."""
    for slot in range(SLOTS):
        folder = base / f"worker-{slot}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = _try_lock(folder)
        if lock is not None:
            _sweep(folder, (), time.time())
            _sweep_others(base, slot)
            return slot, lock
    raise OSError(f"all of {SLOTS} slots are taken")


def _sweep_others(base: Path, ours: int) -> None:
    for folder in base.glob("worker-*"):
        if folder.name == f"worker-{ours}":
            continue
        lock = _try_lock(folder)
        if lock is not None:
            _sweep(folder, (), time.time())
            os.close(lock)


def _try_lock(folder: Path) -> int | None:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # The kernel lets it go when the process ends, however it does.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _sweep(folder: Path, in_use: Iterable[str], now_s: float) -> None:
    for store in folder.iterdir():
        if store.is_dir() and store.name not in in_use and now_s - _last_written_s(store) > KEEP_S:
            log.info("%s has not been used for long; deleted", store)
            _delete(store)


def _last_written_s(folder: Path) -> float:
    return max((found.stat().st_mtime for found in folder.iterdir()), default=0.0)


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
