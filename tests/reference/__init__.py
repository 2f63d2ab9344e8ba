"""A second, naive implementation of SPEC 1 to 5, written from the page alone: the core is judged by it.

It takes a whole log, one person's arrivals after another, keeps everything and recomputes everything.
It shares no code with `stream` but the settings' data classes.
"""

from tests.reference.replay import LogRecord, Result, run

__all__ = ["LogRecord", "Result", "run"]
