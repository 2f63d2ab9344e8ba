"""An incident in a sentence that a sleepy person understands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from stream.core.definition import DAY, HOUR, MINUTE, SECOND
from stream.core.engagement.attribution import NONE, Share, is_last_resort
from stream.core.engagement.rows import KEY_PREFIX, OTHER, TOTAL
from stream.core.records import Direction, IncidentStatus, Measure

ALL = 0.95
"""A share that is called all of it."""
SECOND_SHARE = 0.6
_FIGURES = {"figure:visits": "the number of visits", "figure:active": "the number of active persons"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Told(Struct, frozen=True, kw_only=True):
    """What the sentence is made of; times in ms.

    `value` and `expected` are of the window that begins at `at_ms`, `worst_*` of the one furthest away.
    `causes` come with the likeliest first. `product` is how the whole product moves in it, where another
    series leads: measure, value, expected. `lasted_ms` is from the first window that deviated to the end of
    the last. `is_gone`: the series is not published any more; `is_inside`: the value is within its bounds.
    """

    series: str
    measure: Measure
    direction: Direction
    status: IncidentStatus
    since_ms: int
    at_ms: int
    value: float
    expected: float
    worst_ms: int
    worst_value: float
    worst_expected: float
    lasted_ms: int
    causes: Sequence[Share]
    product: tuple[Measure, float, float] | None
    promoted: float
    owners: Sequence[str]
    became_page: bool = False
    is_gone: bool = False
    is_inside: bool = True


class Wording:
    """Sentences with times in one zone, which they name, of windows of one length."""

    def __init__(self, timezone: str, *, step_ms: int, days: bool = False) -> None:
        self._name = timezone
        self._zone = ZoneInfo(timezone)
        self._days = days
        self._unit = " a day" if days else _unit(step_ms)

    def sentence(self, told: Told) -> str:
        """What happened, when, by how much, where it comes from, and whose it is."""
        first = self._resolved(told) if told.status == "resolved" else self._deviates(told)
        parts = [first, *_where_from(told), *self._of_product(told)]
        if told.promoted > 0:
            parts.append(f"{number(told.promoted, 'volume')}{self._unit} from promotions are not counted")
        text = "; ".join(parts) + "."
        if told.owners:
            text += f" Owner{'s' if len(told.owners) > 1 else ''}: {', '.join(told.owners)}."
        return text

    def subject(self, series: str, measure: Measure) -> str:
        """What deviates: `engagement volume of channel app`."""
        of = "" if series == TOTAL else f" of {series_name(series)}"
        figure = _FIGURES.get(series)
        if figure is not None:
            return figure
        return {
            "volume": f"engagement volume{of}",
            "people": f"the number of people{of}",
            "index": f"the engagement index{of}",
        }[measure]

    def time(self, t: int) -> str:
        """`03:12 UTC`, `2026-03-01` for days."""
        return self.day(t) if self._days else f"{self.clock(t)} {self._zone_name()}"

    def clock(self, t: int) -> str:
        """`03:12`, with seconds where they are not 0."""
        local = self._local(t)
        return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"

    def day(self, t: int) -> str:
        """The local date."""
        return f"{self._local(t):%Y-%m-%d}"

    def _short(self, t: int, at_ms: int) -> str:
        """A time beside another, whose zone is named: with the date where that is another."""
        if self._days:
            return self.day(t)
        return self.clock(t) if self.day(t) == self.day(at_ms) else f"{self.day(t)} {self.clock(t)}"

    def _local(self, t: int) -> datetime:
        instant = _EPOCH + timedelta(milliseconds=t)
        try:
            return instant.astimezone(self._zone)
        except OverflowError:
            return instant

    def _zone_name(self) -> str:
        return self._name if self._name == "UTC" else f"({self._name})"

    def _deviates(self, told: Told) -> str:
        subject = _capital(self.subject(told.series, told.measure))
        value = f"{number(told.value, told.measure)}{self._per(told.measure)}"
        how = difference(told.value, told.expected, told.measure)
        off = (told.value - told.expected) * (-1 if told.direction == "drop" else 1) > 0
        since = "" if told.since_ms == told.at_ms else f", since {self._short(told.since_ms, told.at_ms)}"
        on = "on" if self._days else "at"
        if not off or how is None:
            word = "below" if told.direction == "drop" else "above"
            expected = number(told.expected, told.measure)
            return (
                f"{subject} has been {word} what is expected{since.removeprefix(',')}: "
                f"{value} {on} {self.time(told.at_ms)}, {expected} expected"
            )
        if told.became_page:
            subject = self.subject(told.series, told.measure)
            return f"Worse: {subject} is {value} {on} {self.time(told.at_ms)}, {how}{since}"
        verb = "dropped" if told.direction == "drop" else "rose"
        return f"{subject} {verb} to {value} {on} {self.time(told.at_ms)}, {how}{since}"

    def _resolved(self, told: Told) -> str:
        subject = _capital(self.subject(told.series, told.measure))
        if told.is_gone:
            lasted = duration(told.lasted_ms)
            return f"{subject} deviated for {lasted}; nothing of it has been seen for a day, and it is over"
        back = (
            f"{subject} is {_back(told)} after {duration(told.lasted_ms)}: "
            f"{number(told.value, told.measure)}{self._per(told.measure)} "
            f"{'on' if self._days else 'at'} {self.time(told.at_ms)}, "
            f"{number(told.expected, told.measure)} expected"
        )
        how = difference(told.worst_value, told.worst_expected, told.measure)
        if how is None:
            return back
        word = "lowest" if told.direction == "drop" else "highest"
        return (
            f"{back}; it was {word} {'on' if self._days else 'at'} {self._short(told.worst_ms, told.at_ms)}: "
            f"{number(told.worst_value, told.measure)}{self._per(told.measure)}, {how}"
        )

    def _of_product(self, told: Told) -> list[str]:
        """That the whole product moves, too."""
        if told.product is None or told.status == "resolved":
            return []
        measure, value, expected = told.product
        how = difference(value, expected, measure)
        return [] if how is None else [f"{self.subject(TOTAL, measure)} of the whole product is {how}"]

    def _per(self, measure: Measure) -> str:
        return "" if measure == "index" else self._unit


def series_name(series: str) -> str:
    """`channel app`, `Order Completed`, `no campaign`, `other channels`."""
    if series == TOTAL:
        return "the product"
    kind, _, value = series.partition(":")
    if series.startswith(KEY_PREFIX):
        return value
    if value == NONE:
        return f"no {kind}"
    return f"other values of {kind}" if value == OTHER else f"{kind} {value}"


def number(value: float, measure: Measure) -> str:
    """Whole from 10 on, to a tenth below; an index to three digits after the point."""
    if measure == "index":
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 9.95 or value == int(value) else f"{value:.1f}"


def difference(value: float, expected: float, measure: Measure) -> str | None:
    """`48 % below the 405 expected`, from the numbers as they are shown; None where they show none."""
    shown, base = (float(number(n, measure).replace(",", "")) for n in (value, expected))
    if shown == base:
        return None
    if base <= 0:
        return "none expected"
    if shown == 0:
        return f"where {number(expected, measure)} {_were(expected, measure)} expected"
    if shown >= 2 * base:
        times = shown / base
        return f"{times:,.{0 if times >= 10 else 1}f} times the {number(expected, measure)} expected"
    percent = abs(shown - base) / base * 100
    share = f"{percent:.0f} %" if percent >= 1 else "less than 1 %"
    return f"{share} {'below' if shown < base else 'above'} the {number(expected, measure)} expected"


def _back(told: Told) -> str:
    if told.is_inside:
        return "back within its bounds"
    return "not low any more" if told.direction == "drop" else "not high any more"


def _were(expected: float, measure: Measure) -> str:
    return "was" if measure == "index" or expected == 1 else "were"


def duration(ms: int) -> str:
    """`38 min`, `2 h 05 min`, `3 days`."""
    if ms >= 2 * DAY:
        return f"{ms // DAY} days"
    if ms >= HOUR:
        return f"{ms // HOUR} h {ms % HOUR // MINUTE:02} min"
    return f"{ms // MINUTE} min" if ms >= MINUTE and ms % MINUTE == 0 else f"{ms / SECOND:g} s"


def _where_from(told: Told) -> list[str]:
    """The dominating cause, and what of another dimension stands out beside it; or that all move alike."""
    standing = [c for c in told.causes if c.dominating]
    if not standing:
        dimensions = dict.fromkeys(c.series.partition(":")[0] for c in told.causes)
        if told.series != TOTAL or not dimensions:
            return []
        return ["all channels alike" if "channel" in dimensions else "no one cause stands out"]
    first = standing[0]
    kind = first.series.partition(":")[0]
    beside = next(
        (
            c
            for c in standing[1:]
            if c.series.partition(":")[0] != kind and c.share >= SECOND_SHARE and not is_last_resort(c.series)
        ),
        None,
    )
    mostly = "" if beside is None else f", mostly {_within(beside.series)}"
    if first.series == told.series:
        return [mostly.removeprefix(", ")] if mostly else []
    share = "all" if first.share >= ALL else f"{first.share * 100:.0f} %"
    return [f"{series_name(first.series)} accounts for {share} of it{mostly}"]


def _within(series: str) -> str:
    return f"by {series_name(series)}" if series.startswith(KEY_PREFIX) else f"in {series_name(series)}"


def _unit(step_ms: int) -> str:
    if step_ms == MINUTE:
        return " a minute"
    if step_ms == HOUR:
        return " an hour"
    return f" in {duration(step_ms)}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
