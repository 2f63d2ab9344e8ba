"""A peer's Maven project, built once into a cache, and the Java command that runs it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from stream.broker.jars import find_java

JAVA = Path(__file__).parent
MAIN = "footfall.peers.Main"
JVM_OPTIONS = ("-Xms512m", "-Xmx2g", "-XX:+UseSerialGC")
"""The collector is the one that Java takes by itself on one core."""


class Job(Protocol):
    """What a run is given (the harness's Job)."""

    @property
    def bootstrap(self) -> str: ...
    @property
    def input_topic(self) -> str: ...
    @property
    def output_topic(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def state_dir(self) -> Path: ...
    @property
    def key_events(self) -> tuple[str, ...]: ...
    @property
    def gap_ms(self) -> int: ...
    @property
    def lateness_ms(self) -> int: ...


def build(project: Path, cache: Path, tell: Callable[[str], object]) -> Path:
    """The folder with the project's jar and all that it needs; builds it where its sources have changed.

    Raises RuntimeError, with what Maven said, where that fails.
    """
    folder = built(project, cache)
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise RuntimeError(f"{project.name} is built by Maven, and there is no mvn on the path")
    tell(f"building {project.name}, this once (Maven downloads its jars)")
    cache.mkdir(parents=True, exist_ok=True)
    # Built aside and renamed: a folder of the right name is complete.
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{folder.name}-") as aside:
        target = Path(aside) / "target"
        argv = [maven, "--batch-mode", "--quiet", "--file", str(project / "pom.xml"), "package"]
        # Not below the sources, which somebody else may be building too.
        argv += [f"-Dpeer.target={target}", "-Dstyle.color=never"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
            raise RuntimeError(f"Maven could not build {project.name}: {said}")
        try:
            (target / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def built(project: Path, cache: Path) -> Path:
    """Where the jars are or will be: named by the sources that they come from."""
    named = hashlib.blake2b(digest_size=8)
    for source in _sources(project):
        named.update(f"{source.name}\n".encode() + source.read_bytes())
    return cache / f"{project.name}-{named.hexdigest()}"


def _sources(project: Path) -> Iterator[Path]:
    yield project / "pom.xml"
    for folder in (project / "src", JAVA):
        yield from sorted(path for path in folder.rglob("*") if path.suffix in (".java", ".properties"))


def run(project: Path, cache: Path, job: Job) -> list[str]:
    """The command that does `job`, until it gets a SIGTERM."""
    argv = [find_java(), *JVM_OPTIONS, "-cp", f"{built(project, cache)}/*", MAIN]
    argv += ["--bootstrap", job.bootstrap, "--group", job.group, "--state-dir", str(job.state_dir)]
    argv += ["--input", job.input_topic, "--output", job.output_topic]
    argv += ["--gap-ms", str(job.gap_ms), "--lateness-ms", str(job.lateness_ms)]
    for name in job.key_events:
        argv += ["--key-event", name]
    return argv
