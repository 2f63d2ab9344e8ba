"""`footfall replay`: what a person sees, and what is left when it is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream.cli import main
from tests.replay.streams_of_events import DAY, MINUTE, contents, event, product, records, write

WITHIN_S = 20


def footfall(*args: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, args)], input=stdin)


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_summary_on_standard_error_only(tmp_path: Path) -> None:
    file = write(tmp_path / "events.jsonl", product())
    result = footfall(file, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert f"{len(product()):,} events in" in result.stderr
    assert f"{len(product()):,} applied" in result.stderr
    assert "30 registered" in result.stderr
    engagement = next(line for line in result.stderr.splitlines() if line.startswith("  engagement"))
    windows = sum(row["series"] == "total" for row in records(tmp_path / "out", "engagement"))
    days = len(records(tmp_path / "out", "daily"))
    assert f"{windows:,} windows, 0 incidents opened, {days} days reported" in engagement
    assert windows > 40_000
    assert "note:" not in result.stderr


def test_standard_input_gives_what_the_file_gives(tmp_path: Path) -> None:
    file = write(tmp_path / "events.jsonl", product())
    footfall(file, "--out", tmp_path / "file")
    assert footfall("-", "--out", tmp_path / "pipe", stdin=Path(file).read_bytes()).exit_code == 0
    assert contents(tmp_path / "pipe") == contents(tmp_path / "file")


def test_most_dead_letters_are_explained_with_an_example(tmp_path: Path) -> None:
    values = [b"id;name", b"1;x", b"2;y", b'{"type":"track"}', event(1, "u", 0)]
    result = footfall(write(tmp_path / "table.txt", values), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "3 dead letters not_json, the first at 0: not JSON" in result.stderr
    assert "id;name" in result.stderr
    assert "1 dead letter missing_field" in result.stderr
    assert "--format csv" in result.stderr


def test_many_late_events_are_explained(tmp_path: Path) -> None:
    values = [event(0, "u", 0), *(event(n, "u", -n * DAY) for n in range(1, 10))]
    file = write(tmp_path / "events", values)
    result = footfall(file, "--out", tmp_path / "out")
    assert "90% of the events were late, half of them by more than 4 days" in result.stderr
    assert "the latest by 8 days" in result.stderr
    assert "--sort" in result.stderr
    assert "were late" not in footfall(file, "--out", tmp_path / "out", "--sort").stderr


def test_visitors_without_user_are_explained(tmp_path: Path) -> None:
    values = [event(n, "", n * MINUTE, userId=None, anonymousId="a") for n in range(3)]
    result = footfall(write(tmp_path / "events", values), "--out", tmp_path / "out")
    assert "no event had a userId" in result.stderr


def test_csv(tmp_path: Path) -> None:
    table = tmp_path / "orders.txt"
    table.write_bytes(b" customer  date  n  total\n 02 19970112 1 12.00\n 01 19970101 2 11.77\n")
    result = footfall(
        table,
        *("--out", tmp_path / "out", "--format", "csv", "--sort", "--csv-delimiter", "whitespace"),
        *("--csv-time-format", "%Y%m%d", "--csv-time-zone", "America/New_York"),
        *("--csv-columns", "userId=customer,timestamp=date,event==Order Completed,properties.total=total"),
        *("--until", "1997-06-01"),
    )
    assert result.exit_code == 0, result.output
    visits = records(tmp_path / "out", "visits")
    assert [(visit["person"], visit["start"]) for visit in visits] == [
        ("01", "1997-01-01T05:00:00.000Z"),
        ("02", "1997-01-12T05:00:00.000Z"),
    ]


def test_access_log(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Firefox"\n'
        '192.0.2.1 - ann [17/May/2015:10:06:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Firefox"\n'
        "broken\n"
    )
    result = footfall(log, "--out", tmp_path / "out", "--format", "access-log", "--until", "2015-05-18")
    assert result.exit_code == 0, result.output
    assert {visit["person"] for visit in records(tmp_path / "out", "visits")} == {
        "anonymous:192.0.2.1",
        "ann",
    }
    assert [letter["value"] for letter in records(tmp_path / "out", "dead-letters")] == ["broken"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--partitions", "2", "--partitioned"], "exclude each other"),
        (["--until", "soon"], "got 'soon'; takes a time such as"),
        (["--format", "csv"], "timestamp=COLUMN"),
        (["--csv-columns", "userId=a"], "goes with --format csv"),
        (["--format", "csv", "--csv-columns", "user=a"], "'user' is no field"),
        (
            ["--format", "csv", "--csv-columns", "userId=a,timestamp=b,event==E", "--csv-delimiter", "ab"],
            "takes one character, tab or whitespace",
        ),
        (
            ["--format", "csv", "--csv-columns", "userId=a,timestamp=b,event==E", "--csv-encoding", "utf-16"],
            "takes utf-8",
        ),
        (
            ["--format", "csv", "--csv-columns", "userId=a,timestamp=b,event==E", "--csv-time-zone", "Mars"],
            "takes a zone such as",
        ),
        (["--config", "none.toml"], "none.toml"),
    ],
)
def test_wrong_options_say_what_would_be_right(tmp_path: Path, args: list[str], message: str) -> None:
    file = write(tmp_path / "events.jsonl", product())
    result = footfall(file, "--out", tmp_path / "out", *args)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    result = footfall(tmp_path / "none.jsonl", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "none.jsonl: No such file" in result.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_leaves_the_folder_as_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [Path(sys.executable).with_name("footfall"), "replay", "-", "--out", out],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(b"\n".join(product()))
        process.stdin.flush()
        deadline = time.monotonic() + WITHIN_S
        while not (out / "people.jsonl.part").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=WITHIN_S)
    finally:
        process.kill()
    assert process.returncode == code
    assert not out.exists()
    if number == signal.SIGINT:
        assert b"nothing of this replay was kept" in said
