"""What a process logs, and how: lines for people, or JSON for machines."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

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


class JsonLines(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


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
    logging.basicConfig(level=log.level.upper(), handlers=[handler], force=True)
    for name, level in _CHATTY.items():
        logging.getLogger(name).setLevel(logging.NOTSET if log.level == "debug" else level)
