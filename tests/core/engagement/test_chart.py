"""Charts: what is drawn where, how large they are, and that they stand alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from stream.core.engagement.chart import HEIGHT, WIDTH, Series, draw
from tests.core.engagement.judging import MINUTE, START_MS, Run, scaled, window

SVG = "{http://www.w3.org/2000/svg}"


def times(count: int) -> list[int]:
    return [START_MS + number * MINUTE for number in range(count)]


def drawn(series: Series, *, title: str = "Engagement volume", description: str = "It dropped.") -> bytes:
    return draw(series, title=title, description=description, label=lambda t: f"{t // MINUTE % 60:02}")


def of_class(svg: bytes, name: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(svg).iter() if element.get("class") == name]


def places(path: str) -> list[tuple[float, float]]:
    """Where a path leads, to a tenth."""
    found = []
    for stretch in path.split("M")[1:]:
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", stretch.removesuffix("h0"))]
        x, y = numbers[:2]
        found.append((x, y))
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = round(x + dx, 1), round(y + dy, 1)
            found.append((x, y))
    return found


def full(count: int = 121, **changes: object) -> Series:
    values = [400 + 7.3 * (number % 13) for number in range(count)]
    facts: dict[str, object] = {
        "times": times(count),
        "values": values,
        "expected": [410.1] * count,
        "lower": [311.7] * count,
        "upper": [512.3] * count,
        "promoted": [3.4 * (number % 9) for number in range(count)],
        "shaded": [(START_MS + 60 * MINUTE, START_MS + 90 * MINUTE)],
    }
    return Series(**(facts | changes))  # type: ignore[arg-type]


def test_two_hours_are_less_than_eight_kilobytes() -> None:
    assert len(drawn(full(), description="It dropped. " * 30)) < 8192


def test_it_can_be_read_to_one_who_does_not_see() -> None:
    root = ElementTree.fromstring(drawn(full(), title="A & B", description="<none> & more"))
    assert root.get("role") == "img"
    assert [root.findtext(SVG + tag) for tag in ("title", "desc")] == ["A & B", "<none> & more"]


def test_it_needs_nothing_from_elsewhere_and_knows_the_dark() -> None:
    text = drawn(full()).decode()
    assert re.findall(r"https?://[^\"]*|url\(|href|@import", text) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme:dark" in text


def test_its_style_touches_nothing_else_in_a_page() -> None:
    style = re.search(r"<style>(.*)</style>", drawn(full()).decode())
    assert style is not None
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", style[1].replace("@media(prefers-color-scheme:dark){", ""))
    assert all(one.strip().startswith(".ff ") for group in selectors for one in group.split(","))


def test_equal_numbers_make_equal_bytes() -> None:
    assert drawn(full()) == drawn(full())


def test_values_are_at_their_height_over_their_time() -> None:
    svg = drawn(Series(times=times(3), values=[0.0, 10.0, 5.0]))
    [line] = of_class(svg, "v")
    assert places(line.get("d", "")) == [(52, 196), (340, 30), (628, 113)]


def test_a_gap_breaks_the_line_and_the_band() -> None:
    holed = full(5, values=[1.0, 2.0, None, 2.0, 1.0], lower=[0, 0, None, 0, 0], shaded=[], promoted=[])
    svg = drawn(holed)
    assert [path.get("d", "").count("M") for path in of_class(svg, "v")] == [2]
    assert len(of_class(svg, "b")) == 2


def test_what_is_promoted_has_a_mark_of_its_own() -> None:
    assert len(of_class(drawn(full()), "p")) == 1
    assert of_class(drawn(full(promoted=[0.0] * 121)), "p") == []


def test_only_values_are_needed() -> None:
    svg = drawn(Series(times=times(3), values=[1.0, 5.0, 2.0], marks=[1]))
    assert [len(of_class(svg, name)) for name in ("v", "e", "b", "i", "p", "m")] == [1, 0, 0, 0, 0, 1]


def test_nothing_at_all_can_be_drawn() -> None:
    ElementTree.fromstring(drawn(Series(times=[], values=[])))
    ElementTree.fromstring(drawn(Series(times=[5], values=[0.0])))


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), min_size=1, max_size=40))
def test_all_is_inside_the_frame(values: list[float | None]) -> None:
    svg = drawn(Series(times=times(len(values)), values=values, shaded=[(0, START_MS * 2)]))
    for path in of_class(svg, "v"):
        for x, y in places(path.get("d", "")):
            assert 52 <= x <= WIDTH - 12
            assert 30 <= y <= HEIGHT - 24
    assert len(re.findall(r"<text", svg.decode())) <= 16


def test_an_incident_carries_the_last_two_hours_with_the_deviation_shaded() -> None:
    run = Run()
    run.add(window(), times=300)
    run.add(window(scaled(0.4)), times=30)
    [resolved] = run.add(window(), times=3)
    svg = resolved.chart.encode()
    assert len(svg) < 8192
    [line] = of_class(svg, "v")
    assert len(places(line.get("d", ""))) == 120
    [shade] = of_class(svg, "i")
    minute = (WIDTH - 52 - 12) / 119
    assert abs(float(shade.get("width", "0")) - 30 * minute) < 0.2
    assert ElementTree.fromstring(svg).findtext(SVG + "desc") == resolved.sentence
