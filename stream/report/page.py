"""The daily report as one HTML page that needs nothing else: no script, no font, no file, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from stream.core.records import Daily
from stream.report.days import Report
from stream.report.figures import (
    LOSSES,
    PHASES,
    RATIOS,
    SOURCES,
    STATES,
    TIERS,
    amount,
    balance,
    change,
    days_left,
    ratio,
    seconds,
    share,
    traffic_rows,
)
from stream.report.plots import (
    active_plot,
    activity_plot,
    channels_of,
    channels_plot,
    ratios_plot,
    states_plot,
)

_STYLE = Path(__file__).with_name("page.css")
_CHANNEL_COLOURS = ("active", "new", "retention", "lapsed", "hibernating", "silent")
_COLOURS = {
    **{f"c-{name}": name for name in (*STATES, *SOURCES, *LOSSES, "retention")},
    **{f"c-channel-{number}": name for number, name in enumerate(_CHANNEL_COLOURS)},
}

Key = tuple[str, str]
"""A colour's class, and what it stands for."""


def page(report: Report) -> str:
    """The whole document."""
    title = f"Daily report of {report.daily.day}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{title}</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}{_colour_rules()}</style>\n</head>\n<body>\n<main>",
            *_sections(report),
            "</main>\n</body>\n</html>\n",
        )
    )


def _sections(report: Report) -> Iterator[str]:
    daily = report.daily
    yield f"<h1>{report.day:%A}, {report.day.day} {report.day:%B %Y}</h1>"
    yield f'<p><span class="phase-word">{escape(PHASES[daily.phase].capitalize())}.</span></p>'
    yield from _cards(report)
    yield _figure(
        "Active persons",
        active_plot(report),
        f"{balance(daily)}; {daily.sources.get('retained', 0):,} were active before and after.",
        [("c-active", "active"), *((f"c-{name}", name) for name in (*SOURCES, *LOSSES))],
    )
    yield _figure(
        "States",
        states_plot(report),
        "Registered persons at the end of each day. " + _listed(daily.people_by_tier, TIERS, "tier "),
        [(f"c-{name}", name) for name in STATES],
    )
    yield _figure(
        "Growth",
        ratios_plot(report),
        "Registrations, and persons who churned, in the last 30 days, each as a share of those who are new, "
        "active or silent.",
        [("c-new", "new-user ratio"), ("c-churned", "churn rate")],
    )
    yield _figure(
        "Activity",
        activity_plot(report),
        f"Of the {daily.base:,} persons who are new, active or silent.",
        [("c-active", "activity"), ("c-retention", "retention")],
    )
    yield _figure(
        "Traffic",
        channels_plot(report),
        "Visits by the channel of their first event, on the day on which they began.",
        [(f"c-channel-{number}", name) for number, name in enumerate(channels_of(report))],
    )
    yield _traffic_table(daily)
    if daily.goals:
        yield _goals_table(daily)
    yield "<h2>The numbers</h2>"
    yield from _numbers(report)
    yield f'<p class="quiet">Definition {escape(daily.definition)}.</p>'


def _cards(report: Report) -> Iterator[str]:
    daily, before = report.daily, report.before(7)
    yield '<dl class="cards">'
    yield _card("Active persons", f"{daily.people_by_state.get('active', 0):,}", "at the end of the day")
    reached = daily.active
    yield _card(
        "Registered, with an event",
        f"{reached.days_1:,}",
        f"{reached.days_7:,} in 7 days, {reached.days_30:,} in 30",
    )
    reached = daily.visitors
    yield _card("Visitors", f"{reached.days_1:,}", f"{reached.days_7:,} in 7 days, {reached.days_30:,} in 30")
    yield _card("Visits", f"{daily.traffic.visits:,}", f"{share(daily.traffic.bounce_rate)} bounced")
    for name, words in RATIOS.items():
        now = ratio(daily, name)
        since = change(now, None if before is None else ratio(before, name))
        yield _card(words, share(now), f"{since} points in 7 days" if since else "over 30 days")
    yield _card("Pseudo-active", f"{daily.pseudo_active:,}", "were there, without being active")
    yield "</dl>"


def _card(name: str, value: str, more: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{value} <br><small>{escape(more)}</small></dd></div>"


def _figure(heading: str, plot: str, caption: str, legend: Sequence[Key]) -> str:
    keys = "".join(
        '<li><svg viewBox="0 0 10 10" aria-hidden="true">'
        f'<rect class="{kind}" width="10" height="10"/></svg>{escape(name)}</li>'
        for kind, name in legend
    )
    return (
        f"<h2>{escape(heading)}</h2>\n<figure>\n{plot}\n"
        f'<ul class="legend">{keys}</ul>\n<figcaption>{escape(caption)}</figcaption>\n</figure>'
    )


def _traffic_table(daily: Daily) -> str:
    return _table(
        f"Visits that began on {daily.day}",
        ("Channel", "Visits", "People", "Page views", "Bounces", "Pages a visit", "A visit lasts"),
        (
            (
                name,
                f"{traffic.visits:,}",
                f"{traffic.people:,}",
                f"{traffic.pageviews:,}",
                share(traffic.bounce_rate),
                f"{traffic.pages_per_visit:.1f}",
                seconds(traffic.seconds_per_visit),
            )
            for name, traffic in traffic_rows(daily)
        ),
    )


def _goals_table(daily: Daily) -> str:
    return "<h2>Goals</h2>\n" + _table(
        "How far they are",
        ("Figure", "Is", "Of", "Reached", "By"),
        (
            (
                goal.metric,
                amount(goal.value),
                amount(goal.target),
                share(goal.reached),
                f"{goal.date} ({days_left(goal.days_left)})",
            )
            for goal in daily.goals
        ),
    )


def _numbers(report: Report) -> Iterator[str]:
    """What the plots show, day by day."""
    by_state: list[tuple[str, Callable[[Daily], str]]] = [
        *((f"{name.capitalize()}", _count("people_by_state", name)) for name in STATES),
        *((f"{name.capitalize()}", _count("sources", name)) for name in (*SOURCES, "retained")),
        *((f"{name.capitalize()}", _count("losses", name)) for name in LOSSES),
    ]
    yield _day_table("States at the end of the day, sources and losses", report, by_state)
    ratios: list[tuple[str, Callable[[Daily], str]]] = [
        ("Visits", lambda daily: f"{daily.traffic.visits:,}"),
        ("Registrations", lambda daily: f"{daily.registrations:,}"),
        ("Who churned", lambda daily: f"{daily.churned:,}"),
        *((words, _share_of(name)) for name, words in RATIOS.items()),
        ("Phase", lambda daily: daily.phase),
    ]
    yield _day_table("Visits, registrations, ratios and phase", report, ratios)
    channels = channels_of(report)
    if channels:
        shown = [name for name in channels if any(name in daily.channels for daily in report.history)]
        yield _day_table("Visits by channel", report, [(name, _visits_of(name)) for name in shown])


def _day_table(caption: str, report: Report, columns: Sequence[tuple[str, Callable[[Daily], str]]]) -> str:
    return _table(
        caption,
        ("Day", *(name for name, _ in columns)),
        ((daily.day, *(text(daily) for _, text in columns)) for daily in reversed(report.history)),
    )


def _count(field: str, name: str) -> Callable[[Daily], str]:
    return lambda daily: f"{getattr(daily, field).get(name, 0):,}"


def _share_of(name: str) -> Callable[[Daily], str]:
    return lambda daily: share(ratio(daily, name))


def _visits_of(channel: str) -> Callable[[Daily], str]:
    return lambda daily: f"{daily.channels[channel].visits:,}" if channel in daily.channels else "0"


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _listed(counts: dict[str, int], names: Sequence[str], prefix: str) -> str:
    return ", ".join(f"{counts.get(name, 0):,} {prefix}{name}" for name in names) + "."


def _colour_rules() -> str:
    return "".join(
        f".{kind} {{ fill: var(--{name}); }} .line.{kind} {{ fill: none; stroke: var(--{name}); }}\n"
        for kind, name in _COLOURS.items()
    )
