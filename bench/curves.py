"""Curves over a number, as SVG: amounts by persons, partitions and the like. Equal numbers make equal
bytes."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 48, 40
LOGARITHMIC_FROM = 30
"""How many times as large as the smallest the largest is, from which on `across` is logarithmic."""
COLOURS = ("#4078c0", "#bf8700", "#2da44e")
STYLE = (
    ".gc text{font:11px system-ui,sans-serif;fill:#555}.gc .t{font-size:13px;fill:#111}.gc .w{fill:#fff}"
    ".gc .g{stroke:#ddd}@media(prefers-color-scheme:dark){.gc text{fill:#aaa}.gc .t{fill:#eee}"
    ".gc .w{fill:#0d1117}.gc .g{stroke:#333}}"
)


class Curve(NamedTuple):
    """One line; `name` may be empty where there is no other."""

    name: str
    points: Sequence[tuple[float, float]]


def draw(curves: Sequence[Curve], *, title: str, across: str, up: str) -> bytes:
    """The SVG in UTF-8: from zero upwards; across evenly or by powers of ten, whatever shows the points."""
    places = _Places(curves)
    said = "; ".join(
        f"{curve.name or title}: " + ", ".join(f"{x:,g} {y:.4g}" for x, y in curve.points) for curve in curves
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gc" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(f'{up} by {across}. {said}')}</desc>",
        f'<style>{STYLE}</style><rect class="w" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="t" x="{LEFT}" y="18">{escape(title)}</text>',
        f'<text x="{LEFT}" y="36">{escape(up)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(across)}</text>',
        *_axes(places, curves),
    ]
    for number, curve in enumerate(curves):
        parts += _curve(curve, places, COLOURS[number % len(COLOURS)], number)
    return "".join([*parts, "</svg>\n"]).encode()


class _Places:
    """From numbers to places in the picture."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        xs = [x for curve in curves for x, _ in curve.points]
        self.step = _step(max(y for curve in curves for _, y in curve.points))
        self.high = -(-max(y for curve in curves for _, y in curve.points) // self.step) * self.step
        self._logarithmic = min(xs) > 0 and max(xs) / min(xs) >= LOGARITHMIC_FROM
        self._low, self._wide = self._measure(min(xs)), self._measure(max(xs)) - self._measure(min(xs)) or 1.0

    def _measure(self, x: float) -> float:
        return log10(x) if self._logarithmic else x

    def x(self, x: float) -> float:
        return LEFT + 8 + (self._measure(x) - self._low) / self._wide * (WIDTH - LEFT - RIGHT - 24)

    def y(self, y: float) -> float:
        return HEIGHT - BOTTOM - y / self.high * (HEIGHT - TOP - BOTTOM)


def _step(high: float) -> float:
    """1, 2 or 5 times a power of ten, so that three to seven lines reach up to `high`."""
    power: float = 10.0 ** floor(log10(high / 3))
    return next((factor * power for factor in (5, 2) if high / (factor * power) >= 3), power)


def _axes(places: _Places, curves: Sequence[Curve]) -> list[str]:
    parts = []
    for number in range(round(places.high / places.step) + 1):
        value = number * places.step
        y = places.y(value)
        parts.append(f'<path class="g" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y:.1f}" dy=".3em" text-anchor="end">{value:,.10g}</text>')
    last = -100.0
    for x in sorted({x for curve in curves for x, _ in curve.points}):
        at = places.x(x)
        if at - last >= 48:
            parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 24}" text-anchor="middle">{x:,.10g}</text>')
            last = at
    return parts


def _curve(curve: Curve, places: _Places, colour: str, number: int) -> list[str]:
    points = [(places.x(x), places.y(y), x, y) for x, y in sorted(curve.points)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
    parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>']
    for at_x, at_y, x, y in points:
        parts.append(
            f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="3" fill="{colour}">'
            f"<title>{x:,g}: {y:.4g}</title></circle>"
        )
    if curve.name:
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{18 + 15 * number}" text-anchor="end" style="fill:{colour}">'
            f"{escape(curve.name)}</text>"
        )
    return parts
