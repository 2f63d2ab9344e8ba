"""What a process logs, and how: lines for people, or JSON for machines; of persons nothing but at DEBUG."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from stream.engine.client import KafkaError
from stream.engine.errors import PLACE, EngineError
from stream.settings import Log

# What these say on the way is of use only to somebody who looks into them: `log.level = "debug"`.
# aiokafka's warnings are of requests that it goes on to repeat; what fails for good is raised.
_CHATTY = {
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "aiokafka": logging.ERROR,
    "aiokafka.producer": logging.CRITICAL,
    # Of requests that are no HTTP, with what they asked for: that may be a person.
    "aiohttp.server": logging.CRITICAL,
    # Faust's services log as the modules of their subclasses.
    "stream.engine.app": logging.WARNING,
    "stream.engine.table": logging.WARNING,
    "stream.engine.transport": logging.WARNING,
    "stream.engine.view": logging.WARNING,
}


REPEAT_AFTER_S = 10.0

# What these say is of the machine. Other errors quote what they stumbled over: an id, a key, a value.
_WITHOUT_PERSONS = (EngineError, KafkaError, OSError, TimeoutError)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message; error where there is one.

    And `topic`, `partition` and `offset` of what it is about, where it is about a record or a partition.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in PLACE if hasattr(record, name)}
        if record.exc_info:
            line["error"] = record.exc_text or self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode(errors="replace")


class WithoutPersons(logging.Filter):
    """Takes out of a message what an error quotes: its kind and where it came about remain."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_text, record.args))
        if record.name == "asyncio":
            # In the lines below it has the error, and what the task was about.
            record.msg, record.args = record.getMessage().partition("\n")[0], ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _stack(record.exc_info[1])
        return True


def _without_text(argument: object) -> object:
    if isinstance(argument, BaseException) and not isinstance(argument, _WITHOUT_PERSONS):
        return type(argument).__name__
    return argument


def _stack(error: BaseException) -> str:
    """Where it was raised, and what had led to it, the first cause first; without what it says."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None else f"{_stack(cause)}\nand so:\n"
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}{frames}{type(error).__module__}.{type(error).__qualname__}"


class OnceInAWhile(logging.Filter):
    """Lets each of aiokafka's messages through once in `seconds`: without a broker it has 300 a second."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        message, now = (record.name, str(record.msg)), self._clock()
        said_at = self._said_at.get(message)
        if said_at is not None and now - said_at < self._seconds:
            return False
        self._said_at[message] = now
        return True


def set_up(log: Log) -> None:
    """Log to standard error from now on, as `log` says."""
    handler = logging.StreamHandler(sys.stderr)
    if log.format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    if log.level != "debug":
        handler.addFilter(OnceInAWhile(REPEAT_AFTER_S))
        handler.addFilter(WithoutPersons())
    logging.basicConfig(level=log.level.upper(), handlers=[handler], force=True)
    for name, level in _CHATTY.items():
        logging.getLogger(name).setLevel(logging.NOTSET if log.level == "debug" else level)
