"""Texts that are never shown: passwords, client secrets; and keeping aiokafka from showing them."""

from __future__ import annotations

import logging
from pathlib import Path

from stream.engine.errors import SecurityError


class Secret:
    """A secret from a file, which is read each time it is needed, or one that is `given`.

    Its repr shows where it is from and not what it is. Not a Struct, so that nothing encodes it.
    """

    __slots__ = ("_given", "file")

    def __init__(self, given: str = "", *, file: Path | None = None) -> None:
        self._given = given
        self.file = file

    def reveal(self) -> str:
        """The text; of a file without the end of its last line. Raises SecurityError."""
        if self.file is None:
            return self._given
        text = read_text(self.file, "a secret").rstrip("\r\n")
        if not text:
            raise SecurityError(f"{self.file} is empty", "write the secret into it, and nothing else")
        return text

    def __repr__(self) -> str:
        return f"Secret(from {self.file})" if self.file else "Secret(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._given, self.file) == (other._given, other.file)

    def __hash__(self) -> int:
        return hash((self._given, self.file))


class _HideSasl(logging.Filter):
    """aiokafka (0.14) logs each request at DEBUG, with the password or token that it carries."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def _hidden(argument: object) -> object:
    name = type(argument).__name__
    return f"{name}(hidden)" if name.startswith("SaslAuthenticate") else argument


_HIDE_SASL = _HideSasl()


def hide_sasl() -> None:
    """From now on no log shows what was said to be let in. To be called before it is said."""
    # On the logger that says it, whatever handlers there are. The same filter is added only once.
    logging.getLogger("aiokafka.conn").addFilter(_HIDE_SASL)


def read_text(path: Path, what: str) -> str:
    """The content of a file of UTF-8. Raises SecurityError saying `what` could not be read."""
    try:
        return read_bytes(path, what).decode()
    except UnicodeDecodeError:
        # Not the error itself: it quotes the bytes.
        raise SecurityError(f"{path} holds {what} that is no UTF-8 text", "save it as plain text") from None


def read_bytes(path: Path, what: str) -> bytes:
    """The content of a file. Raises SecurityError saying `what` could not be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SecurityError(
            f"{path}, which should hold {what}, cannot be read: {error.strerror}",
            "correct the path, or let this process's user read the file",
        ) from None
