"""What is read, and what time it is."""

from __future__ import annotations

from stream.settings.kinds import boolean, dotted_path, optional
from stream.settings.moments import duration, zone
from stream.settings.places import brokers, topic_name
from stream.settings.setting import Section, Setting

STREAM = Section(
    "The stream",
    (
        Setting("broker", brokers(), "localhost:9092", "Where Kafka is."),
        Setting(
            "prefix",
            topic_name(180),
            "footfall",
            "What the names of all topics that Footfall writes begin with: `footfall.visits`.",
        ),
        Setting(
            "group",
            topic_name(180),
            "footfall",
            "The consumer group, under which state is kept too. Workers of one group share the work.",
        ),
        Setting("input.topic", topic_name(), "app-events", "The topic that events are read from."),
        Setting(
            "input.key",
            optional(dotted_path('a dotted path such as "context.groupId"')),
            None,
            "The dotted path of what the input's records are keyed by. Unset: by the person.",
        ),
        Setting(
            "input.keyed",
            boolean(),
            True,
            "Whether records carry that key, so that one partition has all of a person's events. "
            "`false`: keys are not looked at, and the stream is re-keyed through a topic of Footfall's "
            "own, which has `topics.partitions`.",
        ),
    ),
)

TIME = Section(
    "Time",
    (
        Setting(
            "timezone",
            zone(),
            "UTC",
            "Days are local dates in this zone. `time_zone` is the same key.",
        ),
        Setting(
            "allowed_lateness",
            duration(0),
            "10m",
            "How far behind its partition's newest event an event may be and still count. "
            "Less than `visit.max`.",
        ),
        Setting(
            "max_future",
            duration(0),
            "1h",
            "An event further than this after its own arrival is a dead letter.",
        ),
        Setting(
            "idle_after",
            duration(),
            "30s",
            "A partition read to its end, with nothing new for so long, no longer holds time back.",
        ),
        Setting(
            "live_within",
            duration(),
            "10m",
            "The stream is live while its newest event arrived within this of its own time; "
            "a live stream that falls silent goes on with the wall clock.",
        ),
    ),
)
