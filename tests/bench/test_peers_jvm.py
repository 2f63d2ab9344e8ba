"""The benchmark's peers on the JVM: what the harness asks of them, and how they read an event.

Nothing is built with Maven here: that downloads a hundred megabytes, and each run of the benchmark compares
all that the peers publish with its oracle.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import Struct

from bench.peers.flink import peer as flink
from bench.peers.java import maven
from bench.peers.kafka_streams import peer as kafka_streams
from stream.broker.jars import cache_folder, find_java
from tests.conftest import need_kafka

PEERS = pytest.mark.parametrize("peer", [kafka_streams, flink], ids=lambda peer: peer.NAME)
KEY_EVENTS = ("Order Completed", "Product Added")
VALID = {
    "messageId": "m-1",
    "type": "track",
    "event": "Order Completed",
    "userId": "usr_1",
    "anonymousId": "a1",
    "timestamp": "2025-01-02T12:00:00.123Z",
    "properties": {"products": [{"type": "page", "event": "inner"}], "timestamp": "inner"},
    "context": {"userId": "inner"},
}
READ = "usr_1|Order Completed|false|1735819200123"


class Job(Struct, frozen=True, kw_only=True):
    bootstrap: str = "127.0.0.1:9092"
    input_topic: str = "events"
    output_topic: str = "visits"
    partitions: int = 8
    group: str = "group-1"
    state_dir: Path = Path("/tmp/state")
    key_events: tuple[str, ...] = KEY_EVENTS
    gap_ms: int = 1_800_000
    lateness_ms: int = 600_000


def _changed(**members: object) -> bytes:
    event = VALID | members
    return json.dumps({name: member for name, member in event.items() if member is not None}).encode()


CASES: dict[bytes, str] = {
    _changed(): READ,
    _changed(userId=None): READ.replace("usr_1", "anonymous:a1"),
    _changed(anonymousId=None): READ,
    _changed(timestamp=1735819200123): READ,
    _changed(timestamp="2025-01-02T20:00:00.1239+08:00"): READ,
    _changed(type="page"): "usr_1||true|1735819200123",
    _changed(type="screen", event=None): "usr_1||true|1735819200123",
    _changed(type="identify"): "usr_1||false|1735819200123",
    _changed(event="Product Added"): READ.replace("Order Completed", "Product Added"),
    _changed(event="Something Else"): READ.replace("Order Completed", "Something Else"),
    _changed()[:-30]: "bad",
    _changed()[:-2] + b',"note":"caf\xe9"}}': "bad",
    b"[" + _changed() + b"]": "bad",
    _changed() + b"{}": "bad",
    b"": "bad",
    _changed(messageId=None): "bad",
    _changed(messageId="m" * 201): "bad",
    _changed(type=None): "bad",
    _changed(type="click"): "bad",
    _changed(event=None): "bad",
    _changed(userId=4711): "bad",
    _changed(userId=""): "bad",
    _changed(userId="anonymous:a1"): "bad",
    _changed(userId=None, anonymousId=None): "bad",
    _changed(timestamp=None): "bad",
    _changed(timestamp="yesterday"): "bad",
    _changed(timestamp="2025-01-02T12:00:00"): "bad",
    _changed(timestamp=1.5): "bad",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the peers' reader makes of the cases, line by line, and the visit of all of them."""
    need_kafka()
    if shutil.which("javac") is None:
        pytest.skip("there is a Java to run things, but no javac")
    classes = tmp_path_factory.mktemp("classes")
    # Kafka's jars have a Jackson among them.
    classpath = f"{classes}:{cache_folder()}/*"
    sources = [str(Path(__file__).with_name("ReadEvents.java")), *map(str, maven.JAVA.rglob("*.java"))]
    subprocess.run(["javac", "-d", str(classes), "-cp", classpath, *sources], check=True)
    done = subprocess.run(
        [find_java(), "-cp", classpath, "ReadEvents", *KEY_EVENTS],
        input="".join(base64.b64encode(value).decode() + "\n" for value in CASES),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.kafka
def test_events_are_read_and_refused_as_footfall_does(said: list[str]) -> None:
    assert dict(zip(CASES, said, strict=False)) == CASES


@pytest.mark.kafka
def test_a_visit_counts_events_pages_and_key_events(said: list[str]) -> None:
    assert json.loads(said[-1]) == {
        "person": 'usr_"1"',
        "start": 1,
        "end": 2,
        "events": 10,
        "pages": 2,
        "key_events": {"Order Completed": 5, "Product Added": 1},
    }


@pytest.mark.kafka
@PEERS
def test_a_peer_is_told_all_of_its_job(peer: ModuleType, tmp_path: Path) -> None:
    need_kafka()
    argv = peer.command(tmp_path, Job())
    told = argv[argv.index(maven.MAIN) + 1 :]
    assert sorted(zip(told[::2], told[1::2], strict=True)) == [
        ("--bootstrap", "127.0.0.1:9092"),
        ("--gap-ms", "1800000"),
        ("--group", "group-1"),
        ("--input", "events"),
        ("--key-event", "Order Completed"),
        ("--key-event", "Product Added"),
        ("--lateness-ms", "600000"),
        ("--output", "visits"),
        ("--state-dir", "/tmp/state"),
    ]
    assert f"{maven.built(peer.PROJECT, tmp_path)}/*" in argv


@PEERS
def test_the_versions_it_names_are_those_that_it_is_built_with(peer: ModuleType) -> None:
    pom = (peer.PROJECT / "pom.xml").read_text()
    pinned = set(re.findall(r"<(?:kafka|flink|flink\.kafka)\.version>([^<]+)<", pom))
    assert set(peer.VERSIONS.values()) == pinned
    readme = (peer.PROJECT / "README.md").read_text()
    assert all(version in readme for version in pinned)


@PEERS
def test_what_has_been_built_is_used_again_until_a_source_changes(peer: ModuleType, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(peer.PROJECT, project, ignore=shutil.ignore_patterns("target"))
    cache = tmp_path / "cache"
    folder = maven.built(project, cache)
    folder.mkdir(parents=True)
    said: list[str] = []
    assert maven.build(project, cache, said.append) == folder
    assert said == []
    main = next(project.rglob("Main.java"))
    main.write_text(main.read_text() + "// changed\n")
    assert maven.built(project, cache) != folder


@pytest.mark.kafka
def test_a_build_that_fails_says_what_maven_said(tmp_path: Path) -> None:
    if shutil.which("mvn") is None:
        pytest.skip("there is no mvn on the path")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pom.xml").write_text("<project><modelVersion>4.0.0</modelVersion></project>")
    with pytest.raises(RuntimeError, match="groupId"):
        maven.build(tmp_path / "project", tmp_path / "cache", lambda _: None)
    assert not list((tmp_path / "cache").iterdir())
