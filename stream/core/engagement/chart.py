"""A small chart as SVG: a value, what was expected, its band. Equal numbers make equal bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import floor, log10
from xml.sax.saxutils import escape

from msgspec import Struct

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 30, 24
# Of this drawing only, wherever it stands in a page; with a ground of its own, so that it reads on any.
_STYLE = (
    ".ff text{font:11px system-ui,sans-serif;fill:#555}.ff .t{font-size:13px;fill:#111}.ff .w{fill:#fff}"
    ".ff .g{stroke:#ddd}.ff .b{fill:#4078c0;opacity:.18}.ff .e{stroke:#4078c0;stroke-dasharray:4 3}"
    ".ff .v{stroke:#111;stroke-width:1.6}.ff .i{fill:#d1242f;opacity:.14}.ff .p{stroke:#bf8700}"
    ".ff .m{fill:#d1242f}.ff .e,.ff .v,.ff .g,.ff .p{fill:none}"
    "@media(prefers-color-scheme:dark){.ff text{fill:#aaa}.ff .t{fill:#eee}.ff .w{fill:#0d1117}"
    ".ff .g{stroke:#333}.ff .b{fill:#6cb6ff}.ff .e{stroke:#6cb6ff}.ff .v{stroke:#eee}"
    ".ff .i,.ff .m{fill:#ff6b6b}.ff .p{stroke:#e3b341}}"
)


class Series(Struct, frozen=True, kw_only=True):
    """What is drawn, at ascending `times` in ms; None is a gap.

    `expected`, `lower`, `upper` and `promoted` may be empty, else they are as long as `times`. `marks` are
    places in `times` with a dot on the value; `shaded` are stretches of time, in ms.
    """

    times: Sequence[int]
    values: Sequence[float | None]
    expected: Sequence[float | None] = ()
    lower: Sequence[float | None] = ()
    upper: Sequence[float | None] = ()
    promoted: Sequence[float] = ()
    marks: Sequence[int] = ()
    shaded: Sequence[tuple[int, int]] = ()


def draw(series: Series, *, title: str, description: str, label: Callable[[int], str]) -> bytes:
    """The SVG in UTF-8, 640 wide and 220 high. `label` puts a time, in ms, for the axis.

    Light or dark as the reader's system is; nothing is loaded from elsewhere. Below 8 KB for 121 points.
    """
    scale = _Scale(series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ff" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc><style>{_STYLE}</style>",
        f'<rect class="w" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="t" x="{_LEFT}" y="18">{escape(title)}</text>',
        *_axes(series, scale, label),
    ]
    for start_ms, end_ms in series.shaded:
        left, right = scale.x(start_ms), scale.x(end_ms)
        parts.append(
            f'<rect class="i" x="{_n(left)}" y="{_TOP}" width="{_n(max(right - left, 2))}" '
            f'height="{HEIGHT - _TOP - _BOTTOM}"/>'
        )
    parts.extend(_band(series, scale))
    if series.expected:
        parts.append(f'<path class="e" d="{_line(series.times, series.expected, scale)}"/>')
    parts.extend(_promoted(series, scale))
    parts.append(f'<path class="v" d="{_line(series.times, series.values, scale)}"/>')
    for place in series.marks:
        value = series.values[place]
        if value is not None:
            parts.append(
                f'<circle class="m" cx="{_n(scale.x(series.times[place]))}" cy="{_n(scale.y(value))}" r="3"/>'
            )
    return "".join([*parts, "</svg>"]).encode()


class _Scale:
    """From times and values to places, values from 0 where they are not negative."""

    def __init__(self, series: Series) -> None:
        drawn = [
            number
            for numbers in (series.values, series.expected, series.lower, series.upper, series.promoted)
            for number in numbers
            if number is not None
        ]
        self.low = min([0.0, *drawn])
        self.step = _tidy_step(max([0.0, *drawn]) - self.low)
        self.high = max([self.low + self.step, *drawn])
        self.first = series.times[0] if series.times else 0
        self.last = max(series.times[-1], self.first + 1) if series.times else 1

    def x(self, t: int) -> float:
        within = min(max(t, self.first), self.last)
        return _LEFT + (within - self.first) / (self.last - self.first) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM)


def _axes(series: Series, scale: _Scale, label: Callable[[int], str]) -> list[str]:
    parts = []
    tick = floor(scale.low / scale.step) * scale.step
    while tick <= scale.high + scale.step * 1e-9:
        if tick >= scale.low - scale.step * 1e-9:
            y = _n(scale.y(tick))
            parts.append(f'<path class="g" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>')
            parts.append(f'<text x="{_LEFT - 5}" y="{y}" dy=".3em" text-anchor="end">{tick:,.10g}</text>')
        tick += scale.step
    if series.times:
        middle = series.times[len(series.times) // 2]
        for t, anchor in ((scale.first, "start"), (middle, "middle"), (series.times[-1], "end")):
            place = f'x="{_n(scale.x(t))}" y="{HEIGHT - 8}" text-anchor="{anchor}"'
            parts.append(f"<text {place}>{escape(label(t))}</text>")
    return parts


def _band(series: Series, scale: _Scale) -> list[str]:
    """One closed outline a stretch without gaps."""
    stretches: list[list[tuple[int, float, float]]] = [[]]
    for t, low, high in zip(series.times, series.lower, series.upper, strict=False):
        if low is None or high is None:
            stretches.append([])
        else:
            stretches[-1].append((t, low, high))
    paths = []
    for stretch in stretches:
        if stretch:
            up = [(scale.x(t), scale.y(high)) for t, _, high in stretch]
            down = [(scale.x(t), scale.y(low)) for t, low, _ in reversed(stretch)]
            paths.append(f'<path class="b" d="{_through(up + down)}Z"/>')
    return paths


def _promoted(series: Series, scale: _Scale) -> list[str]:
    """A bar a time with anything promoted: a mark of its own, no part of the value."""
    width = max((WIDTH - _LEFT - _RIGHT) / max(len(series.times), 1) * 0.6, 1)
    ground = _n(scale.y(0))
    bars = [
        f"M{_n(scale.x(t))} {ground}V{_n(scale.y(value))}"
        for t, value in zip(series.times, series.promoted, strict=False)
        if value > 0
    ]
    return [f'<path class="p" stroke-width="{_n(width)}" d="{"".join(bars)}"/>'] if bars else []


def _line(times: Sequence[int], values: Sequence[float | None], scale: _Scale) -> str:
    stretches: list[list[tuple[float, float]]] = [[]]
    for t, value in zip(times, values, strict=True):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((scale.x(t), scale.y(value)))
    return "".join(_through(stretch) for stretch in stretches if stretch)


def _through(places: Sequence[tuple[float, float]]) -> str:
    """A path through places, by steps in tenths: half as long as with the places themselves."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in places]
    steps = [
        f"{_n((x - x_before) / 10)} {_n((y - y_before) / 10)}"
        for (x_before, y_before), (x, y) in pairwise(tenths)
    ]
    first = f"M{_n(tenths[0][0] / 10)} {_n(tenths[0][1] / 10)}"
    return (first + ("l" + " ".join(steps) if steps else "h0")).replace(" -", "-")


def _tidy_step(extent: float) -> float:
    """1, 2 or 5 times a power of ten, so that three to six lines make up the extent."""
    if extent < 1e-12:
        return 1.0
    power: float = 10.0 ** floor(log10(extent / 3))
    return next((factor * power for factor in (5, 2) if extent / (factor * power) >= 3), power)


def _n(number: float) -> str:
    """A place, to a tenth, in few characters."""
    return f"{number:.1f}".removesuffix(".0")
