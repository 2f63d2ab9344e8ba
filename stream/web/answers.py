"""What the query API answers: one Struct an answer, encoded as JSON with ISO 8601 times."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec
from aiohttp import web
from msgspec import Struct

from stream.core.population import Population
from stream.core.records import Daily, Engagement, Explanation, Incident, Reached, Transition

_encode = msgspec.json.Encoder().encode

T = TypeVar("T", bound=Struct)


class Failure(Struct, kw_only=True):
    """Why there is no answer, in a sentence."""

    error: str


class Version(Struct, kw_only=True):
    """What this worker runs: hashes of its definitions, its guarantee, and the product's time zone, too."""

    version: str
    definition: str
    engagement_definition: str
    guarantee: str
    timezone: str


class PartitionNow(Struct, kw_only=True):
    """Who is in one partition, as of its watermark."""

    as_of: str | None
    population: Population


class Own(Struct, kw_only=True):
    """The partitions of this worker, by their numbers."""

    partitions: dict[int, PartitionNow]


class States(Struct, kw_only=True):
    """Who is there, summed over all partitions of which a worker answered: `counted` of `partitions`.

    `as_of` is the smallest watermark: of everybody, everything up to then is in it. `people` are persons by
    lifecycle state, `tiers` registered ones by tier, `registered` and `visitors` those with an event in the
    last 1, 7 and 30 days.
    """

    as_of: str | None
    partitions: int
    counted: int
    people: dict[str, int]
    tiers: dict[str, int]
    registered: Reached
    visitors: Reached
    open_visits: int


class PersonNow(Struct, kw_only=True):
    """A person's state with the evidence for it, and the latest transitions, the newest last.

    `complete` is false where the time did not suffice to find all of them that are still kept.
    """

    explanation: Explanation
    transitions: list[Transition]
    complete: bool


class Erasure(Struct, kw_only=True):
    """A deletion event was written for the person, under this message id."""

    person: str
    message_id: str


class SeriesNow(Struct, kw_only=True):
    """A series of engagement: its last final window, and its open one as known so far."""

    series: str
    final: Engagement | None
    provisional: Engagement | None


class AllSeries(Struct, kw_only=True):
    """All series of engagement, `total` first."""

    series: list[SeriesNow]


class SeriesWindows(Struct, kw_only=True):
    """The latest final windows of one series, oldest first, and its open one as known so far."""

    series: str
    windows: list[Engagement]
    provisional: Engagement | None


class Incidents(Struct, kw_only=True):
    """Incidents, each as its latest record, newest first."""

    incidents: list[Incident]


class IncidentRecords(Struct, kw_only=True):
    """All records of one incident, oldest first."""

    records: list[Incident]


class Transitions(Struct, kw_only=True):
    """The latest transitions, newest last."""

    transitions: list[Transition]


class Reports(Struct, kw_only=True):
    """The latest daily reports, oldest first."""

    reports: list[Daily]


def as_published(value: bytes, kind: type[T]) -> T:
    """A record as it stands in its topic, to be put into an answer without being read and written again."""
    return cast(T, cast(Any, msgspec.Raw(value)))


def reply(answer: Struct, *, status: int = 200) -> web.Response:
    """The answer as JSON."""
    return web.Response(body=_encode(answer), status=status, content_type="application/json")
