"""`footfall detect` as a user meets it: files, pipes, missing and wrong cells, Ctrl-C."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream.cli.detect import command

LIMIT_S = 60
FOOTFALL = [sys.executable, "-c", "from stream.cli import main; main()", "detect"]
HEADER = "timestamp,value,expected,lower,upper,score,anomaly"
START = datetime(2026, 1, 1, tzinfo=UTC)


def detect(text: str, *options: str) -> Result:
    return CliRunner().invoke(command, ["-", *options], input=text)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def series(count: int, *, spike: int | None = None, seed: int = 1) -> str:
    rng = random.Random(seed)
    lines = [
        f"{(START + timedelta(minutes=5 * i)).isoformat()},{50 + rng.gauss(0, 1) + 40 * (i == spike):.3f}"
        for i in range(count)
    ]
    return "\n".join(["timestamp,value", *lines]) + "\n"


def test_each_row_comes_out_in_its_place_as_it_was_written() -> None:
    text = (
        "host,Value, timestamp \n"
        "a,1.50,2026-01-01 00:00:00\n"
        'b,"2",2026-01-01T00:05:00Z\n'
        "c,3e0,2026-01-01T08:10:00+08:00\n"
        "d,,1767226500\n"
        "e,5,1767226800000\n"
        "f,6,2026-01-01 00:00:00\n"
        "g,7,2026-01-01 00:00:00\n"
        "h,nan,2026-01-02\n"
    )
    result = detect(text)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == HEADER
    assert [(row["timestamp"], row["value"]) for row in rows(result.stdout)] == [
        ("2026-01-01 00:00:00", "1.50"),
        ("2026-01-01T00:05:00Z", "2"),
        ("2026-01-01T08:10:00+08:00", "3e0"),
        ("1767226500", ""),
        ("1767226800000", "5"),
        ("2026-01-01 00:00:00", "6"),
        ("2026-01-01 00:00:00", "7"),
        ("2026-01-02", "nan"),
    ]


def test_a_spike_is_an_anomaly_and_nothing_else_in_the_second_day_is() -> None:
    judged = rows(detect(series(600, spike=500)).stdout)
    assert [i for i, row in enumerate(judged) if row["anomaly"] == "1" and i >= 288] == [500]
    assert float(judged[500]["score"]) >= 0.999
    assert float(judged[500]["lower"]) < float(judged[500]["expected"]) < float(judged[500]["upper"])
    assert float(judged[500]["upper"]) < float(judged[500]["value"])


def test_rows_are_judged_by_those_before_and_nothing_after() -> None:
    text = series(400, spike=300)
    whole = detect(text).stdout.splitlines()
    for count in (1, 5, 12, 13, 31, 301):
        part = "\n".join(text.splitlines()[: count + 1]) + "\n"
        assert detect(part).stdout.splitlines() == whole[: count + 1]


def test_a_missing_value_comes_out_with_what_was_expected_and_no_score() -> None:
    lines = series(50).splitlines()
    for place, missing in ((20, ""), (30, "NaN"), (40, "null")):
        lines[place] = f"{lines[place].split(',')[0]},{missing}"
    out = detect("\n".join(lines) + "\n").stdout.splitlines()
    assert len(out) == len(lines)
    for place, missing in ((20, ""), (30, "NaN"), (40, "null")):
        timestamp, value, expected, lower, upper, score, anomaly = out[place].split(",")
        assert (timestamp, value, score, anomaly) == (lines[place].split(",")[0], missing, "0", "0")
        assert float(lower) <= float(expected) <= float(upper)


def test_the_first_rows_expect_the_value_before() -> None:
    text = "timestamp,value\n" + "".join(f"2026-01-01T00:0{n}:00Z,{v}\n" for n, v in enumerate([5, 9, 7]))
    found = rows(detect(text).stdout)
    assert [row["expected"] for row in found] == ["5", "5", "9"]
    assert [(row["lower"], row["upper"]) for row in found] == [("5", "5"), ("5", "9"), ("5", "9")]


def test_a_higher_sensitivity_finds_less() -> None:
    text = series(3_000)
    found = [
        sum(row["anomaly"] == "1" for row in rows(detect(text, "--sensitivity", sensitivity).stdout))
        for sensitivity in ("0.99", "0.999999")
    ]
    assert found[0] > found[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "standard input is empty; takes a CSV whose first line is `timestamp,value`"),
        ("time,value\n1,1\n", "standard input has no column `timestamp` in its first line, which is `time,"),
        ("timestamp,value,value\n1,1,1\n", "standard input has more than one column `value`"),
        (
            "timestamp,value\n2026-01-01,1\nyesterday,2\n",
            "standard input, line 3: timestamp is 'yesterday'; takes",
        ),
        (
            "timestamp,value\n2026-01-01,1\n\n2026-01-02,many\n",
            "standard input, line 4: value is 'many'; takes a",
        ),
        (
            "timestamp,value\n2026-01-01,inf\n",
            "standard input, line 2: value is 'inf'; takes a finite number",
        ),
        ("timestamp,value\n2026-01-01\n", "standard input, line 2 has 1 cells; takes"),
    ],
)
def test_an_error_names_the_line_and_what_it_takes(text: str, message: str) -> None:
    result = detect(text)
    assert result.exit_code == 1
    assert message in result.stderr


def test_text_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_bytes("timestamp,value\n1,ä\n".encode("latin-1"))
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 1
    assert "is not text in UTF-8" in result.stderr


def test_a_header_alone_gives_a_header() -> None:
    assert detect("timestamp,value\n").stdout == HEADER + "\n"


def test_out_has_what_standard_output_has(tmp_path: Path) -> None:
    path, out = tmp_path / "series.csv", tmp_path / "judged.csv"
    path.write_text("\ufeff" + series(100), encoding="utf-8")
    assert CliRunner().invoke(command, [str(path), "--out", str(out)]).output == ""
    assert out.read_text() == detect(series(100)).stdout


def test_the_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text(series(10))
    result = CliRunner().invoke(command, [str(path), "--out", str(path)])
    assert result.exit_code == 2
    assert "is the file that is read" in result.stderr
    assert path.read_text() == series(10)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text(series(10))
    result = CliRunner().invoke(command, [str(path), "--out", str(tmp_path / "no" / "judged.csv")])
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


@pytest.fixture
def piped() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*FOOTFALL, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # Reading below waits for a line: not for ever.
    limit = threading.Timer(LIMIT_S, process.kill)
    limit.start()
    yield process
    limit.cancel()
    process.kill()
    process.communicate()


def test_a_row_comes_out_of_a_pipe_before_the_next_goes_in(piped: subprocess.Popen[str]) -> None:
    assert piped.stdin is not None
    assert piped.stdout is not None
    lines = series(40).splitlines()
    piped.stdin.write(lines[0] + "\n")
    for line in lines[1:]:
        piped.stdin.write(line + "\n")
        piped.stdin.flush()
        if line is lines[1]:
            assert piped.stdout.readline().strip() == HEADER
        assert piped.stdout.readline().startswith(line)


def test_ctrl_c_ends_it_with_130_and_says_how_far_it_came(piped: subprocess.Popen[str]) -> None:
    assert piped.stdin is not None
    assert piped.stdout is not None
    assert piped.stderr is not None
    piped.stdin.write("timestamp,value\n2026-01-01,1\n")
    piped.stdin.flush()
    piped.stdout.readline()
    piped.stdout.readline()
    piped.send_signal(signal.SIGINT)
    assert piped.wait(LIMIT_S) == 130
    assert piped.stderr.read() == "interrupted after 1 rows\n"


def test_a_reader_that_has_had_enough_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text(series(20_000))
    done = subprocess.run(
        f'"$PYTHON" -c "from stream.cli import main; main()" detect {path} | head -2',
        shell=True,
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")
