"""`footfall report`: from a file and from a topic, as text, as a page, as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli import main
from stream.core import records
from tests.broker.log import create_topic
from tests.broker.log import write as write_topic
from tests.report.days import days, write


def footfall(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, args)])


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "daily.jsonl", days())


def test_in_a_pipe_it_is_plain_text_with_every_figure(file: Path) -> None:
    result = footfall("--from", file)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert all(line == line.rstrip() for line in result.stdout.splitlines())
    text = " ".join(result.stdout.split())
    assert text.startswith("Thursday 2026-03-12 declining: those who churned have outnumbered newcomers")
    assert (
        "1,604 = 1,590 the day before + 24 activated + 5 reactivated + 1 resurrected - 16 lapsed - 0 deleted"
        in text
    )
    assert "registered persons 439 939 1,539 visitors 100 300 800" in text
    assert "silent 600 20.7 %" in text
    assert "medium 200 6.9 %" in text
    assert "New-user ratio 15.9 % +0.7" in text
    assert "Churn rate 14.0 % ±0.0" in text
    assert "all 1,090 981 3,270 25.0 % 3.0 3 min 05 s web 890" in text
    assert "Pseudo-active: 17" in text
    assert "people_by_state.active 1,604 2,000 80.2 % 2026-06-30 (111 days left)" in text


def test_another_day(file: Path) -> None:
    assert footfall("--from", file, "--day", "2026-02-01").stdout.startswith("Sunday 2026-02-01")


def test_ticks_show_days_without_a_report(file: Path) -> None:
    visits = next(
        line
        for line in footfall("--from", file, "--day", "2026-02-02").stdout.splitlines()
        if line.strip().startswith("Visits")
    )
    assert visits.split()[-1] == "·" * 28 + "██"


def test_json_is_the_record(file: Path) -> None:
    result = footfall("--from", file, "--day", "2026-02-02", "--json")
    assert orjson.loads(result.stdout) == orjson.loads(records.encode(days()[1]))


def test_a_page_is_written(file: Path, tmp_path: Path) -> None:
    result = footfall("--from", file, "--html", tmp_path / "report.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "written to" in result.stderr
    assert "<title>Daily report of 2026-03-12</title>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--day", "yesterday"], "got 'yesterday'; takes a date such as 2026-03-01"),
        (["--day", "2027-01-01"], "no report of 2027-01-01; there are 2026-02-01 to 2026-03-12"),
        (["--json", "--html", "x.html"], "exclude each other"),
        (["--html", "missing/x.html"], "cannot write missing/x.html"),
    ],
)
def test_errors_say_what_would_be_right(file: Path, args: list[str], message: str) -> None:
    result = footfall("--from", file, *args)
    assert result.exit_code != 0
    assert message in result.stderr


@pytest.mark.parametrize("broker", ["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def test_from_the_topic_the_same_as_from_a_file(
    request: pytest.FixtureRequest,
    broker: str,
    topic_name: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
) -> None:
    address, prefix = request.getfixturevalue(broker), topic_name("report")
    written = [(daily.day.encode(), records.encode(daily)) for daily in days()]

    async def prepare() -> None:
        await create_topic(address, f"{prefix}.daily", partitions=3)
        await write_topic(address, f"{prefix}.daily", written)

    asyncio.run(prepare())
    monkeypatch.setenv("FOOTFALL_BROKER", address)
    monkeypatch.setenv("FOOTFALL_PREFIX", prefix)
    assert footfall().stdout == footfall("--from", file).stdout


def test_an_empty_topic_is_said(
    tansu: str, topic_name: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = topic_name("report")
    asyncio.run(create_topic(tansu, f"{prefix}.daily", partitions=1))
    monkeypatch.setenv("FOOTFALL_BROKER", tansu)
    monkeypatch.setenv("FOOTFALL_PREFIX", prefix)
    result = footfall()
    assert result.exit_code == 1
    assert "no daily report yet" in result.stderr
