"""What `footfall simulate` was asked for, checked as a whole, and the run that follows from it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

from msgspec import Struct

from stream.engine.security import Security
from stream.simulate.asked import Asked, Mixture, read
from stream.simulate.delivery import Faults
from stream.simulate.files import FileWriter
from stream.simulate.pace import ByCount, ByTime, Pace, ThenLive, Unpaced
from stream.simulate.placing import place
from stream.simulate.product import Product
from stream.simulate.run import Writer
from stream.simulate.schedule import DAY_MS
from stream.simulate.simulation import Simulation

DEFAULT_DAYS = 30
FILE_START = date(2026, 1, 1)
TOPIC = "app-events"


class WrongOptions(Exception):
    """Options that do not go together; the message names them and says what to do."""


class Options(Struct, frozen=True, kw_only=True):
    """The command's options as given; None is not given."""

    seed: int = 1
    days: float | None = None
    start: date | None = None
    users: int = 1_000
    events: int | None = None
    anonymous: float | None = None
    growth: float | None = None
    bots: float = 0.0
    plants: tuple[str, ...] = ()
    truth: Path | None = None
    faults: Faults = Faults()
    out: str | None = None
    broker: str | None = None
    security: Security = Security()
    topic: str | None = None
    compression: str = "none"
    rate: float | None = None
    speed: float | None = None
    live: bool = False

    def check(self) -> None:
        """Raises WrongOptions for the first pair that contradicts itself."""
        faults = self.faults
        if self.broker and self.out:
            raise WrongOptions("--out and --broker: choose one, a file or a topic")
        if self.topic and not self.broker:
            raise WrongOptions("--topic needs --broker ADDR, for example --broker localhost:9092")
        if self.compression != "none" and not self.broker:
            raise WrongOptions(
                "--compression needs --broker; a file is compressed as its name says: .gz, .zst"
            )
        if self.rate and (self.speed or self.live):
            raise WrongOptions("--rate counts events, --speed and --live follow their times: choose one")
        if self.live and self.speed not in (None, 1) and not (self.days or self.start):
            raise WrongOptions(
                f"--live stamps events with the present, which passes at --speed 1, not {self.speed:g}: "
                "leave out --speed, or say with --days or --start what history shall pass so fast"
            )
        if self.live and self.start and self.days:
            raise WrongOptions("--live starts --days before now, or at --start: leave out one of them")
        if faults.late + faults.disorder > 1:
            raise WrongOptions("--late and --disorder are shares of the same events: together at most 1")
        if faults.duplicates + faults.bad > 0.9:
            raise WrongOptions("--duplicates and --bad: together at most 0.9, or hardly an event is left")
        if self.bots > 0.9:
            raise WrongOptions("--bots is a share of all events: at most 0.9")
        if self.truth is not None and self.out is not None and Path(self.out) == self.truth:
            raise WrongOptions("--truth and --out: two files, the truth is not part of the stream")
        self._asked()

    def period(self, now_ms: int) -> tuple[int, int | None]:
        """First instant and end (ms; None: no end). Files start on a fixed day, so that equal options
        give equal bytes; a topic's events end with yesterday, since a worker refuses the future."""
        if self.live:
            start_ms = now_ms - int((self.days or 0) * DAY_MS)
            if self.start is not None:
                start_ms = _midnight_ms(self.start)
            if start_ms > now_ms:
                raise WrongOptions(f"--start {self.start}: with --live it begins now, or before")
            return start_ms, None
        days = DEFAULT_DAYS if self.days is None else self.days
        if self.start is not None:
            start_ms = _midnight_ms(self.start)
        elif self.broker:
            start_ms = now_ms // DAY_MS * DAY_MS - int(days * DAY_MS)
        else:
            start_ms = _midnight_ms(FILE_START)
        endless = self.days is None and self.events is not None
        end_ms = None if endless else start_ms + int(days * DAY_MS)
        if self.broker and start_ms + int(days * DAY_MS) > now_ms + DAY_MS:
            raise WrongOptions(
                f"--start {self.start}: the events would lie after now, and a worker takes these for "
                "dead letters (`future`): start earlier, or take fewer --days"
            )
        return start_ms, end_ms

    def pace(self, start_ms: int, now_ms: int) -> Pace:
        """How fast the events leave."""
        if self.live:
            present = ByTime(1.0, epoch_ms=now_ms, epoch_s=time.monotonic())
            if self.speed in (None, 1):
                return present
            return ThenLive(ByTime(self.speed, epoch_ms=start_ms), present)
        if self.rate:
            return ByCount(self.rate)
        if self.speed:
            return ByTime(self.speed, epoch_ms=start_ms)
        return Unpaced()

    def simulation(self, start_ms: int, end_ms: int | None) -> Simulation:
        """The product, what befalls it, and what happens to its events under way."""
        usual = Product()
        product = Product(
            users=self.users,
            anonymous=usual.anonymous if self.anonymous is None else self.anonymous,
            growth=usual.growth if self.growth is None else self.growth,
            bots=self.bots,
        )
        try:
            plants = place(self._asked(), seed=self.seed, start_ms=start_ms, end_ms=end_ms)
        except ValueError as error:
            raise WrongOptions(f"--plant {error}") from None
        return Simulation(
            product,
            seed=self.seed,
            start_ms=start_ms,
            end_ms=end_ms,
            plants=plants,
            faults=self.faults,
            to_topic=self.broker is not None,
        )

    def _asked(self) -> list[Asked | Mixture]:
        asked = []
        for text in self.plants:
            try:
                asked.append(read(text))
            except ValueError as error:
                raise WrongOptions(f"--plant {text}: {error}") from None
        return asked

    async def writer(self) -> Writer:
        """The file or topic, open. Raises OSError or WriteError."""
        if self.broker is None:
            return FileWriter(self.out or "-")
        # aiokafka takes longer to load than a small file to write.
        from stream.engine.connection import Connection
        from stream.simulate.topic import TopicWriter

        writer = TopicWriter(
            Connection(self.broker, self.security),
            self.topic or TOPIC,
            compression=None if self.compression == "none" else self.compression,
        )
        await writer.start()
        return writer


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
