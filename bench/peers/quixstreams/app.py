"""Visits by Quix Streams: a session window a person, closed by the time of the partition (or by key)."""

import os
from collections import Counter
from typing import Any

from peer_job import PeerJob, peer_job
from quixstreams import Application
from shop_event import ShopEvent, read_event

Visit = dict[str, Any]

# "key" for the peer quixstreams-by-key.
CLOSING = os.environ.get("CLOSING", "partition")


def build(job: PeerJob) -> Application:
    """The application, from the topic of events to the topic of visits."""
    key_events = frozenset(job.key_events)

    def begun(event: ShopEvent) -> Visit:
        return {"events": 1, "key_events": {event.name: 1} if event.name in key_events else {}}

    def longer(visit: Visit, event: ShopEvent) -> Visit:
        visit["events"] += 1
        if event.name in key_events:
            counts = visit["key_events"]
            counts[event.name] = counts.get(event.name, 0) + 1
        return visit

    def joined(earlier: Visit, later: Visit) -> Visit:
        return {
            "events": earlier["events"] + later["events"],
            "key_events": Counter(earlier["key_events"]) + Counter(later["key_events"]),
        }

    app = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_interval=1.0,
        state_dir=job.state,
    )
    events = app.topic(job.input_topic, key_deserializer="str", value_deserializer="bytes")
    visits = app.topic(job.output_topic, key_serializer="str", value_serializer="json")
    (
        app.dataframe(events)
        .apply(read_event)
        .filter(lambda event: event is not None)
        .set_timestamp(lambda event, key, timestamp, headers: event.ms)
        .session_window(
            inactivity_gap_ms=job.gap_ms,
            # A gap of lateness is always granted; grace is what goes beyond it.
            grace_ms=max(0, job.lateness_ms - job.gap_ms),
            on_late=lambda *late: False,
        )
        .reduce(reducer=longer, initializer=begun, merger=joined)
        .final(closing_strategy=CLOSING)
        .apply(
            lambda window, key, timestamp, headers: {
                "person": key,
                "start": window["start"],
                "end": window["end"] - 1,  # theirs is exclusive
                **window["value"],
            },
            metadata=True,
        )
        .to_topic(visits)
    )
    return app


if __name__ == "__main__":
    build(peer_job()).run()
