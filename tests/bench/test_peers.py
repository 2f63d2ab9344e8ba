"""The Python peers of the benchmark: what they share with the harness, and what they do without a broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.input import generate
from bench.versus.job import Job, find
from bench.versus.oracle import event_of

PEERS = Path(__file__).parents[2] / "bench" / "peers"
NAMES = ("faust", "quixstreams", "quixstreams-by-key", "bytewax", "pathway")


def folder(name: str) -> str:
    return name.replace("-", "_")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Imports as a peer's process has them."""
    monkeypatch.syspath_prepend(str(PEERS / "shared"))
    yield
    for name in ("peer_job", "shop_event", "app"):
        sys.modules.pop(name, None)


def job(tmp_path: Path) -> Job:
    return Job(
        bootstrap="127.0.0.1:9092",
        input_topic="events",
        output_topic="visits",
        partitions=8,
        group="a-run",
        state_dir=tmp_path,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_is_what_the_harness_takes(name: str, tmp_path: Path) -> None:
    peer = find(name)
    assert peer.expected_per_s > 0
    assert peer.versions
    assert name == import_module(f"bench.peers.{folder(name)}.peer").NAME
    argv, environment = peer.command(tmp_path, job(tmp_path))
    assert Path(argv[0]).is_relative_to(tmp_path)
    assert Path(argv[1]).name == "app.py"
    assert Path(argv[1]).is_file()
    assert Path(environment["PYTHONPATH"]) == PEERS / "shared"


@pytest.mark.parametrize(
    "requirements", sorted(PEERS.glob("*/requirements.txt")), ids=lambda path: path.parent.name
)
def test_every_version_is_pinned(requirements: Path) -> None:
    lines = requirements.read_text().split()
    assert lines
    assert all(line.count("==") == 1 for line in lines), "a run would differ from the last one"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_tells_the_version_that_runs(name: str) -> None:
    readme = (PEERS / folder(name) / "README.md").read_text()
    for package, version in find(name).versions.items():
        assert f"{package} {version}" in readme


@pytest.mark.usefixtures("shared")
def test_the_job_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = job(tmp_path)
    argv, _ = find("bytewax").command(tmp_path, sent)
    monkeypatch.setattr(sys, "argv", argv[1:])
    got = import_module("peer_job").peer_job()
    assert got.state == tmp_path
    for name in ("bootstrap", "input_topic", "output_topic", "partitions", "group", "gap_ms", "lateness_ms"):
        assert getattr(got, name) == getattr(sent, name)
    assert got.key_events == [*sent.key_events]


@pytest.mark.usefixtures("shared")
def test_events_are_read_as_the_oracle_reads_them() -> None:
    read_event = import_module("shop_event").read_event
    bad = 0
    for chunk in generate(30_000, persons=3_000):
        for record in (record for records in chunk for record in records):
            wanted = event_of(record.value)
            got = read_event(record.value)
            if wanted is None:
                bad += 1
                assert got is None, record.value
            else:
                assert (got.person, got.ms, got.name or "") == (wanted.person, wanted.ms, wanted.name)
    assert bad >= 12


@pytest.fixture
def faust_app(monkeypatch: pytest.MonkeyPatch, shared: None) -> ModuleType:
    monkeypatch.syspath_prepend(str(PEERS / "faust"))
    return import_module("app")


def opened(app: ModuleType, person: str, ms: int) -> dict[str, Any]:
    return dict(app.begun(app.ShopEvent(person, ms, None), 0))


def test_faust_finds_the_visits_that_are_over(faust_app: ModuleType) -> None:
    visits = {"ann": opened(faust_app, "ann", 1_000), "bob": opened(faust_app, "bob", 2_000)}
    due = faust_app.Due()
    for person, visit in visits.items():
        due.add(person, visit)
    assert due.pop(1_000, visits) == []
    assert due.pop(2_000, visits) == [("ann", visits["ann"])]
    assert due.pop(2_001, visits) == [("bob", visits["bob"])]
    assert due.pop(9_000, visits) == []


def test_faust_waits_for_a_visit_that_went_on(faust_app: ModuleType) -> None:
    visits = {"ann": opened(faust_app, "ann", 1_000)}
    due = faust_app.Due()
    due.add("ann", visits["ann"])
    visits["ann"]["end"] = 5_000
    assert due.pop(5_000, visits) == []
    assert due.pop(5_001, visits) == [("ann", visits["ann"])]


def test_faust_leaves_alone_what_the_next_visit_closed(faust_app: ModuleType) -> None:
    due = faust_app.Due()
    due.add("ann", opened(faust_app, "ann", 1_000))
    visits = {"ann": opened(faust_app, "ann", 8_000)}
    due.add("ann", visits["ann"])
    assert due.pop(8_000, visits) == []
    assert due.pop(8_001, visits) == [("ann", visits["ann"])]
    assert due.pop(9_000, {}) == []
