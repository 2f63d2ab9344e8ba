"""Replay: the same bytes for the same content, however it comes, and the folder whole or untouched."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from stream.core.definition import Definition, Engagement
from stream.core.partitioner import partition_for
from stream.core.times import format_ms
from stream.replay import Input, Progress, ReplayError, SourceError, Summary, replay
from stream.replay.outputs import NAMES
from stream.sources.segment import SegmentFormat
from tests.replay.streams_of_events import DAY, MINUTE, START_MS, contents, event, product, records, write

# Weeks of minutes take longer to judge than to read, and say no more here.
DEFINITION = Definition(engagement=Engagement(window_ms=60 * MINUTE))


def run(
    files: list[str],
    out: Path,
    *,
    partitions: int = 1,
    partitioned: bool = False,
    sort: bool = False,
    until_ms: int | None = None,
    force: bool = False,
) -> Summary:
    source = Input(
        files=tuple(files),
        format=SegmentFormat(),
        topic="app-events",
        partitions=partitions,
        partitioned=partitioned,
        sort=sort,
    )
    return replay(source, out, DEFINITION, until_ms=until_ms, force=force)


@pytest.fixture
def plain(tmp_path: Path) -> str:
    return write(tmp_path / "events.jsonl", product())


def test_every_file_is_written(tmp_path: Path, plain: str) -> None:
    summary = run([plain], tmp_path / "out")
    written = contents(tmp_path / "out")
    assert set(written) == {f"{name}.jsonl" for name in NAMES}
    assert {name for name, content in written.items() if not content} <= {
        "incidents.jsonl",
        "late.jsonl",
        "dead-letters.jsonl",
    }
    assert summary.events == summary.applied == len(product())
    assert summary.visits == len(records(tmp_path / "out", "visits"))
    assert summary.transitions.total() == len(records(tmp_path / "out", "transitions"))
    people = records(tmp_path / "out", "people")
    assert summary.people.total() == len(people) == 30
    assert [person["person"] for person in people] == sorted(person["person"] for person in people)
    of_total = [row for row in records(tmp_path / "out", "engagement") if row["series"] == "total"]
    assert summary.windows == len(of_total)
    assert summary.days == len(records(tmp_path / "out", "daily"))
    opened = [one for one in records(tmp_path / "out", "incidents") if one["status"] == "opened"]
    assert summary.incidents == len(opened)


def test_compression_and_files_do_not_show(tmp_path: Path, plain: str) -> None:
    events = product()
    content = Path(plain).read_bytes()
    run([plain], tmp_path / "out")
    expected = contents(tmp_path / "out")
    (tmp_path / "gz").write_bytes(gzip.compress(content))
    (tmp_path / "zst").write_bytes(zstandard.compress(content))
    halves = [write(tmp_path / "a", events[:500]), write(tmp_path / "b", events[500:])]
    for number, files in enumerate(([str(tmp_path / "gz")], [str(tmp_path / "zst")], halves, [plain])):
        run(files, tmp_path / f"out{number}")
        assert contents(tmp_path / f"out{number}") == expected


@pytest.mark.parametrize("partitions", [2, 8])
def test_partitions_give_the_same_records(tmp_path: Path, plain: str, partitions: int) -> None:
    run([plain], tmp_path / "one")
    run([plain], tmp_path / "several", partitions=partitions)
    one, several = contents(tmp_path / "one"), contents(tmp_path / "several")
    assert several["people.jsonl"] == one["people.jsonl"]
    for name in ("visits.jsonl", "transitions.jsonl"):
        assert sorted(several[name].splitlines()) == sorted(one[name].splitlines())
    for name in ("engagement.jsonl", "incidents.jsonl", "daily.jsonl"):
        assert several[name] == one[name]


def test_every_event_is_in_one_window_of_the_product(tmp_path: Path, plain: str) -> None:
    summary = run([plain], tmp_path / "out", until_ms=START_MS + 41 * DAY)
    rows = records(tmp_path / "out", "engagement")
    total = [row for row in rows if row["series"] == "total"]
    assert {row["status"] for row in rows} == {"final"}
    assert sum(row["events"] for row in total) == summary.applied
    assert sum(row["visits"] for row in total) == summary.visits
    starts = [row["start"] for row in total]
    assert starts == [format_ms(START_MS + hour * 60 * MINUTE) for hour in range(len(total))]
    assert total[-1]["end"] == format_ms(START_MS + 41 * DAY)
    assert len({row["window_id"] for row in rows}) == len(rows)


def test_windows_that_end_by_the_last_event_are_over(tmp_path: Path) -> None:
    values = [event(number, "u-1", number * 60 * MINUTE) for number in range(3)]
    run([write(tmp_path / "events", values)], tmp_path / "out")
    total = [row for row in records(tmp_path / "out", "engagement") if row["series"] == "total"]
    assert [row["events"] for row in total] == [1, 1]


def test_input_that_is_not_keyed_has_the_same_windows_and_days(tmp_path: Path, plain: str) -> None:
    run([plain], tmp_path / "keyed")
    unkeyed = Definition(keyed=False, engagement=DEFINITION.engagement)
    source = Input(files=(plain,), format=SegmentFormat(), topic="app-events", partitions=3)
    replay(source, tmp_path / "unkeyed", unkeyed)
    for name in ("engagement", "daily"):
        keyed, other = records(tmp_path / "keyed", name), records(tmp_path / "unkeyed", name)
        assert keyed
        for record in (*keyed, *other):
            del record["definition"]
        assert other == keyed


def test_a_partition_without_events_holds_no_window_back(tmp_path: Path) -> None:
    values = [event(number, "u-1", number * 60 * MINUTE) for number in range(30)]
    run([write(tmp_path / "events", values)], tmp_path / "out", partitions=8)
    total = [row for row in records(tmp_path / "out", "engagement") if row["series"] == "total"]
    assert [row["events"] for row in total] == [1] * 29


def test_a_file_a_partition_gives_what_the_partitioner_gives(tmp_path: Path, plain: str) -> None:
    split: list[list[bytes]] = [[], [], []]
    for value in product():
        person = value.split(b'"userId":"')[1].split(b'"')[0]
        split[partition_for(person, 3)].append(value)
    files = [write(tmp_path / f"{number}.jsonl", values) for number, values in enumerate(split)]
    run([plain], tmp_path / "routed", partitions=3)
    run(files, tmp_path / "partitioned", partitioned=True)
    routed, partitioned = contents(tmp_path / "routed"), contents(tmp_path / "partitioned")
    assert partitioned["people.jsonl"] == routed["people.jsonl"]
    assert sorted(partitioned["visits.jsonl"].splitlines()) == sorted(routed["visits.jsonl"].splitlines())


def test_late_and_dead_letters_carry_the_partition_and_offset_of_a_topic(tmp_path: Path) -> None:
    values = [event(n, f"u-{n}", n * MINUTE) for n in range(20)]
    values += [event(20, "u-3", -DAY), b"no json"]
    run([write(tmp_path / "events", values)], tmp_path / "out", partitions=4)
    (late,) = records(tmp_path / "out", "late")
    home = partition_for(b"u-3", 4)
    before = sum(partition_for(f"u-{n}".encode(), 4) == home for n in range(20))
    assert (late["topic"], late["partition"], late["offset"]) == ("app-events", home, before)
    (dead,) = records(tmp_path / "out", "dead-letters")
    assert (dead["partition"], dead["value"]) == (0, "no json")


def test_future_is_judged_over_all_partitions_in_order(tmp_path: Path) -> None:
    """A day of silence in one partition is none of the stream: its next event is no dead letter."""
    values = [event(n, f"u-{n % 3}", n * 20 * 60 * MINUTE, receivedAt=None) for n in range(30)]
    file = write(tmp_path / "events", [*values, event(99, "u-1", 90 * DAY, receivedAt=None)])
    for partitions in (1, 2, 8):
        summary = run([file], tmp_path / f"out{partitions}", partitions=partitions)
        assert summary.dead == {"future": 1}


def test_the_watermark_ends_at_the_last_event_or_at_until(tmp_path: Path) -> None:
    file = write(tmp_path / "events", [event(1, "u-1", 0), event(2, "u-2", 31 * MINUTE)])
    run([file], tmp_path / "last")
    assert [visit["person"] for visit in records(tmp_path / "last", "visits")] == ["u-1"]
    run([file], tmp_path / "until", until_ms=START_MS + 40 * DAY)
    assert len(records(tmp_path / "until", "visits")) == 2
    assert {person["state"] for person in records(tmp_path / "until", "people")} == {"silent"}


def test_sort_makes_late_events_timely(tmp_path: Path) -> None:
    events = product()
    shuffled = write(tmp_path / "shuffled", [b"no json", *events[::-1]])
    assert run([shuffled], tmp_path / "unsorted").late > 0
    summary = run([shuffled], tmp_path / "sorted", sort=True)
    assert (summary.late, summary.applied, summary.dead) == (0, len(events), {"not_json": 1})
    run([write(tmp_path / "events", events)], tmp_path / "expected")
    assert (tmp_path / "sorted" / "visits.jsonl").read_bytes() == (
        tmp_path / "expected" / "visits.jsonl"
    ).read_bytes()


def test_summary_has_an_example_of_each_dead_letter_and_how_late_the_late_were(tmp_path: Path) -> None:
    values = [event(1, "u-1", 0), b"{", event(2, "u-1", -60 * MINUTE), b"[1]", b"}", event(1, "u-1", 0)]
    summary = run([write(tmp_path / "events", values)], tmp_path / "out")
    assert (summary.applied, summary.late, summary.duplicate) == (1, 1, 1)
    assert summary.dead == {"not_json": 2, "not_object": 1}
    assert {reason: letter.value for reason, letter in summary.dead_examples.items()} == {
        "not_json": "{",
        "not_object": "[1]",
    }
    assert summary.late_by_ms == [50 * MINUTE]
    assert summary.newest is not None
    assert format_ms(summary.newest) == "2026-03-01T08:00:00.000Z"


def test_a_folder_of_other_things_is_refused_unless_forced(tmp_path: Path, plain: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ReplayError, match=r"thesis\.txt.*--force"):
        run([plain], out)
    assert contents(out) == {"thesis.txt": b"years of work"}
    run([plain], out, force=True)
    assert (out / "thesis.txt").read_text() == "years of work"
    assert (out / "visits.jsonl").read_bytes()


def test_an_earlier_replay_is_overwritten_only_by_a_complete_one(tmp_path: Path, plain: str) -> None:
    out = tmp_path / "out"
    run([plain], out)
    before = contents(out)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(Path(plain).read_bytes())[:-20])
    with pytest.raises(SourceError):
        run([str(broken)], out)
    assert contents(out) == before
    run([write(tmp_path / "one", product()[:1])], out)
    assert set(contents(out)) == set(before)
    assert contents(out) != before


def test_a_failed_replay_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.jsonl"):
        run([str(tmp_path / "missing.jsonl")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_reading_what_would_be_written_is_refused(tmp_path: Path, plain: str) -> None:
    run([plain], tmp_path / "out")
    with pytest.raises(ReplayError, match="both read and written"):
        run([str(tmp_path / "out" / "late.jsonl")], tmp_path / "out")


def test_progress_ends_at_the_size_on_disk(tmp_path: Path, plain: str) -> None:
    packed = tmp_path / "events.gz"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    seen: list[tuple[int, int, int | None]] = []

    def on_progress(progress: Progress) -> None:
        seen.append((progress.events, progress.bytes_read, progress.size))

    source = Input(files=(str(packed), plain), format=SegmentFormat(), topic="app-events")
    replay(source, tmp_path / "out", DEFINITION, on_progress=on_progress)
    size = packed.stat().st_size + Path(plain).stat().st_size
    assert seen[-1] == (2 * len(product()), size, size)


def test_input_that_is_not_keyed_joins_across_partitions_and_judges_each_by_itself(tmp_path: Path) -> None:
    seen = {"userId": None, "anonymousId": "a1"}
    join = {"type": "identify", "event": None, "anonymousId": "a1"}
    fast = [event(0, "ada", 0, "Product Viewed", **seen), event(1, "ada", MINUTE, **join)]
    fast.append(event(2, "bob", 3 * DAY))
    slow = [event(3, "eve", 0), event(4, "eve", DAY), event(5, "eve", DAY - 5 * MINUTE)]
    files = [write(tmp_path / "fast.jsonl", fast), write(tmp_path / "slow.jsonl", slow)]
    source = Input(files=tuple(files), format=SegmentFormat(), topic="app-events", partitioned=True)
    summary = replay(source, tmp_path / "out", Definition(keyed=False))
    assert (summary.applied, summary.late, summary.joined, summary.unjoined) == (6, 0, 1, 0)
    visits = [(visit["person"], visit["events"]) for visit in records(tmp_path / "out", "visits")]
    assert sorted(visits) == [("ada", 2), ("eve", 1), ("eve", 2)]
    assert [person["person"] for person in records(tmp_path / "out", "people")] == ["ada", "bob", "eve"]
