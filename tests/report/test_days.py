"""Which report is asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from stream.report.days import ReportError, choose, read_file
from tests.report.days import days, write


def test_the_latest_is_the_default_with_thirty_days() -> None:
    report = choose(reversed(days(40)), None)
    assert report.daily.day == "2026-03-12"
    assert [one.day for one in report.history] == [one.day for one in days(40)[10:]]
    assert len(report.days) == 30


def test_another_day_has_the_days_before_it() -> None:
    report = choose(days(40), date(2026, 2, 3))
    assert [one.day for one in report.history] == ["2026-02-01", "2026-02-02", "2026-02-03"]
    before = report.before(2)
    assert before is not None
    assert before.day == "2026-02-01"
    assert report.before(7) is None


def test_of_repeats_the_last_holds() -> None:
    again = msgspec.structs.replace(days(1)[0], registrations=99)
    assert choose([*days(1), again], None).daily.registrations == 99


def test_a_day_without_a_report_is_said_with_those_that_have_one() -> None:
    with pytest.raises(ReportError, match="no report of 2026-05-01; there are 2026-02-01 to 2026-02-05"):
        choose(days(5), date(2026, 5, 1))
    with pytest.raises(ReportError, match="no daily report yet"):
        choose([], None)


def test_a_file_is_read_and_what_is_no_report_named_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "daily.jsonl", days(3))
    assert read_file(file) == days(3)
    with open(file, "ab") as more:
        more.write(b'\n{"schema":"footfall.visit/1"}\n')
    with pytest.raises(ReportError, match=r"daily\.jsonl, line 5 is no daily report"):
        read_file(file)
    with pytest.raises(ReportError, match="cannot read"):
        read_file(tmp_path / "missing.jsonl")
