"""Apache Kafka's jars, resolved once by Maven and kept in a cache folder, and the Java to run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from pathlib import Path

from stream.broker.errors import BrokerError
from stream.broker.launch import OnChild, Progress

KAFKA_VERSION = "4.1.1"
JAVA_MINIMUM = 17

_SLF4J_VERSION = "1.7.36"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>footfall</groupId>
  <artifactId>kafka</artifactId>
  <version>{KAFKA_VERSION}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <!-- Without a binding Kafka's own errors are lost. -->
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{_SLF4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/footfall/kafka-<version>`, where the jars are or will be."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "footfall" / f"kafka-{KAFKA_VERSION}"


def why_missing() -> str | None:
    """Why Apache Kafka cannot be run on this machine at all, or None if it can be tried.

    Looks at Java and Maven only: it downloads nothing.
    """
    try:
        find_java()
        if not cache_folder().is_dir():
            _find_maven()
    except BrokerError as error:
        return str(error)
    return None


def find_java() -> str:
    """The path of a `java` that is new enough: `$JAVA_HOME/bin/java`, else the one on the path."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    needs = f"Apache Kafka {KAFKA_VERSION} needs Java {JAVA_MINIMUM} or newer"
    advice = f"install a JRE of {JAVA_MINIMUM} or newer, or set JAVA_HOME, or use --kind tansu"
    if java is None:
        found = f"JAVA_HOME={home} has no bin/java" if home else "there is no java on the path"
        raise BrokerError(f"{needs}, and {found}: {advice}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    if version is None:
        raise BrokerError(f"{needs}, and {java} does not say its version: {advice}")
    if int(version[1]) < JAVA_MINIMUM:
        raise BrokerError(f"{needs}, and {java} is {version[1]}: {advice}")
    return java


def fetch(progress: Progress, on_child: OnChild) -> Path:
    """The folder with Kafka's jars; downloads them where they are not cached yet.

    `on_child` is given Maven's process, so that the caller can end it early.
    """
    folder = cache_folder()
    if folder.is_dir():
        return folder
    maven = _find_maven()
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Filled aside and renamed: a folder of the right name is complete, whoever else downloads meanwhile.
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
    ) as aside:
        _download(maven, Path(aside), progress, on_child)
        try:
            (Path(aside) / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _find_maven() -> str:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerError(
            f"Apache Kafka {KAFKA_VERSION} is downloaded by Maven, and there is no mvn on the path: "
            f"install Maven, or fill {cache_folder()} with Kafka's jars, or use --kind tansu"
        )
    return maven


def _download(maven: str, aside: Path, progress: Progress, on_child: OnChild) -> None:
    (aside / "pom.xml").write_text(_POM)
    title = f"downloading Apache Kafka {KAFKA_VERSION}, this once"
    progress(title)
    argv = [maven, "--batch-mode", "--file", str(aside / "pom.xml"), _PLUGIN]
    argv += [f"-DoutputDirectory={aside / 'jars'}", "-DincludeScope=runtime", "-Dstyle.color=never"]
    last = deque[str](maxlen=400)
    jars = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        on_child(process)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last.append(line.rstrip())
                if line.startswith("[INFO] Downloaded") and ".jar" in line:
                    jars += 1
                    progress(f"{title} (file {jars})")
        except BaseException:
            process.kill()
            raise
    if process.returncode or not any((aside / "jars").glob("kafka_2.13-*.jar")):
        raise BrokerError(_maven_failure(process.returncode, last))


def _maven_failure(code: int, lines: deque[str]) -> str:
    errors = [line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR] ")]
    said = next((line for line in errors if line.strip()), lines[-1] if lines else "nothing")
    return (
        f"Maven could not fetch Apache Kafka {KAFKA_VERSION} (exit code {code}): {said}\n"
        "Is there a way to Maven's repository from here (a proxy or a mirror is set in ~/.m2/settings.xml)? "
        f"Elsewhere, copy a filled {cache_folder()} from another machine, or use --kind tansu."
    )
