"""Fetching Apache Kafka: what is missing on this machine is said with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream.broker import BrokerError, cache_folder, why_missing
from stream.broker.jars import KAFKA_VERSION, fetch, find_java

Script = Callable[[str, str], None]

JAVA_17 = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"
# Does as Maven: reads -DoutputDirectory=... and puts a jar there.
MAVEN = f"""
for word in "$@"; do case $word in -DoutputDirectory=*) jars=${{word#*=}};; esac; done
echo "[INFO] Downloaded from somewhere: kafka_2.13-{KAFKA_VERSION}.jar (5 MB at 5 MB/s)"
/bin/mkdir -p "$jars" && : > "$jars/kafka_2.13-{KAFKA_VERSION}.jar"
"""
MAVEN_OFFLINE = """
echo '[INFO] Scanning for projects...'
echo '[ERROR] Failed to execute goal: Could not transfer artifact: Connection refused'
exit 1
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Script:
    """Puts a program of a given name on a path that has nothing else, with an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(name: str, body: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)

    return put


def ignore(_: object) -> None:
    pass


@pytest.mark.usefixtures("script")
def test_no_java() -> None:
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer.*no java on the path.*JAVA_HOME"):
        find_java()
    assert why_missing() is not None


def test_java_home_without_java(script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script("java", JAVA_17)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(BrokerError, match=r"JAVA_HOME=.*nowhere has no bin/java"):
        find_java()


@pytest.mark.parametrize(("version", "shown"), [("11.0.2", "11"), ("1.8.0_392", "8")])
def test_old_java(script: Script, version: str, shown: str) -> None:
    script("java", f"echo 'openjdk version \"{version}\"' >&2")
    with pytest.raises(BrokerError, match=f"needs Java 17 or newer, and .*java is {shown}:"):
        find_java()


def test_no_maven(script: Script) -> None:
    script("java", JAVA_17)
    assert "install Maven" in (why_missing() or "")
    with pytest.raises(BrokerError, match=r"no mvn on the path: install Maven"):
        fetch(ignore, ignore)


def test_maven_failed_says_maven_s_own_error_and_leaves_nothing(script: Script) -> None:
    script("mvn", MAVEN_OFFLINE)
    with pytest.raises(BrokerError, match=r"(?s)exit code 1.*Connection refused.*settings\.xml"):
        fetch(ignore, ignore)
    assert list(cache_folder().parent.iterdir()) == []


def test_jars_are_fetched_once_with_progress(script: Script) -> None:
    script("java", JAVA_17)
    script("mvn", MAVEN)
    told: list[str] = []
    folder = fetch(told.append, ignore)

    assert folder == cache_folder()
    assert list(folder.iterdir()) == [folder / f"kafka_2.13-{KAFKA_VERSION}.jar"]
    assert list(folder.parent.iterdir()) == [folder]
    assert told[0].startswith(f"downloading Apache Kafka {KAFKA_VERSION}")
    assert told[-1].endswith("(file 1)")

    script("mvn", MAVEN_OFFLINE)
    assert fetch(ignore, ignore) == folder
    assert why_missing() is None
