"""The benchmark beside other stream processors: what it measures, judges and writes, and what it survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from rich.console import Console

from bench.versus.__main__ import main, options
from bench.versus.contest import Contest, share_of
from bench.versus.job import PEERS, Job, Peer, PeerError, SlowError, find
from bench.versus.kafka import Kafka
from bench.versus.oracle import Difference, Expected, Visit
from bench.versus.plots import draw, plot
from bench.versus.results import Results
from bench.versus.run import Limits, Process, Run, run, visit_of
from bench.versus.said import Said
from bench.versus.steady import Sample, Steady, steady
from bench.versus.table import table
from bench.versus.tree import used
from stream.broker import cache_folder

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_peer.py")
CORES = sorted(os.sched_getaffinity(0))
EVENTS = 3_000


def test_the_rate_leaves_out_the_start_and_the_end() -> None:
    """Ten seconds at 1,000/s with 0.5 s of CPU each, after a slow start and before a slow end."""
    start = [Sample(second, 0, 5.0) for second in range(20)]
    flow = [Sample(20 + second, 500 + 1_000 * second, 10 + 0.5 * second) for second in range(10)]
    end = [Sample(60, 10_000, 40.0)]
    found = steady([*start, *flow, *end], 10_000)
    assert found == Steady(1_000.0, 500.0, 21, 29, 8_000)


def test_between_commits_nothing_is_known() -> None:
    """Looks that see no progress neither begin nor end the span."""
    looks = [Sample(step / 4, 1_000 * (step // 4), step / 8) for step in range(4, 60)]
    found = steady(looks, 16_000)
    assert found is not None
    assert found.events_per_s == 1_000


def test_a_short_run_is_judged_from_its_first_step_to_its_last_and_one_step_not_at_all() -> None:
    assert steady([Sample(0, 0, 0), Sample(3, 500, 1), Sample(4, 1_000, 2)], 1_000) == Steady(
        500, 2_000, 3, 4, 500
    )
    assert steady([Sample(0, 0, 0), Sample(3, 1_000, 1)], 1_000) is None


def test_processor_time_and_memory_are_those_of_the_whole_tree() -> None:
    """Children, and children's children that have ended, as long as somebody has waited for them."""
    program = """
import subprocess, sys
burning = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burning])
holding = "held = b'x' * 60_000_000; print(1, flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE)
print(2, flush=True)
input()
child.communicate(b"\\n")
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert sorted(process.stdout.readline() for _ in range(2)) == [b"1\n", b"2\n"]
        found = used(process.pid)
        process.communicate(b"\n")
    assert 0.3 <= found.cpu_s < 2
    assert found.rss_mib > 57
    assert len(found.pids) == 2


def test_published_visits_are_read_in_either_form() -> None:
    peers = (
        b'{"person":"a","start":1735776000000,"end":1735776001500,"events":2,'
        b'"key_events":{"B":1,"A":2,"C":0}}'
    )
    ours = (
        b'{"person":"a","start":"2025-01-02T00:00:00.000Z","end":"2025-01-02T00:00:01.500Z","events":2,'
        b'"key_events":{"A":2,"B":1},"engaged":true}'
    )
    assert visit_of(peers) == visit_of(ours)
    assert visit_of(ours) == Visit("a", 1_735_776_000_000, 1_735_776_001_500, 2, (("A", 2), ("B", 1)))
    with pytest.raises(PeerError, match="is no visit"):
        visit_of(b'{"person":"a"}')


RIGHT = Difference(0, 0, 0)


def made(name: str, rate: float, *, difference: Difference = RIGHT, **more: Any) -> Run:
    return Run(
        name=name,
        events=1_000,
        read=1_000,
        seconds=10.0,
        first_progress_s=2.0,
        cpu_s=5.0,
        peak_rss_mib=100.4,
        steady=Steady(rate, 12.345, 2.0, 9.0, 900),
        visits=7,
        difference=difference,
        **more,
    )


WANTED = Expected(Counter({Visit("a", 0, 0, 1, ()): 1}), 3, 4)


def filled(path: Path) -> Results:
    results = Results({"date": "2025-01-02"}, path)
    for name in ("footfall", "faust", "flink"):
        results.expect(name, events=1_000, versions={"it": "1.0"}, wanted=WANTED)
    for rate in (30_000.4, 10_000, 20_000):
        results.add(made("footfall", rate, bad=3, late=4))
    results.add(made("faust", 2_000, difference=Difference(0, 0, 5)))
    results.fail("flink", "it ended with 1\nand said much")
    return results


def test_results_are_medians_with_their_spread_and_all_runs(tmp_path: Path) -> None:
    results = filled(tmp_path / "latest.json")
    read = orjson.loads((tmp_path / "latest.json").read_bytes())
    footfall, faust, flink = read["results"]
    assert footfall["name"] == "footfall"
    assert footfall["events_per_s"] == 20_000
    assert footfall["spread"]["events_per_s"] == {"min": 10_000, "median": 20_000, "max": 30_000}
    assert footfall["cpu_s_per_million"] == 12.35
    assert footfall["peak_rss_mib"] == 100
    assert footfall["correct"]
    assert [run["events_per_s"] for run in footfall["runs"]] == [30_000, 10_000, 20_000]
    assert faust["correct"]
    assert faust["runs"][0]["repeated"] == 5
    assert flink["events_per_s"] is None
    assert flink["failed"] == ["it ended with 1\nand said much"]
    assert not results.all_right


def test_a_wrong_count_of_bad_or_late_is_wrong(tmp_path: Path) -> None:
    results = Results({}, tmp_path / "latest.json")
    results.expect("footfall", events=1_000, versions={}, wanted=WANTED)
    results.add(made("footfall", 1_000, bad=3, late=4))
    assert results.all_right
    results.add(made("footfall", 1_000, bad=3, late=5))
    assert not results.all_right


def test_the_table_says_who_was_right_and_who_failed_and_why(tmp_path: Path) -> None:
    results = filled(tmp_path / "latest.json")
    results.add(made("faust", 2_500, difference=Difference(2, 1, 0)))
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(table(results.rows))
    said = console.export_text()
    assert "20,000 (10,000 – 30,000)" in said
    assert "2 missing, 1 extra, 5 repeated" in said
    assert "failed: it ended with 1" in said
    assert "0.11" in said  # faust against footfall


def test_plots_are_svg_that_tells_its_figures(tmp_path: Path) -> None:
    written = draw(filled(tmp_path / "latest.json").rows, tmp_path)
    assert {path.suffix for path in written} == {".svg"}
    for path in written:
        text = path.read_text()
        assert "<title>" in text
        assert "footfall" in text
    text = (tmp_path / "versus-events-per-s.svg").read_text()
    assert "20,000" in text
    assert "other visits than expected" not in text


def test_a_plot_marks_who_was_wrong(tmp_path: Path) -> None:
    results = Results({}, tmp_path / "latest.json")
    results.expect("faust", events=1_000, versions={}, wanted=WANTED)
    results.add(made("faust", 2_000, difference=Difference(1, 0, 0)))
    text = plot(results.rows, "events_per_s", "Events")
    assert "faust *" in text
    assert "* published other visits than expected" in text


@pytest.mark.parametrize(
    ("enough", "share"),
    [(5_000_000, 2_000_000), (1_500_000, 2_000_000), (1_400_000, 1_000_000), (180_000, 250_000), (1, 1_000)],
)
def test_a_slow_one_gets_the_share_of_the_input_that_is_nearest_to_enough(enough: int, share: int) -> None:
    assert share_of(2_000_000, enough=enough) == share


def test_the_command_line_is_forgiving_and_clear(capsys: pytest.CaptureFixture[str]) -> None:
    assert options([]).peers == PEERS
    assert options(["--peers", "all"]).peers == PEERS
    assert options(["--peers", ""]).peers == options(["--peers", "none"]).peers == ()
    assert options(["--peers", "flink,faust", "--events", "2_000_000"]).peers == ("flink", "faust")
    for arguments, said in (
        (["--peers", "storm"], "there is no peer storm: take all, none, or some of faust, quixstreams"),
        (["--events", "10"], "at least 1,000"),
        (["--events", "many"], "invalid whole number value: 'many'"),
        (["--peers", "none", "--without-footfall"], "nothing to measure"),
    ):
        with pytest.raises(SystemExit):
            options(arguments)
        assert said in capsys.readouterr().err


def test_without_java_it_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert main(["--peers", "none"]) == 2
    assert "there is no java on the path" in capsys.readouterr().err


def test_a_peer_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(PeerError, match=r"bench/peers/no_such/peer\.py can't be imported"):
        find("no-such")


def test_messages_with_brackets_are_told_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with Said() as said:
        said.step("[Errno 2] no [/such] file", style="red")
        said.now("[/odd]")
    assert "[Errno 2] no [/such] file" in capsys.readouterr().err


def test_a_process_is_gone_with_all_its_children(tmp_path: Path) -> None:
    program = (
        "import subprocess as s, time; s.Popen(['sleep', '600']); print('up', flush=True); time.sleep(600)"
    )
    with Process([sys.executable, "-c", program], {}, CORES[:1], tmp_path) as process:
        deadline_s = time.monotonic() + 20
        while "up" not in process.last_words() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.look()
        pids = process._pids
        assert len(pids) == 2
        assert all(os.sched_getaffinity(pid) == {CORES[0]} for pid in pids)
    wait_until_gone(pids)


def wait_until_gone(pids: Sequence[int]) -> None:
    deadline_s = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Not even a zombie that only its parent could end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_progress_is_the_last_whole_line_that_says_so(tmp_path: Path) -> None:
    process = Process([], {}, CORES, tmp_path)
    process.log.write_bytes(b"hello\nprogress 12\nprogress 3")
    assert process.printed() == 12
    with process.log.open("ab") as log:
        log.write(b"45\nprogress made\n")
    assert process.printed() == 345
    assert "hello" in process.last_words()


# With a Kafka.


def toy(behaviour: str, progress: str = "commits", *, name: str = "toy") -> Peer:
    module = ModuleType(name)

    def command(cache: Path, job: Job) -> tuple[list[str], dict[str, str]]:
        places = [job.bootstrap, job.input_topic, job.output_topic, job.group]
        return [sys.executable, str(TOY), *places, behaviour, progress], {"PYTHONPATH": str(ROOT)}

    vars(module).update(EXPECTED_PER_S=100_000, prepare=lambda cache, tell: None, command=command)
    return Peer(name, module)


@pytest.fixture
async def client(kafka: str) -> AsyncIterator[Kafka]:
    async with Kafka(kafka) as client:
        yield client


@pytest.fixture
def contest(
    client: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topic_name: Callable[[str], str]
) -> Contest:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Names of its own: the broker is shared with other tests.
    monkeypatch.setattr("bench.versus.contest._input_topic", lambda events: f"{stem}-{events}")
    stem = topic_name("versus-input")
    given = options(["--events", str(EVENTS), "--rounds", "1", "--out", str(tmp_path / "latest.json")])
    results = Results({}, given.out)
    return Contest(given, results, Said(), client, tmp_path, tmp_path / "kept", CORES[-1:])


@pytest.mark.kafka
async def test_one_that_fails_or_errs_is_told_of_and_the_others_are_measured(
    contest: Contest, client: Kafka, tmp_path: Path
) -> None:
    peers = [
        toy("right"),
        toy("right", "prints", name="talkative"),
        toy("dies", name="mortal"),
        toy("wrong", name="liar"),
    ]
    await contest.load(peers)
    before = await client.topics()
    for peer in peers:
        await contest.run(peer, 1)
    rows = {row["name"]: row for row in orjson.loads((tmp_path / "latest.json").read_bytes())["results"]}
    for name in ("toy", "talkative"):
        assert rows[name]["correct"], rows[name]
        assert rows[name]["events_per_s"] > 0
        assert rows[name]["peak_rss_mib"] > 10
        assert rows[name]["runs"][0]["visits"] == rows[name]["expected"]["visits"] > 100
    assert not rows["mortal"]["correct"]
    assert "ended with 1 after" in rows["mortal"]["failed"][0]
    assert "no more, says the toy" in rows["mortal"]["failed"][0]
    liar = rows["liar"]["runs"][0]
    assert (liar["missing"], liar["extra"], liar["repeated"]) == (1, 1, 1)
    assert not rows["liar"]["correct"]
    assert await client.topics() == before


@pytest.mark.kafka
async def test_one_that_stands_still_is_given_up(
    contest: Contest, client: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    peer = toy("stalls")
    await contest.load([peer])
    (source,) = [topic for topic in await client.topics() if topic.endswith(f"-{EVENTS}")][-1:]
    output = topic_name("versus-output")
    await client.create(output, 1)
    (tmp_path / "state").mkdir()
    job = Job(
        bootstrap=client.address,
        input_topic=source,
        output_topic=output,
        partitions=8,
        group=output,
        state_dir=tmp_path / "state",
    )
    with pytest.raises(SlowError, match="no progress for 2 s after"):
        await run(
            peer,
            job,
            client,
            WANTED,
            events=EVENTS,
            cores=CORES[-1:],
            cache=tmp_path,
            limits=Limits(stalled_s=2.0),
        )


@pytest.mark.kafka
async def test_footfall_itself_publishes_what_the_oracle_expects(contest: Contest, tmp_path: Path) -> None:
    """Visits, and how many records are bad and late; while its metrics are being fetched."""
    footfall = find("footfall")
    await contest.load([footfall])
    await contest.run(footfall, 1)
    (row,) = orjson.loads((tmp_path / "latest.json").read_bytes())["results"]
    assert row["failed"] == []
    assert row["correct"], row
    (told,) = row["runs"]
    assert told["bad"] == row["expected"]["bad"]
    assert told["late"] == row["expected"]["late"] > 10
    assert told["repeated"] == 0
    assert row["versions"]["faust-streaming"]


@pytest.mark.kafka
def test_ctrl_c_ends_everything_and_keeps_what_was_measured(kafka: str, tmp_path: Path) -> None:
    """In the middle of a run: the broker, the worker and their folders are gone."""
    out = tmp_path / "latest.json"
    # Nothing must be left of it but the cache.
    environ = os.environ | {"XDG_CACHE_HOME": str(cached_kafka(tmp_path)), "TMPDIR": str(tmp_path / "made")}
    (tmp_path / "made").mkdir()
    argv = [sys.executable, "-m", "bench.versus", "--peers", "none", "--events", "1000", "--out", str(out)]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        try:
            deadline_s = time.monotonic() + 60
            while not [*tmp_path.glob("made/*/footfall-1/said.log")]:
                assert time.monotonic() < deadline_s
                time.sleep(0.02)
            pids = used(process.pid).pids
            assert len(pids) >= 3
            process.send_signal(signal.SIGINT)
            said = process.stderr.read()
            assert process.wait() == 130
        finally:
            process.kill()
    assert "Interrupted; what had been measured is in" in said
    assert orjson.loads(out.read_bytes())["results"][0]["name"] == "footfall"
    wait_until_gone(pids)
    assert [*(tmp_path / "made").iterdir()] == []


def cached_kafka(folder: Path) -> Path:
    """A cache of its own that has Kafka's jars."""
    cache = folder / "cache"
    (cache / "footfall").mkdir(parents=True)
    (cache / "footfall" / cache_folder().name).symlink_to(cache_folder())
    return cache
