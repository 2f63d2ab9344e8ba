"""Visits by Pathway: its session windows, buffered until the time of the partition has passed them."""

from datetime import timedelta

import pathway as pw
from peer_job import PeerJob, peer_job


class Event(pw.Schema):
    """What is read of an event."""

    messageId: str
    type: str
    event: str | None = pw.column_definition(default_value=None)
    userId: str | None = pw.column_definition(default_value=None)
    anonymousId: str | None = pw.column_definition(default_value=None)
    timestamp: str


# A visit that lasts longer than this loses its beginning: forgetting knows nothing of sessions.
BACKLOG = 20_000
MS = timedelta(milliseconds=1)
FORGET_AFTER = timedelta(days=1)


def in_ms(time: pw.ColumnExpression) -> pw.ColumnExpression:
    """Milliseconds since 1970."""
    return pw.cast(int, time.dt.timestamp(unit="ms").num.round())


def visits_of(events: pw.Table, job: PeerJob) -> pw.Table:
    """The closed visits of the events of one partition.

    Each temporal operator keeps a time of its own, that of the newest event it has seen: so one for each
    partition. Session windows take no behaviour in Pathway; what common_behavior does for other windows
    (ignore what is late, forget what is old, delay what may still change) stands before and after them.
    """
    gap = timedelta(milliseconds=job.gap_ms)
    lateness = timedelta(milliseconds=job.lateness_ms)
    counts = {
        f"n{number}": pw.reducers.sum(pw.if_else(pw.this.name == name, 1, 0))
        for number, name in enumerate(job.key_events)
    }

    @pw.udf
    def named(*numbers: int) -> pw.Json:
        return pw.Json({name: n for name, n in zip(job.key_events, numbers, strict=True) if n})

    closed = (
        events.ignore_late(pw.this.at, lateness)
        .forget(pw.this.at, FORGET_AFTER, mark_forgetting_records=True)
        # Two events a whole gap apart are not of one session in Pathway; here they are of one visit.
        .windowby(pw.this.at, window=pw.temporal.session(max_gap=gap + MS), instance=pw.this.person)
        .reduce(
            person=pw.this._pw_instance,
            start=pw.this._pw_window_start,
            end=pw.this._pw_window_end,
            events=pw.reducers.count(),
            **counts,
        )
        .filter_out_results_of_forgetting()
        .buffer(pw.this.end, gap + lateness)
    )
    return closed.select(
        pw.this.person,
        start=in_ms(pw.this.start),
        end=in_ms(pw.this.end),
        events=pw.this.events,
        key_events=named(*(closed[name] for name in counts)),
    )


def build(job: PeerJob) -> None:
    """The computation, from the topic of events to the topic of visits."""
    settings = {
        "bootstrap.servers": job.bootstrap,
        "group.id": job.group,
        "auto.offset.reset": "earliest",
    }
    records = pw.io.kafka.read(
        settings,
        topic=job.input_topic,
        schema=Event,
        format="json",
        autocommit_duration_ms=1000,
        max_backlog_size=BACKLOG,
        with_metadata=True,
        name="events",
    )
    events = (
        records.remove_errors()
        .select(
            pw.this.messageId,
            pw.this.type,
            person=pw.coalesce(
                pw.this.userId,
                pw.require("anonymous:" + pw.coalesce(pw.this.anonymousId, ""), pw.this.anonymousId),
            ),
            name=pw.this.event,
            at=pw.this.timestamp.dt.strptime("%Y-%m-%dT%H:%M:%S.%fZ"),
            partition=pw.this._metadata.get("partition").as_int(),
        )
        .remove_errors()
    )
    is_of_a_type = pw.this.type == "track"
    for kind in ("page", "screen", "identify", "alias", "group"):
        is_of_a_type = is_of_a_type | (pw.this.type == kind)
    events = events.filter(
        pw.this.person.is_not_none() & is_of_a_type & ((pw.this.type != "track") | pw.this.name.is_not_none())
    )
    events = events.select(pw.this.partition, pw.this.name, pw.this.at, person=pw.unwrap(pw.this.person))
    visits = pw.Table.concat_reindex(
        *(visits_of(events.filter(pw.this.partition == number), job) for number in range(job.partitions))
    )
    pw.io.kafka.write(visits, settings, job.output_topic, format="json", key=visits.person)
    read = records.select(
        partition=pw.this._metadata.get("partition").as_int(),
        offset=pw.this._metadata.get("offset").as_int(),
    )
    last = read.groupby(pw.this.partition).reduce(pw.this.partition, offset=pw.reducers.max(pw.this.offset))
    pw.io.subscribe(last, on_change=Progress())


class Progress:
    """Prints how far the topic has been read, bad records and all."""

    def __init__(self) -> None:
        self._next_offsets: dict[int, int] = {}

    def __call__(self, key: pw.Pointer, row: dict[str, int], time: int, is_addition: bool) -> None:
        """Take the last offset of a partition."""
        if is_addition:
            self._next_offsets[row["partition"]] = row["offset"] + 1
            print("progress", sum(self._next_offsets.values()), flush=True)


if __name__ == "__main__":
    job = peer_job()
    build(job)
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        terminate_on_error=False,
        persistence_config=pw.persistence.Config(
            pw.persistence.Backend.filesystem(job.state),
            snapshot_interval_ms=1000,
        ),
    )
