"""The plots of the daily report, as SVG that says in words what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from html import escape
from itertools import groupby

from stream.core.records import Daily
from stream.report.axes import WIDTH, Frame, Unit
from stream.report.days import Report
from stream.report.figures import LOSSES, SOURCES, STATES, share

MOST_CHANNELS = 6
"""More are drawn as one."""
OTHERS = "all others"
BELOW = 26
"""Room for the dates."""

Value = Callable[[Daily], float]


def active_plot(report: Report) -> str:
    """Active persons, and below them day by day those who became active and those who ceased to be."""
    by_day = _by_day(report)
    top = Frame(report.days, low=0, high=_greatest(by_day, [_state("active")]), top=8, height=150)
    gains = [(name, _source(name)) for name in SOURCES]
    losses = [(name, _loss(name)) for name in LOSSES]
    bottom = Frame(
        report.days,
        low=-_greatest_sum(by_day, [value for _, value in losses]),
        high=_greatest_sum(by_day, [value for _, value in gains]),
        top=182,
        height=130,
    )
    drawn = [
        *top.axes(dates=False),
        *_line(top, by_day, _state("active"), "c-active"),
        *bottom.axes(),
        *_stack(bottom, by_day, [(name, f"c-{name}", value) for name, value in gains]),
        *_stack(bottom, by_day, [(name, f"c-{name}", value) for name, value in losses], down=True),
    ]
    daily = report.daily
    gained = sum(daily.sources.get(name, 0) for name in SOURCES)
    lost = sum(daily.losses.get(name, 0) for name in LOSSES)
    return _svg(
        "active",
        "Active persons, with sources and losses",
        f"{_state('active')(daily):,.0f} active persons at the end of {daily.day}; that day {gained:,} "
        f"became active and {lost:,} ceased to be.{_gaps(report)}",
        bottom.bottom + BELOW,
        drawn,
    )


def states_plot(report: Report) -> str:
    """Registered persons by state, stacked."""
    by_day = _by_day(report)
    layers = [(name, f"c-{name}", _state(name)) for name in STATES]
    frame = Frame(
        report.days, low=0, high=_greatest_sum(by_day, [value for *_, value in layers]), top=8, height=200
    )
    counts = ", ".join(f"{value(report.daily):,.0f} {name}" for name, _, value in layers)
    return _svg(
        "states",
        "Registered persons by state",
        f"At the end of {report.daily.day}: {counts}.{_gaps(report)}",
        frame.bottom + BELOW,
        [*frame.axes(), *_stack(frame, by_day, layers)],
    )


def ratios_plot(report: Report) -> str:
    """New-user ratio against churn rate; the phase is written and shaded behind them."""
    by_day = _by_day(report)
    lines: list[tuple[str, Value]] = [
        ("c-new", lambda daily: daily.new_user_ratio),
        ("c-churned", lambda daily: daily.churn_rate),
    ]
    frame = _shares_frame(report, by_day, lines, top=26, height=174)
    daily = report.daily
    return _svg(
        "ratios",
        "New-user ratio against churn rate, with the phase",
        f"Over the 30 days up to {daily.day}: new-user ratio {share(daily.new_user_ratio)}, churn rate "
        f"{share(daily.churn_rate)}; the phase is {daily.phase}.{_gaps(report)}",
        frame.bottom + BELOW,
        [*_phases(frame, by_day), *frame.axes(), *_lines(frame, by_day, lines)],
    )


def activity_plot(report: Report) -> str:
    """Activity and retention: shares of the persons who have not churned."""
    by_day = _by_day(report)
    lines: list[tuple[str, Value]] = [
        ("c-active", lambda daily: daily.activity),
        ("c-retention", lambda daily: daily.retention),
    ]
    frame = _shares_frame(report, by_day, lines, top=8, height=150)
    daily = report.daily
    return _svg(
        "activity",
        "Activity and retention",
        f"Of {daily.base:,} new, active or silent persons at the end of {daily.day}, {share(daily.activity)} "
        f"were active and {share(daily.retention)} had an event in 30 days.{_gaps(report)}",
        frame.bottom + BELOW,
        [*frame.axes(), *_lines(frame, by_day, lines)],
    )


def channels_of(report: Report) -> list[str]:
    """The channels that are drawn, those with most visits over the 30 days first; `OTHERS` for the rest."""
    visits: dict[str, int] = {}
    for daily in report.history:
        for name, traffic in daily.channels.items():
            visits[name] = visits.get(name, 0) + traffic.visits
    names = sorted(visits, key=lambda name: (-visits[name], name))
    return names if len(names) <= MOST_CHANNELS else [*names[: MOST_CHANNELS - 1], OTHERS]


def channels_plot(report: Report) -> str:
    """Visits by channel, stacked."""
    by_day = _by_day(report)
    names = channels_of(report)
    layers = [(name, f"c-channel-{number}", _visits(name, names)) for number, name in enumerate(names)]
    frame = Frame(
        report.days, low=0, high=_greatest_sum(by_day, [value for *_, value in layers]), top=8, height=200
    )
    counts = ", ".join(f"{value(report.daily):,.0f} by {name}" for name, _, value in layers)
    return _svg(
        "channels",
        "Visits by channel",
        f"{report.daily.traffic.visits:,} visits began on {report.daily.day}: {counts or 'none'}."
        f"{_gaps(report)}",
        frame.bottom + BELOW,
        [*frame.axes(), *_stack(frame, by_day, layers)],
    )


def _visits(name: str, names: Sequence[str]) -> Value:
    if name != OTHERS:
        return lambda daily: daily.channels[name].visits if name in daily.channels else 0
    return lambda daily: sum(
        traffic.visits for channel, traffic in daily.channels.items() if channel not in names
    )


def _svg(name: str, title: str, description: str, height: float, drawn: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _by_day(report: Report) -> dict[date, Daily]:
    return {date.fromisoformat(daily.day): daily for daily in report.history}


def _gaps(report: Report) -> str:
    missing = len(report.days) - len(report.history)
    return f" {missing} of the 30 days have no report." if missing else ""


def _state(name: str) -> Value:
    return lambda daily: daily.people_by_state.get(name, 0)


def _source(name: str) -> Value:
    return lambda daily: daily.sources.get(name, 0)


def _loss(name: str) -> Value:
    return lambda daily: daily.losses.get(name, 0)


def _greatest(by_day: Mapping[date, Daily], values: Sequence[Value]) -> float:
    return max((value(daily) for daily in by_day.values() for value in values), default=0.0)


def _greatest_sum(by_day: Mapping[date, Daily], values: Sequence[Value]) -> float:
    return max((sum(value(daily) for value in values) for daily in by_day.values()), default=0.0)


def _shares_frame(
    report: Report,
    by_day: Mapping[date, Daily],
    lines: Sequence[tuple[str, Value]],
    *,
    top: float,
    height: float,
) -> Frame:
    unit: Unit = "share"
    high = max(_greatest(by_day, [value for _, value in lines]), 0.01)
    return Frame(report.days, low=0, high=high, top=top, height=height, unit=unit)


def _lines(frame: Frame, by_day: Mapping[date, Daily], lines: Sequence[tuple[str, Value]]) -> Iterator[str]:
    for kind, value in lines:
        yield from _line(frame, by_day, value, kind)


def _line(frame: Frame, by_day: Mapping[date, Daily], value: Value, kind: str) -> Iterator[str]:
    """A line with a dot a day, broken where days have no report."""
    for there, days in groupby(frame.days, key=lambda day: day in by_day):
        if there:
            points = [f"{frame.x(day):.1f},{frame.y(value(by_day[day])):.1f}" for day in days]
            yield f'<polyline class="line {kind}" points="{" ".join(points)}"/>'
            for point in points:
                x, y = point.split(",")
                yield f'<circle class="dot {kind}" cx="{x}" cy="{y}" r="2.2"/>'


def _stack(
    frame: Frame,
    by_day: Mapping[date, Daily],
    layers: Sequence[tuple[str, str, Value]],
    *,
    down: bool = False,
) -> Iterator[str]:
    """Bars, a day each, the first layer next to zero; what each part is, is said when it is pointed at."""
    sign = -1 if down else 1
    for day, daily in by_day.items():
        base = 0.0
        for name, kind, value in layers:
            amount = value(daily)
            if amount:
                ends = frame.y(sign * base), frame.y(sign * (base + amount))
                yield (
                    f'<rect class="{kind}" x="{frame.x(day) - frame.bar / 2:.1f}" y="{min(ends):.1f}" '
                    f'width="{frame.bar:.1f}" height="{abs(ends[0] - ends[1]):.1f}">'
                    f"<title>{day}: {amount:,.0f} {escape(name)}</title></rect>"
                )
            base += amount


def _phases(frame: Frame, by_day: Mapping[date, Daily]) -> Iterator[str]:
    """Each run of days in one phase, shaded, and named where there is room."""
    for phase, run in groupby(frame.days, key=lambda day: by_day[day].phase if day in by_day else None):
        days = list(run)
        if phase is None:
            continue
        x, width = frame.x(days[0]) - frame.slot / 2, frame.slot * len(days)
        top = frame.top - 20
        yield (
            f'<rect class="phase-{phase}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{frame.bottom - top:.1f}"><title>{days[0]} to {days[-1]}: {phase}</title></rect>'
        )
        if width > len(phase) * 8:
            yield f'<text class="phase" x="{x + 4:.1f}" y="{frame.top - 6:.1f}">{phase}</text>'
