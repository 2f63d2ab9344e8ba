"""Daily reports, read from the topic or from a replay's file, and the one that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from stream.core.records import Daily
from stream.settings import Settings
from stream.topic_reader import open_reader

SHOWN_DAYS = 30


class ReportError(Exception):
    """There is no such report; the message says what there is, and what would help."""


class Report(Struct, frozen=True):
    """A day's report, and those of the 30 days up to it, as far as there are any, in order."""

    daily: Daily
    history: list[Daily]

    @property
    def day(self) -> date:
        """The local date."""
        return date.fromisoformat(self.daily.day)

    @property
    def days(self) -> list[date]:
        """The 30 dates of the history, also those without a report."""
        return [self.day - timedelta(days=ago) for ago in reversed(range(SHOWN_DAYS))]

    def before(self, days: int) -> Daily | None:
        """The report of so many days before, if there is one in the history."""
        wanted = (self.day - timedelta(days=days)).isoformat()
        return next((one for one in self.history if one.day == wanted), None)


def choose(reports: Iterable[Daily], day: date | None) -> Report:
    """The report of `day`, else the latest; of several of one day the last holds. Raises ReportError."""
    by_day = {report.day: report for report in reports}
    if not by_day:
        raise ReportError(
            "there is no daily report yet: a day is reported when every partition's watermark has passed "
            "its end"
        )
    wanted = max(by_day) if day is None else day.isoformat()
    if wanted not in by_day:
        raise ReportError(f"there is no report of {wanted}; there are {min(by_day)} to {max(by_day)}")
    first = (date.fromisoformat(wanted) - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    return Report(by_day[wanted], [by_day[one] for one in sorted(by_day) if first <= one <= wanted])


def read_file(path: Path) -> list[Daily]:
    """The reports that a replay has written (`daily.jsonl`). Raises ReportError."""
    reports = []
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    reports.append(_read(line, f"{path}, line {number}"))
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or error}") from error
    return reports


async def read_topic(settings: Settings) -> list[Daily]:
    """The reports on the topic `daily`. Raises ReadError, and ReportError for what is none."""
    topic = settings.output_topic("daily")
    reports = []
    async with open_reader(settings.connection) as reader:
        for number in range(await reader.partitions(topic)):
            reports += [
                _read(record.value, f"{topic}/{number}:{record.offset}")
                async for record in reader.read(topic, number)
                if record.value is not None
            ]
    return reports


def _read(value: bytes, where: str) -> Daily:
    try:
        daily = _decode(value)
        date.fromisoformat(daily.day)
    except (msgspec.DecodeError, ValueError) as error:
        raise ReportError(f"{where} is no daily report: {error}") from error
    return daily


_decode = msgspec.json.Decoder(Daily).decode
