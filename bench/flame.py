"""A flame graph as SVG, from stacks in py-spy's raw format: `frame;frame;frame count`, the root first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

Stacks = Mapping[tuple[str, ...], int]
"""Frames from the root, and in how many samples they were."""

WIDTH, ROW, LETTER, MARGIN = 1200, 17, 6.6, 10
LEAST_PX = 1.0
COLOURS = (
    ("stream/core/", "core", "#e8833a"),
    ("stream/engine/", "engine", "#c9a227"),
    ("stream/", "agents, metrics", "#d9c46b"),
    ("aiokafka/", "aiokafka", "#7fa7c9"),
    ("faust/", "Faust", "#9fbf8f"),
    ("mode/", "Faust", "#9fbf8f"),
)
OTHER = ("Python, event loop", "#cfcfcf")
_STYLE = "text{font:11px monospace;fill:#222}rect{stroke:#fff;stroke-width:.5}"


def parse(lines: Iterable[str]) -> Counter[tuple[str, ...]]:
    """The stacks of a file in the raw format."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        frames, _, count = line.rstrip("\n").rpartition(" ")
        if frames:
            stacks[tuple(frames.split(";"))] += int(count)
    return stacks


class _Node:
    """A frame with all that it called: `samples` include those of its calls."""

    def __init__(self) -> None:
        self.samples = 0
        self.calls: dict[str, _Node] = {}


def _tree(stacks: Stacks) -> _Node:
    root = _Node()
    for frames, count in stacks.items():
        node = root
        node.samples += count
        for frame in frames:
            node = node.calls.setdefault(frame, _Node())
            node.samples += count
    return root


def svg(stacks: Stacks, title: str) -> str:
    """The graph: callers below, what they call above, as wide as its share of the samples."""
    root = _tree(stacks)
    per_sample = (WIDTH - 2 * MARGIN) / root.samples
    boxes: list[tuple[int, float, float, str, int]] = []

    def place(node: _Node, depth: int, left: float) -> None:
        for frame, call in sorted(node.calls.items()):
            width = call.samples * per_sample
            if width >= LEAST_PX:
                boxes.append((depth, left, width, frame, call.samples))
                place(call, depth + 1, left)
            left += width

    place(root, 0, MARGIN)
    deepest = max(depth for depth, *_ in boxes)
    height = (deepest + 1) * ROW + 3 * ROW + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-size="11">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="{MARGIN + 11}">{escape(title)}</text>',
        *_legend(MARGIN + ROW),
    ]
    for depth, left, width, frame, samples in boxes:
        top = height - MARGIN - (depth + 1) * ROW
        share = samples / root.samples
        parts.append(
            f'<g><title>{escape(frame)}: {share:.1%}</title><rect x="{left:.1f}" y="{top}" '
            f'width="{width:.1f}" height="{ROW}" fill="{colour(frame)[1]}"/>'
            f"{_label(frame, left, top, width)}</g>"
        )
    return "\n".join([*parts, "</svg>", ""])


def colour(frame: str) -> tuple[str, str]:
    """The layer that a frame belongs to, and its colour."""
    return next(((layer, fill) for part, layer, fill in COLOURS if part in frame), OTHER)


def _label(frame: str, left: float, top: int, width: float) -> str:
    letters = int((width - 4) / LETTER)
    if letters < 4:
        return ""
    name = frame.partition(" (")[0]
    shown = frame if len(frame) <= letters else name if len(name) <= letters else name[: letters - 1] + "…"
    return f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(shown)}</text>'


def _legend(top: int) -> Sequence[str]:
    parts, left = [], MARGIN
    for layer, fill in dict.fromkeys([*((layer, fill) for _, layer, fill in COLOURS), OTHER]):
        parts.append(f'<rect x="{left}" y="{top}" width="12" height="12" fill="{fill}"/>')
        parts.append(f'<text x="{left + 16}" y="{top + 10}">{escape(layer)}</text>')
        left += 40 + int(len(layer) * LETTER)
    return parts
