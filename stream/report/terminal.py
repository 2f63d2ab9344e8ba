"""The daily report on a terminal, or in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stream.core.records import Daily
from stream.report.days import Report
from stream.report.figures import (
    EVERYBODY,
    PHASES,
    RATIOS,
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

PIPED_WIDTH = 110
BAR_WIDTH = 24
TICKS = "▁▂▃▄▅▆▇█"
NO_DAY = "·"
COLOURS = {"growing": "green", "declining": "red", "stable": "cyan"}


def print_report(report: Report, console: Console) -> None:
    """Prints the report; colours and the width are the console's affair.

    Where it is no terminal, lines end with their last character.
    """
    with console.capture() as captured:
        for part in _parts(report):
            console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=isinstance(part, Text))
    text = captured.get()
    if not console.is_terminal:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    console.file.write(text)


def _parts(report: Report) -> Iterator[RenderableType]:
    daily = report.daily
    yield Text.assemble((f"{report.day:%A} {daily.day}", "bold"), "  ", _phase(daily))
    yield ""
    yield Text.assemble(("Active persons  ", "bold"), balance(daily))
    yield _indented(_reach(daily))
    yield _title("States", "at the end of the day")
    yield _indented(_shares(daily.people_by_state, STATES))
    yield _title("Tiers", "of registered persons")
    yield _indented(_shares(daily.people_by_tier, TIERS))
    yield _title("Ratios", f"over 30 days, of {daily.base:,} new, active or silent persons")
    yield _indented(_ratios(report))
    yield _title("Traffic", "of visits that began on the day")
    yield _indented(_traffic(daily))
    yield Text(f"Pseudo-active: {daily.pseudo_active:,} who were there without really having been active")
    if daily.goals:
        yield _title("Goals", "")
        yield _indented(_goals(daily))
    yield Text(f"definition {daily.definition}", style="dim")


def _phase(daily: Daily) -> tuple[str, str]:
    return PHASES[daily.phase], COLOURS[daily.phase]


def _title(name: str, explained: str) -> Text:
    return Text.assemble((name, "bold"), f"  {explained}" if explained else "")


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 1, 2), expand=False)


def _table(*columns: str, left: int = 1) -> Table:
    """Columns of figures, the first `left` ones of words."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    return table


def _reach(daily: Daily) -> Table:
    table = _table("with an event in the last", "day", "7 days", "30 days")
    for name, reached in (("registered persons", daily.active), ("visitors", daily.visitors)):
        table.add_row(name, f"{reached.days_1:,}", f"{reached.days_7:,}", f"{reached.days_30:,}")
    return table


def _shares(counts: Mapping[str, int], names: Sequence[str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for number in range(4):
        table.add_column(justify="right" if number in (1, 2) else "left", no_wrap=True)
    total = sum(counts.get(name, 0) for name in names)
    for name in names:
        part = counts.get(name, 0) / total if total else 0.0
        bar = "█" * round(part * BAR_WIDTH)
        table.add_row(name, f"{counts.get(name, 0):,}", share(part), Text(bar, style="cyan"))
    return table


def _ratios(report: Report) -> Table:
    table = _table("", "", "in 7 days", "30 days up to now")
    table.columns[3].justify = "left"
    before = report.before(7)
    for name, words in RATIOS.items():
        now = ratio(report.daily, name)
        was = None if before is None else ratio(before, name)
        table.add_row(words, share(now), change(now, was), _ticks(report, _of(name)))
    table.add_row(
        "Active persons",
        f"{report.daily.people_by_state.get('active', 0):,}",
        "",
        _ticks(report, lambda daily: daily.people_by_state.get("active", 0)),
    )
    table.add_row(
        "Visits",
        f"{report.daily.traffic.visits:,}",
        "",
        _ticks(report, lambda daily: daily.traffic.visits),
    )
    return table


def _of(name: str) -> Callable[[Daily], float]:
    return lambda daily: ratio(daily, name)


def _ticks(report: Report, value: Callable[[Daily], float]) -> str:
    """A day a character, from 0 to the greatest."""
    by_day = {one.day: value(one) for one in report.history}
    most = max(by_day.values(), default=0.0)
    return "".join(
        NO_DAY
        if (at := by_day.get(day.isoformat())) is None
        else TICKS[min(int(at / most * len(TICKS)), len(TICKS) - 1) if most > 0 else 0]
        for day in report.days
    )


def _traffic(daily: Daily) -> Table:
    table = _table("channel", "visits", "people", "page views", "bounces", "pages a visit", "a visit lasts")
    for name, traffic in traffic_rows(daily):
        table.add_row(
            name,
            f"{traffic.visits:,}",
            f"{traffic.people:,}",
            f"{traffic.pageviews:,}",
            share(traffic.bounce_rate),
            f"{traffic.pages_per_visit:.1f}",
            seconds(traffic.seconds_per_visit),
            style="bold" if name == EVERYBODY and traffic is daily.traffic else "",
        )
    return table


def _goals(daily: Daily) -> Table:
    table = _table("figure", "is", "of", "reached", "by", left=1)
    for goal in daily.goals:
        table.add_row(
            goal.metric,
            amount(goal.value),
            amount(goal.target),
            share(goal.reached),
            f"{goal.date} ({days_left(goal.days_left)})",
        )
    return table
