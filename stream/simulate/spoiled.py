"""Records that are no events, one kind for each reason that a dead letter can have."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import orjson

from stream.core.events import MAX_BYTES
from stream.simulate.scribe import Record

_RARE = 1 / 200  # too_large is 256 KiB each


class Spoiler:
    """Makes dead letters out of copies of sound events.

    Files have no keys and no tombstones, so `wrong_key` and `tombstone` are for topics only.
    """

    def __init__(self, *, to_topic: bool) -> None:
        self._ways: list[Callable[[Record], Record]] = [
            lambda record: _with(record, _value(record)[: len(_value(record)) // 2]),
            lambda record: _with(record, _value(record)[:-2] + b',"note":"caf\xe9"}}'),
            lambda record: _with(record, b"[" + _value(record) + b"]"),
            lambda record: _changed(record, messageId=None),
            lambda record: _changed(record, type=None),
            lambda record: _changed(record, type="click"),
            lambda record: _changed(record, userId=4711),
            lambda record: _changed(record, timestamp="yesterday"),
            lambda record: _changed(record, timestamp="2026-01-01T10:00:00"),
            lambda record: _changed(record, timestamp="2999-12-31T23:59:59.000Z"),
            lambda record: _changed(record, userId=None, anonymousId=None),
            lambda record: _changed(record, userId="", anonymousId=None),
        ]
        if to_topic:
            self._ways.append(lambda record: (record[0], record[1], None))
            self._ways.append(lambda record: (record[0], b"somebody-else", record[2]))

    def spoil(self, record: Record, rng: Random) -> Record:
        """A dead letter that looks like `record`; any reason is as likely, too_large rarer."""
        if rng.random() < _RARE:
            return _changed(record, properties={"padding": "x" * MAX_BYTES})
        return self._ways[int(rng.random() * len(self._ways))](record)


def _value(record: Record) -> bytes:
    value = record[2]
    assert value is not None
    return value


def _with(record: Record, value: bytes) -> Record:
    return record[0], record[1], value


def _changed(record: Record, **members: object) -> Record:
    return _with(record, orjson.dumps(orjson.loads(_value(record)) | members))
