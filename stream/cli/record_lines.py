"""Published records as lines for a person to read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from stream.core.records import Band, Daily, DeadLetter, Engagement, Incident, Late, Transition, Visit
from stream.core.times import parse_ms

COLOURS = {
    "registered": "cyan",
    "activated": "green",
    "reactivated": "green",
    "resurrected": "green",
    "tier_up": "green",
    "stalled": "yellow",
    "lapsed": "yellow",
    "tier_down": "yellow",
    "churned": "red",
    "hibernated": "red",
    "deleted": "red",
}
PERSON_WIDTH = 24
CHANGE_WIDTH = 22
REASON_WIDTH = 12
SHOWN_CHARACTERS = 100

Record = TypeVar("Record")


class RecordLines:
    """Turns published records into lines, times in one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._makers: dict[str, Callable[[bytes], str]] = {
            "transitions": _of(Transition, self.transition),
            "visits": _of(Visit, self.visit),
            "engagement": _of(Engagement, self.engagement),
            "incidents": _of(Incident, self.incident),
            "daily": _of(Daily, self.daily),
            "late": _of(Late, self.late),
            "dead-letters": _of(DeadLetter, self.dead_letter),
        }

    def line(self, name: str, value: bytes) -> str:
        """The line of a record of the output `name`; its JSON where there is no better way to put it."""
        try:
            return self._makers[name](value)
        except (KeyError, msgspec.DecodeError):
            return value.decode(errors="replace")

    def transition(self, t: Transition) -> str:
        change = f"{t.from_ or '-'} -> {t.to}"
        facts = [f"tier {t.tier}", counted(t.engaged_visits, "engaged visit")]
        if t.days_in_previous is not None:
            facts.append(f"after {counted(t.days_in_previous, 'day')}")
        reason = click.style(f"{t.reason:<{REASON_WIDTH}}", fg=COLOURS.get(t.reason))
        return (
            f"{self._at(t.at)}  {t.person:<{PERSON_WIDTH}} {change:<{CHANGE_WIDTH}} {reason} "
            f"{', '.join(facts)}  ({t.cause})"
        )

    def visit(self, v: Visit) -> str:
        facts = [counted(v.events, "event"), counted(v.pages, "page")]
        if v.engaged:
            happened = ", ".join(
                name + (f" x{count}" if count > 1 else "") for name, count in v.key_events.items()
            )
            facts.append(click.style(f"engaged {v.engagement:g}: {happened}", fg="green"))
        if v.value:
            facts.append(f"value {v.value:g}")
        if v.bounce:
            facts.append(click.style("bounce", fg="yellow"))
        campaign = v.entry.campaign
        came = [
            v.entry.page,
            v.entry.channel,
            campaign.medium if campaign else None,
            campaign.name if campaign else None,
        ]
        if v.passive:
            came.append("asked for")
        origin = ", ".join(part for part in came if part)
        return (
            f"{self._at(v.start)}  {v.person:<{PERSON_WIDTH}} {_duration(v.duration_s):>8}  "
            + ", ".join(facts)
            + (f"  (by {origin})" if origin else "")
        )

    def engagement(self, w: Engagement) -> str:
        """A window: its figures, with what was expected where that is out of bounds or will be judged."""
        facts = [
            f"{measure} {_figure(measure, value)}{_expected(measure, value, w.bands.get(measure))}"
            for measure, value in (("volume", w.volume), ("people", w.people), ("index", w.index))
        ]
        facts.append(counted(w.visits, "visit"))
        if w.promoted or w.promoted_people:
            facts.append(f"promoted {w.promoted:,.6g} by {w.promoted_people:,} people")
        status = "" if w.status == "final" else click.style("  provisional", fg="yellow")
        return f"{self._at(w.start)}  {w.series:<{PERSON_WIDTH}} {', '.join(facts)}{status}"

    def incident(self, i: Incident) -> str:
        """The sentence, what is said of it, and the id that `footfall incidents` takes."""
        urgent = i.severity == "page" and i.status != "resolved"
        colour = "green" if i.status == "resolved" else "red" if urgent else "yellow"
        status = click.style(f"{i.status:<9} {i.severity:<7}", fg=colour)
        note = f"  ({i.note})" if i.note else ""
        provisional = "  provisional" if i.provisional else ""
        return f"{self._at(i.at)}  {status} {i.sentence}{note}{provisional}  [{i.incident_id}]"

    def daily(self, d: Daily) -> str:
        """The day's people, its active persons and what changed them, and the phase."""
        changes = [f"+{count:,} {name}" for name, count in d.sources.items() if count and name != "retained"]
        changes += [f"-{count:,} {name}" for name, count in d.losses.items() if count]
        moved = f" ({', '.join(changes)})" if changes else ""
        active = d.people_by_state.get("active", 0)
        return (
            f"{d.day}  {d.traffic.people:,} people, {counted(d.traffic.visits, 'visit')}, "
            f"{d.traffic.bounce_rate:.0%} bounced; {active:,} active{moved}, {d.phase}"
        )

    def late(self, e: Late) -> str:
        behind_s = ((parse_ms(e.watermark) or 0) - (parse_ms(e.time) or 0)) / 1000
        behind = click.style(f"{_duration(behind_s)} behind the watermark", fg="yellow")
        return (
            f"{self._at(e.time)}  {e.person:<{PERSON_WIDTH}} {behind}  "
            f"{e.message_id} at {e.topic}/{e.partition}:{e.offset}"
        )

    def dead_letter(self, d: DeadLetter) -> str:
        value = (
            d.value if d.value is not None else f"base64 {d.value_base64}" if d.value_base64 else "no value"
        )
        shown = value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…"
        where = f"{d.topic}/{d.partition}:{d.offset}"
        return f"{where:<{PERSON_WIDTH}} {click.style(f'{d.reason:<14}', fg='red')} {d.message}  {shown}"

    def _at(self, text: str) -> str:
        return f"{datetime.fromisoformat(text).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"


def _figure(measure: str, value: float) -> str:
    return f"{value:.3f}" if measure == "index" else f"{value:,.6g}"


def _expected(measure: str, value: float, band: Band | None) -> str:
    if band is None:
        return ""
    text = f" ({_figure(measure, float(f'{band.expected:.3g}'))} expected)"
    return text if band.lower <= value <= band.upper else click.style(text, fg="red")


def _of(kind: type[Record], line: Callable[[Record], str]) -> Callable[[bytes], str]:
    decode = msgspec.json.Decoder(kind).decode
    return lambda value: line(decode(value))


def counted(count: int, thing: str) -> str:
    """`1 visit`, `1,200 visits`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    """`2 h 05`, `12 min`, `30 s`: enough to compare by eye."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3600:02} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02}"
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"
