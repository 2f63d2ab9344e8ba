"""What is asked of everyone who is measured, and how the harness gets hold of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from msgspec import Struct

PEERS = (
    "faust",
    "quixstreams",
    "quixstreams-by-key",
    "bytewax",
    "pathway",
    "kafka-streams",
    "flink",
)
"""In `bench/peers/`, with underscores for hyphens."""
KEY_EVENTS = ("Order Completed", "Checkout Started", "Product Added", "Product Shared")
GAP_MS = 30 * 60_000
LATENESS_MS = 10 * 60_000

Tell = Callable[[str], None]
"""Is told in a line what goes on, while something takes long."""
Command = list[str] | tuple[list[str], Mapping[str, str]]
"""The process to run, perhaps with what its environment has besides."""


class Job(Struct, frozen=True, kw_only=True):
    """One run. `group`, `output_topic` and `state_dir` are new for each; the latter two are there, empty."""

    bootstrap: str
    input_topic: str
    output_topic: str
    partitions: int
    group: str
    state_dir: Path
    key_events: tuple[str, ...] = KEY_EVENTS
    gap_ms: int = GAP_MS
    lateness_ms: int = LATENESS_MS


class PeerError(Exception):
    """A contestant that can't be run, or didn't do the work. The text says why, for the table."""


class SlowError(PeerError):
    """One that stands still, or is not through in time: trying it again would take as long again."""


class Peer:
    """A contestant, out of its module; docs/benchmark.md says what the module has and its process does."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self._module = module
        self.expected_per_s: int = module.EXPECTED_PER_S
        self.versions: dict[str, str] = dict(getattr(module, "VERSIONS", {}))

    def prepare(self, cache: Path, tell: Tell) -> None:
        """Make its environment below `cache`, where that has not been done yet."""
        try:
            self._module.prepare(cache, tell)
        except Exception as error:
            raise PeerError(f"it could not be made ready: {error}") from error

    def output_topic(self, run: str) -> str:
        """Where it shall write; it may have a scheme of its own."""
        named = getattr(self._module, "output_topic", None)
        return str(named(run)) if named else f"{run}-visits"

    def command(self, cache: Path, job: Job) -> tuple[list[str], dict[str, str]]:
        """What to run for `job`, and what its environment has besides."""
        try:
            told: Command = self._module.command(cache, job)
        except PeerError:
            raise
        except Exception as error:
            raise PeerError(f"its command could not be made: {error!r}") from error
        argv, environ = told if isinstance(told, tuple) else (told, {})
        return [*map(str, argv)], dict(environ)

    def side_topics(self, job: Job) -> dict[str, str]:
        """By `bad` and `late`, topics with all of that; for those that have such."""
        topics = getattr(self._module, "side_topics", None)
        return dict(topics(job)) if topics else {}

    def metrics(self, job: Job) -> str | None:
        """An address to fetch each second, for those that have one."""
        address = getattr(self._module, "metrics", None)
        return str(address(job)) if address else None


def find(name: str) -> Peer:
    """The contestant of this name. Raises PeerError where there is none, or it can't be imported."""
    module = "bench.versus.footfall" if name == "footfall" else f"bench.peers.{name.replace('-', '_')}.peer"
    try:
        return Peer(name, import_module(module))
    except Exception as error:
        raise PeerError(f"{module.replace('.', '/')}.py can't be imported: {error!r}") from error
