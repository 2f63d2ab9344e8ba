"""What is logged, so that somebody can read it."""

from __future__ import annotations

import logging

import msgspec

from stream.logs import JsonLines, OnceInAWhile


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def test_a_json_line_has_time_level_logger_and_message() -> None:
    line = msgspec.json.decode(JsonLines().format(record("stream.worker", "%d partitions", 8)))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "error", "logger": "stream.worker", "message": "8 partitions"}


def test_what_aiokafka_repeats_is_said_once_in_a_while() -> None:
    now = 100.0
    once = OnceInAWhile(10.0, clock=lambda: now)
    lost = record("aiokafka", "Unable connect to node with id %s", 1)
    assert once.filter(lost)
    now = 109.9
    assert not once.filter(lost)
    assert once.filter(record("aiokafka", "Unable to update metadata from %s", [1]))
    now = 110.0
    assert once.filter(lost)


def test_our_own_messages_always_pass() -> None:
    once = OnceInAWhile(10.0, clock=lambda: 100.0)
    mine = record("stream.worker", "Ready")
    assert once.filter(mine)
    assert once.filter(mine)
