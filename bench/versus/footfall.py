"""Footfall as a contestant: the whole worker with the shop's preset, everything on, exactly once."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.versus.job import Command, Job, PeerError, Tell
from stream.broker.port import free_port

NAME = "footfall"
EXPECTED_PER_S = 60_000
VERSIONS = {
    name: version(name)
    for name in ("footfall", "faust-streaming", "aiokafka", "msgspec", "orjson", "rocksdict")
}
ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from stream.cli import main; main()"]
OUTPUT = "visits"

SETTINGS = """\
broker = "{bootstrap}"
group = "{group}"
prefix = "{prefix}"
data_dir = "{state_dir}/data"
preset = "shop"
visit.gap = "{gap_ms}ms"
allowed_lateness = "{lateness_ms}ms"
input.topic = "{input_topic}"
topics.partitions = {partitions}
engagement.window = "1h"
web.port = {port}
"""


def output_topic(run: str) -> str:
    """Footfall names its topics by itself, after a prefix."""
    return f"{run}.{OUTPUT}"


def prepare(cache: Path, tell: Tell) -> None:
    """Nothing: it is installed where the harness is."""


def command(cache: Path, job: Job) -> Command:
    """Writes its configuration and has it create its topics."""
    config = _config(job)
    config.write_text(
        SETTINGS.format(
            bootstrap=job.bootstrap,
            group=job.group,
            prefix=job.output_topic.removesuffix(f".{OUTPUT}"),
            state_dir=job.state_dir,
            gap_ms=job.gap_ms,
            lateness_ms=job.lateness_ms,
            input_topic=job.input_topic,
            partitions=job.partitions,
            port=free_port(),
        )
    )
    environ = {"PYTHONPATH": str(ROOT)}
    created = subprocess.run(
        [*COMMAND, "topics", "create", "--config", str(config)],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if created.returncode:
        raise PeerError(
            f"`footfall topics create` failed: {created.stderr.strip() or created.stdout.strip()}"
        )
    return [*COMMAND, "worker", "--config", str(config)], environ


def side_topics(job: Job) -> dict[str, str]:
    """Where what is bad and what is late goes."""
    prefix = job.output_topic.removesuffix(f".{OUTPUT}")
    return {"bad": f"{prefix}.dead-letters", "late": f"{prefix}.late"}


def metrics(job: Job) -> str:
    """Fetched each second, as a monitoring system would."""
    port = _config(job).read_text().rpartition("web.port = ")[2].strip()
    return f"http://127.0.0.1:{port}/metrics"


def _config(job: Job) -> Path:
    return job.state_dir / "footfall.toml"
