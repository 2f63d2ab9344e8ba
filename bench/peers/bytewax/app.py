"""Visits by Bytewax: a session window a person, closed by the time of the partition."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import NamedTuple

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic, SessionWindower, fold_window
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from peer_job import PeerJob, peer_job
from shop_event import read_event

# Who is looked at counts as changed and goes into the next snapshot: so not every second.
LOOK_EVERY = timedelta(seconds=10)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Event(NamedTuple):
    """An event of a person; `watermark` is that of its partition when it came."""

    at: datetime
    name: str | None
    partition: int
    watermark: datetime


@dataclass
class Visit:
    """An open visit; times are in milliseconds."""

    start: datetime | None = None
    end: datetime | None = None
    events: int = 0
    key_events: Counter[str] = field(default_factory=Counter)


class Read:
    """Turns batches of records into events by person, with the watermark of each one's partition."""

    def __init__(self, lateness: timedelta) -> None:
        self._lateness = lateness
        self._watermarks: defaultdict[int | None, datetime] = defaultdict(lambda: LONG_AGO)
        self.read = 0

    def __call__(self, records: list[KafkaSourceMessage]) -> Iterable[tuple[str, Event]]:
        """The events of a batch; bad records are left out."""
        events = []
        for record in records:
            event = read_event(record.value)
            if event is None:
                continue
            at = datetime.fromtimestamp(event.ms / 1000, UTC)
            # The watermark is that before this event, so an event is late by what came before it.
            watermark = max(self._watermarks[record.partition], at - self._lateness)
            self._watermarks[record.partition] = watermark
            events.append((event.person, Event(at, event.name, record.partition, watermark)))
        self.read += len(records)
        return events


class PartitionClockLogic(ClockLogic[Event, tuple[int, datetime]]):
    """The time of one person: that of the partition of their events."""

    def __init__(self, watermarks: dict[int, datetime], last: tuple[int, datetime] | None) -> None:
        self._watermarks = watermarks
        self._partition = -1
        if last is not None:
            self._partition, watermark = last
            watermarks[self._partition] = max(watermark, self._watermark())

    def _watermark(self) -> datetime:
        return self._watermarks.get(self._partition, LONG_AGO)

    def before_batch(self) -> None:
        """Nothing: time is told by the events."""

    def on_item(self, event: Event) -> tuple[datetime, datetime]:
        """The event's time, and the watermark where it came."""
        self._partition = event.partition
        if event.watermark > self._watermark():
            self._watermarks[event.partition] = event.watermark
        return event.at, event.watermark

    def on_notify(self) -> datetime:
        """The watermark of the partition by now."""
        return self._watermark()

    def on_eof(self) -> datetime:
        """Nothing closes because the reading stops."""
        return self._watermark()

    def to_system_utc(self, timestamp: datetime) -> datetime:
        """When to look again whether a window is due."""
        return datetime.now(UTC) + LOOK_EVERY

    def snapshot(self) -> tuple[int, datetime]:
        """The partition, and its watermark."""
        return self._partition, self._watermark()


@dataclass
class PartitionClock(Clock[Event, tuple[int, datetime]]):
    """Event time by the partition of the input.

    The clock that comes with Bytewax has a watermark for each key, which moves on with the clock on the
    wall: over a backlog a person's last visit would close half an hour after it was read.
    """

    watermarks: dict[int, datetime] = field(default_factory=dict)

    def build(self, resume_state: tuple[int, datetime] | None) -> PartitionClockLogic:
        """The clock of one person."""
        return PartitionClockLogic(self.watermarks, resume_state)


def tell(read: Read) -> None:
    """Print each second how many records were read."""
    while True:
        time.sleep(1)
        print("progress", read.read, flush=True)


def build(job: PeerJob, read: Read) -> Dataflow:
    """The dataflow, from the topic of events to the topic of visits."""
    key_events = frozenset(job.key_events)

    def longer(visit: Visit, event: Event) -> Visit:
        visit.start = event.at if visit.start is None else min(visit.start, event.at)
        visit.end = event.at if visit.end is None else max(visit.end, event.at)
        visit.events += 1
        if event.name in key_events:
            visit.key_events[event.name] += 1
        return visit

    def joined(one: Visit, other: Visit) -> Visit:
        return Visit(
            min(one.start, other.start),
            max(one.end, other.end),
            one.events + other.events,
            one.key_events + other.key_events,
        )

    def record_of(closed: tuple[str, tuple[int, Visit]]) -> KafkaSinkMessage:
        person, (_, visit) = closed
        value = {
            "person": person,
            "start": round(visit.start.timestamp() * 1000),
            "end": round(visit.end.timestamp() * 1000),
            "events": visit.events,
            "key_events": visit.key_events,
        }
        return KafkaSinkMessage(person.encode(), orjson.dumps(value))

    brokers = [job.bootstrap]
    flow = Dataflow("visits")
    records = kop.input("events", flow, brokers=brokers, topics=[job.input_topic])
    events = op.flat_map_batch("read", records.oks, read)
    windower = SessionWindower(gap=timedelta(milliseconds=job.gap_ms))
    visits = fold_window("cut", events, PartitionClock(), windower, Visit, longer, joined, ordered=False)
    kop.output("visits", op.map("tell", visits.down, record_of), brokers=brokers, topic=job.output_topic)
    return flow


if __name__ == "__main__":
    job = peer_job()
    recovery = job.state / "recovery"
    if not recovery.exists():
        recovery.mkdir(parents=True)
        init_db_dir(recovery, 1)
    read = Read(timedelta(milliseconds=job.lateness_ms))
    Thread(target=tell, args=(read,), daemon=True).start()
    cli_main(
        build(job, read),
        epoch_interval=timedelta(seconds=1),
        recovery_config=RecoveryConfig(str(recovery), backup_interval=timedelta(0)),
    )
