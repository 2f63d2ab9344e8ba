"""`footfall simulate` as a user meets it: files, pipes, topics, wrong values, Ctrl-C."""

from __future__ import annotations

import asyncio
import gzip
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import zstandard
from click.testing import CliRunner, Result

from stream.cli.simulate import command
from stream.core.events import read
from tests.broker.log import create_topic
from tests.broker.log import read as read_topic

LIMIT_S = 60
FOOTFALL = [sys.executable, "-c", "from stream.cli import main; main()", "simulate"]


def simulate(*options: str) -> Result:
    return CliRunner().invoke(command, [*options])


def written(path: Path, *options: str) -> bytes:
    result = simulate("--out", str(path), *options)
    assert (result.exit_code, result.output) == (0, "")
    return path.read_bytes()


def test_the_same_options_write_the_same_bytes(tmp_path: Path) -> None:
    options = ("--days", "3", "--users", "200", "--late", "0.1", "--duplicates", "0.1", "--bad", "0.1")
    first = written(tmp_path / "first", *options)
    assert written(tmp_path / "second", *options) == first
    assert written(tmp_path / "third", *options, "--seed", "2") != first


def test_hash_randomization_changes_nothing() -> None:
    options = ["--days", "1", "--users", "100", "--disorder", "0.1"]
    first, second = (
        subprocess.run(
            [*FOOTFALL, *options],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=LIMIT_S,
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second != b""


def test_every_ending_holds_the_same_lines(tmp_path: Path) -> None:
    options = ("--days", "1", "--users", "100")
    plain = written(tmp_path / "events.jsonl", *options)
    assert gzip.decompress(written(tmp_path / "events.jsonl.gz", *options)) == plain
    compressed = written(tmp_path / "events.jsonl.zst", *options)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(compressed) == plain
    assert simulate(*options).stdout_bytes == plain
    for line in plain.splitlines():
        read(line)


def test_compressed_files_are_the_same_bytes_too(tmp_path: Path) -> None:
    options = ("--days", "1", "--users", "50")
    for name in ("events.gz", "events.zst"):
        first = written(tmp_path / name, *options)
        assert written(tmp_path / f"other-{name}", *options) == first


def test_a_file_begins_on_a_fixed_day_unless_told(tmp_path: Path) -> None:
    plain = written(tmp_path / "a", "--days", "1", "--users", "50").splitlines()
    assert {orjson.loads(line)["timestamp"][:10] for line in plain} == {"2026-01-01"}
    told = written(tmp_path / "b", "--days", "2", "--users", "50", "--start", "2020-02-28").splitlines()
    assert {orjson.loads(line)["timestamp"][:10] for line in told} == {"2020-02-28", "2020-02-29"}


def test_events_are_counted_whatever_the_day(tmp_path: Path) -> None:
    lines = written(tmp_path / "a", "--users", "20", "--events", "3000").splitlines()
    assert len(lines) == 3000
    assert orjson.loads(lines[-1])["timestamp"] > "2026-02-15"


def test_days_and_events_stop_at_what_comes_first(tmp_path: Path) -> None:
    lines = written(tmp_path / "a", "--users", "50", "--days", "1", "--events", "100000").splitlines()
    assert 0 < len(lines) < 1_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--late", "1.5"], "--late"),
        (["--users", "0"], "--users"),
        (["--days", "0"], "--days"),
        (["--start", "January"], "%Y-%m-%d"),
        (["--topic", "t"], "--topic needs --broker"),
        (["--broker", "localhost:1", "--out", "x"], "choose one"),
        (["--rate", "5", "--speed", "5"], "choose one"),
        (["--live", "--speed", "2"], "leave out --speed"),
        (["--live", "--start", "2026-01-01", "--days", "3"], "leave out one of them"),
        (["--live", "--start", "2999-01-01"], "it begins now, or before"),
        (["--compression", "gzip", "--out", "x"], "--compression needs --broker"),
        (["--late", "0.6", "--disorder", "0.6"], "together at most 1"),
        (["--duplicates", "0.6", "--bad", "0.4"], "together at most 0.9"),
        (["--growth", "much"], "such as 10% or -2.5%"),
        (["--growth", "-100%"], "such as 10% or -2.5%"),
        (["--bots", "0.95"], "at most 0.9"),
        (["--plant", "flood"], '--plant flood: "flood" is no kind; there are outage'),
        (["--plant", "all", "--days", "7"], "--plant all: needs --days of at least 28"),
        (["--plant", "outage:from=40d"], "--plant outage:from=40d: lies outside of the run"),
        (["--plant", "outage", "--events", "10"], "--plant outage: say when"),
        (["--out", "x", "--truth", "x"], "two files"),
        (["--broker", "localhost:1", "--start", "2999-01-01"], "start earlier"),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_do(options: list[str], said: str) -> None:
    result = simulate(*options)
    assert result.exit_code == 2
    assert said in result.output


def test_the_truth_says_what_was_planted(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    options = ("--days", "3", "--users", "300", "--growth", "-2.5%", "--bots", "0.05", "--truth", str(truth))
    plain = written(tmp_path / "plain", *options)
    assert orjson.loads(truth.read_bytes())["plants"] == []
    plants = (
        "--plant",
        "outage:from=2026-01-02T18:00,for=2h,depth=100%",
        "--plant",
        "promotion:from=1d,for=6h",
    )
    planted = written(tmp_path / "planted", *options, *plants)
    said = orjson.loads(truth.read_bytes())
    assert [plant["kind"] for plant in said["plants"]] == ["promotion", "outage"]
    assert said["plants"][0]["configuration"].startswith("[[campaign]]")
    assert said["plants"][1]["moved"][0] | {"without": 0} == {
        "series": "total",
        "measure": "volume",
        "without": 0,
        "with": 0,
        "change": -1,
    }
    assert said["options"] | {"growth": -0.025, "bots": 0.05, "users": 300} == said["options"]
    lost = {
        orjson.loads(line)["timestamp"][:13] for line in set(plain.splitlines()) - set(planted.splitlines())
    }
    assert lost == {"2026-01-02T18", "2026-01-02T19"}


def test_a_truth_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    out = tmp_path / "events"
    result = simulate("--out", str(out), "--truth", str(tmp_path / "missing" / "truth.json"))
    assert result.exit_code == 1
    assert "missing/truth.json: No such file or directory" in result.output
    assert not out.exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    result = simulate("--out", str(tmp_path / "missing" / "events"), "--days", "1")
    assert result.exit_code == 1
    assert "missing/events: No such file or directory" in result.output


def test_a_broker_that_is_missing_is_named() -> None:
    result = simulate("--broker", "127.0.0.1:1", "--days", "1")
    assert result.exit_code == 1
    assert "no broker answers at 127.0.0.1:1" in result.output


def test_help_teaches_by_examples() -> None:
    result = simulate("--help")
    assert result.exit_code == 0
    assert result.output.count("footfall simulate --") >= 4


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    process = subprocess.Popen(FOOTFALL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(LIMIT_S) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize(
    ("options", "number", "code"),
    [
        (["--rate", "1000"], signal.SIGINT, 130),
        (["--rate", "1000"], signal.SIGTERM, 0),
        (["--live", "--days", "1"], signal.SIGINT, 0),
    ],
)
def test_a_signal_ends_it_with_whole_lines(options: list[str], number: int, code: int) -> None:
    process = subprocess.Popen([*FOOTFALL, *options], stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait(LIMIT_S) == code
    for line in (first + rest).splitlines():
        read(line)
    assert rest.endswith(b"\n")


def test_a_file_cut_short_by_ctrl_c_is_a_whole_file(tmp_path: Path) -> None:
    path, truth = tmp_path / "events.jsonl.gz", tmp_path / "truth.json"
    options = ["--users", "5000", "--days", "3000", "--plant", "outage:from=1h,for=1h"]
    process = subprocess.Popen([*FOOTFALL, "--out", str(path), "--truth", str(truth), *options])
    while not path.exists() or path.stat().st_size < 10_000:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_S) == 130
    for line in gzip.decompress(path.read_bytes()).splitlines():
        read(line)
    [outage] = orjson.loads(truth.read_bytes())["plants"]
    assert outage["moved"]


def test_a_topic_gets_the_days_that_end_with_yesterday(tansu: str, topic_name: Callable[[str], str]) -> None:
    topic = topic_name("simulate")
    asyncio.run(create_topic(tansu, topic, partitions=2))
    result = simulate("--broker", tansu, "--topic", topic, "--days", "2", "--users", "100", "--bad", "0.5")
    assert (result.exit_code, result.output) == (0, "")
    log = asyncio.run(read_topic(tansu, topic))
    pages = [record.value for record in log if record.value and record.value.startswith(b'{"type":"page"')]
    found = Counter(value.partition(b'"timestamp":"')[2][:10].decode() for value in pages)
    today = datetime.now(UTC).date()
    assert {str(today - timedelta(days=ago)) for ago in (1, 2)} <= set(found)
    assert str(today) not in found
    assert any(record.value is None for record in log)
