"""Visits by plain Faust: one agent, and a table of the open visits by person.

Faust has no session windows, and its windowed tables close by the clock on the wall. So the agent keeps the
time of each partition itself, and beside the table a heap that tells whose visit is due first.
"""

import heapq
from collections import defaultdict
from typing import Any

import faust
from peer_job import PeerJob, peer_job
from shop_event import ShopEvent, read_event

Visit = dict[str, Any]


def begun(event: ShopEvent, partition: int) -> Visit:
    """A visit without an event yet, at the time of its first."""
    return {
        "partition": partition,
        "since": event.ms,
        "start": event.ms,
        "end": event.ms,
        "events": 0,
        "key_events": {},
    }


class Due:
    """The open visits of one partition by the time of their end, and the newest time seen on it."""

    def __init__(self) -> None:
        self.newest_ms = 0
        self._heap: list[tuple[int, str, int]] = []

    def add(self, person: str, visit: Visit) -> None:
        """Remember an open visit; its end may move on."""
        heapq.heappush(self._heap, (visit["end"], person, visit["since"]))

    def pop(self, before_ms: int, visits: Any) -> list[tuple[str, Visit]]:
        """Those of the open `visits` that ended before a time."""
        ended = []
        while self._heap and self._heap[0][0] < before_ms:
            _, person, since = heapq.heappop(self._heap)
            visit = visits.get(person)
            if visit is None or visit["since"] != since:
                continue  # closed by the person's next visit
            if visit["end"] < before_ms:
                ended.append((person, visit))
            else:
                self.add(person, visit)
        return ended


def build(job: PeerJob) -> faust.App:
    """The application, from the topic of events to the topic of visits."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        datadir=job.state_dir,
        topic_partitions=job.partitions,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        web_enabled=False,
    )
    events = app.topic(job.input_topic, key_serializer="raw", value_serializer="raw")
    closed = app.topic(job.output_topic, key_serializer="raw", value_serializer="json")
    visits = app.Table("visits", key_type=str, partitions=job.partitions)
    due: defaultdict[int, Due] = defaultdict(Due)
    key_events = frozenset(job.key_events)

    @visits.on_recover
    async def recover() -> None:
        due.clear()
        for person, visit in visits.items():
            of_partition = due[visit["partition"]]
            of_partition.newest_ms = max(of_partition.newest_ms, visit["end"])
            of_partition.add(person, visit)

    async def close(person: str, visit: Visit) -> None:
        told = {name: visit[name] for name in ("start", "end", "events", "key_events")}
        await closed.send(key=person.encode(), value={"person": person, **told})

    @app.agent(events)
    async def cut(stream: faust.StreamT) -> None:
        async for record in stream.events():
            event = read_event(record.value)
            if event is None:
                continue
            partition = record.message.partition
            of_partition = due[partition]
            if event.ms < of_partition.newest_ms - job.lateness_ms:
                continue
            if event.ms > of_partition.newest_ms:
                of_partition.newest_ms = event.ms
                for person, visit in of_partition.pop(event.ms - job.lateness_ms - job.gap_ms, visits):
                    await close(person, visit)
                    del visits[person]
            visit = visits.get(event.person)
            if visit is not None and event.ms - visit["end"] > job.gap_ms:
                await close(event.person, visit)
                visit = None
            is_new = visit is None
            if visit is None:
                visit = begun(event, partition)
            visit["start"] = min(visit["start"], event.ms)
            visit["end"] = max(visit["end"], event.ms)
            visit["events"] += 1
            if event.name in key_events:
                visit["key_events"][event.name] = visit["key_events"].get(event.name, 0) + 1
            visits[event.person] = visit
            if is_new:
                of_partition.add(event.person, visit)

    return app


if __name__ == "__main__":
    faust.Worker(build(peer_job()), loglevel="WARNING").execute_from_commandline()
