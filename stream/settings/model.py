"""What Footfall runs with: the settings as read, and the error that lists everything wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from stream.core.definition import Definition
from stream.engine.connection import Connection
from stream.engine.secret import Secret
from stream.engine.security import Security

Store = Literal["rocksdb", "memory"]
Guarantee = Literal["auto", "exactly_once", "at_least_once"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]

OUTPUTS = ("visits", "transitions", "engagement", "incidents", "daily", "dead-letters", "late")


class Input(Struct, frozen=True):
    """The topic that events are read from, and what its keys are."""

    topic: str = "app-events"
    key: str | None = None
    keyed: bool = True


class DeadLetters(Struct, frozen=True):
    """When too much of the input is unreadable to go on."""

    max_ratio: float = 0.5


class Web(Struct, frozen=True):
    """Where the worker's pages and metrics are served, and to whom. Without a `token` nobody is erased."""

    host: str = "127.0.0.1"
    port: int = 6066
    advertise: str | None = None
    token: Secret | None = None
    ready_within_ms: int = 60_000


class Exposed(Struct, frozen=True):
    """How much `/metrics` shows."""

    series: int = 50


class Topics(Struct, frozen=True):
    """How `footfall topics create` makes topics. `retention_ms` holds for outputs, not for changelogs."""

    partitions: int = 8
    replication: int = 1
    retention_ms: int = 7 * 86_400_000


class Log(Struct, frozen=True):
    """How much is logged, and how it looks."""

    level: LogLevel = "info"
    format: LogFormat = "text"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be configured. `Settings()` is what runs without a file; times are milliseconds."""

    broker: str = "localhost:9092"
    security: Security = Security()
    prefix: str = "footfall"
    group: str = "footfall"
    input: Input = Input()
    definition: Definition = field(default_factory=Definition)
    preset: str = "shop"
    idle_after_ms: int = 30_000
    live_within_ms: int = 600_000
    commit_interval_ms: int = 500
    guarantee: Guarantee = "auto"
    dead_letters: DeadLetters = DeadLetters()
    topics: Topics = Topics()
    store: Store = "rocksdb"
    store_hot: int = 100_000
    standby: int = 0
    data_dir: Path = Path("footfall-data")
    web: Web = Web()
    metrics: Exposed = Exposed()
    log: Log = Log()

    @property
    def connection(self) -> Connection:
        """What Kafka clients are made from."""
        return Connection(self.broker, self.security)

    def output_topic(self, name: str) -> str:
        """The topic of an output: `visits` is `footfall.visits` with the default prefix."""
        return f"{self.prefix}.{name}"


class Problem(Struct, frozen=True):
    """One thing wrong: the key, what it got, what it takes, and where that stands (a line, a variable)."""

    key: str
    got: str
    takes: str
    place: str | None = None

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return f"{self.key}{place}: got {self.got}; takes {self.takes}"


class SettingsError(Exception):
    """The configuration can't be used. `problems` has all that is wrong with it, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = list(problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        return "\n".join([f"{head} in the configuration:", *(f"  {problem}" for problem in self.problems)])
