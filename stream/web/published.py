"""`/series`, `/incidents`, `/transitions` and `/daily`: what the group has published of late."""

from __future__ import annotations

from aiohttp import web

from stream.core.engagement.rows import TOTAL
from stream.core.records import Daily, Engagement, Incident, Transition
from stream.web.answers import (
    AllSeries,
    IncidentRecords,
    Incidents,
    Reports,
    SeriesNow,
    SeriesWindows,
    Transitions,
    as_published,
    reply,
)
from stream.web.asked import anything, choice, count, identity
from stream.web.errors import Refusal
from stream.web.feed import Feed
from stream.web.kept import MOST_REPORTS, MOST_TRANSITIONS, MOST_WINDOWS, Windows

STATUSES = ("open", "resolved", "all")


class PublishedPages:
    """The routes."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/series", self._all_series),
            web.get(f"/series/{anything('series')}", self._series),
            web.get("/incidents", self._incidents),
            web.get(f"/incidents/{anything('incident_id')}", self._incident),
            web.get("/transitions", self._transitions),
            web.get("/daily", self._daily),
        ]

    async def _all_series(self, request: web.Request) -> web.Response:
        kept = await self._feed.kept()
        names = sorted(kept.series, key=lambda name: (name != TOTAL, name))
        return reply(AllSeries(series=[_now(name, kept.series[name]) for name in names]))

    async def _series(self, request: web.Request) -> web.Response:
        name = identity(request, "series")
        limit = count(request, "limit", 200, MOST_WINDOWS)
        windows = (await self._feed.kept()).series.get(name)
        if windows is None:
            raise Refusal(404, "no window of this series was published of late; /series has those there are")
        final = [windows.final[start] for start in sorted(windows.final)[-limit:]]
        return reply(
            SeriesWindows(
                series=name,
                windows=[as_published(window.value, Engagement) for window in final],
                provisional=_provisional(windows),
            )
        )

    async def _incidents(self, request: web.Request) -> web.Response:
        status = choice(request, "status", STATUSES)
        kept = await self._feed.kept()
        chosen = [
            one
            for one in kept.incidents.values()
            if status == "all" or (one.status == "resolved") == (status == "resolved")
        ]
        chosen.sort(key=lambda one: one.at, reverse=True)
        latest = [list(one.records.values())[-1] for one in chosen]
        return reply(Incidents(incidents=[as_published(record.value, Incident) for record in latest]))

    async def _incident(self, request: web.Request) -> web.Response:
        name = identity(request, "incident_id")
        incident = (await self._feed.kept()).incidents.get(name)
        if incident is None:
            raise Refusal(
                404, "no incident with this id was published of late; /incidents has those there are"
            )
        records = [as_published(record.value, Incident) for record in incident.records.values()]
        return reply(IncidentRecords(records=records))

    async def _transitions(self, request: web.Request) -> web.Response:
        limit = count(request, "limit", 100, MOST_TRANSITIONS)
        kept = await self._feed.kept()
        latest = sorted(kept.transitions.values(), key=lambda record: record.order)[-limit:]
        return reply(Transitions(transitions=[as_published(one.value, Transition) for one in latest]))

    async def _daily(self, request: web.Request) -> web.Response:
        limit = count(request, "limit", 30, MOST_REPORTS)
        kept = await self._feed.kept()
        days = sorted(kept.reports)[-limit:]
        return reply(Reports(reports=[as_published(kept.reports[day].value, Daily) for day in days]))


def _now(name: str, windows: Windows) -> SeriesNow:
    latest = max(windows.final, default=None)
    return SeriesNow(
        series=name,
        final=None if latest is None else as_published(windows.final[latest].value, Engagement),
        provisional=_provisional(windows),
    )


def _provisional(windows: Windows) -> Engagement | None:
    if windows.provisional is None:
        return None
    return as_published(windows.provisional[1].value, Engagement)
