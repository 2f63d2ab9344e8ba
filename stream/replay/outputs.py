"""The folder that a replay writes: one JSON Lines file a topic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

from stream.replay.streams import Published

NAMES = (
    "visits",
    "transitions",
    "engagement",
    "incidents",
    "daily",
    "late",
    "dead-letters",
    "people",
)
UNFINISHED = ".part"
BUFFER_BYTES = 1 << 20


class ReplayError(Exception):
    """A replay cannot write where it was told to; the message says why, and what would help."""


class OutputFiles:
    """The files of a replay's folder, which get their names only when all of them are complete.

    Raises `ReplayError` for a folder that cannot be written, and, unless `force`, for one with other
    things in it: it is easily the wrong one.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        self._paths = {name: folder / f"{name}.jsonl" for name in NAMES}
        self._files: dict[str, BinaryIO] = {}
        self._made_folder = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            foreign = self._foreign(folder)
            if foreign and not force:
                shown = ", ".join(foreign[:3]) + " …" * (len(foreign) > 3)
                raise ReplayError(
                    f"{folder} holds what no replay wrote ({shown}): "
                    "choose another folder, or pass --force to write beside it"
                )
            for name in NAMES:
                self._files[name] = open(self._unfinished(name), "wb", buffering=BUFFER_BYTES)  # noqa: SIM115
        except BaseException as error:
            self.discard()
            if isinstance(error, OSError):
                raise ReplayError(f"cannot write to {folder}: {error.strerror or error}") from error
            raise

    def write(self, published: Published) -> None:
        """Appends records to the files of their topics. Raises `ReplayError` when the disk takes no more."""
        try:
            for topic, values in published.items():
                self._files[topic].write(b"\n".join(values) + b"\n")
        except OSError as error:
            raise ReplayError(f"cannot write {topic}: {error.strerror or error}") from error

    def complete(self) -> None:
        """Puts the files in the place of an earlier replay's."""
        for file in self._files.values():
            file.close()
        for name, path in self._paths.items():
            self._unfinished(name).replace(path)

    def discard(self) -> None:
        """Leaves the folder as it was found."""
        for name, file in self._files.items():
            file.close()
            self._unfinished(name).unlink(missing_ok=True)
        folder = next(iter(self._paths.values())).parent
        if self._made_folder and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *rest: object) -> None:
        if exc_type is None:
            self.complete()
        else:
            self.discard()

    def _foreign(self, folder: Path) -> list[str]:
        ours = {path.name for path in self._paths.values()}
        return sorted(
            entry.name for entry in folder.iterdir() if entry.name.removesuffix(UNFINISHED) not in ours
        )

    def _unfinished(self, name: str) -> Path:
        path = self._paths[name]
        return path.with_name(path.name + UNFINISHED)


def check_not_an_input(files: Sequence[str], folder: Path) -> None:
    """Raises `ReplayError` where a file to be read is one that would be written."""
    written = {(folder / f"{name}.jsonl").resolve() for name in NAMES}
    for file in files:
        if file != "-" and Path(file).resolve() in written:
            raise ReplayError(f"{file} is both read and written: choose another folder")
