"""The report's page, opened in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from stream.report.days import choose
from stream.report.page import page as html_of
from tests.report.days import days

PLOTS = 5


@pytest.fixture(params=["light", "dark"])
def tab(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page of an invented product with a nasty channel; whatever it asks for or complains of fails."""
    file = tmp_path / "report.html"
    file.write_text(html_of(choose(days(channel='<script>alert("x")</script>'), None)), encoding="utf-8")
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1000, "height": 800})
    tab = context.new_page()
    trouble: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("dialog", lambda dialog: trouble.append(dialog.message))
    tab.on("request", lambda asked_for: asked.append(asked_for.url))
    tab.goto(file.as_uri())
    yield tab
    assert trouble == []
    assert asked == [file.as_uri()]
    context.close()


def test_every_plot_is_drawn_and_says_what_it_shows(tab: Page) -> None:
    plots = tab.get_by_role("img")
    assert plots.count() == PLOTS
    for number in range(PLOTS):
        plot = plots.nth(number)
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 500
        assert box["height"] > 100
        named_by = (plot.get_attribute("aria-labelledby") or "").split()
        assert all(tab.locator(f"#{name}").text_content() for name in named_by)
        assert plot.locator("rect, circle").count() >= 30


def test_what_is_drawn_stays_inside_its_plot(tab: Page) -> None:
    outside = tab.evaluate(
        """() => [...document.querySelectorAll('figure > svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('rect, circle, text, polyline')].filter(one => {
                const box = one.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1
                    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
            }).map(one => one.outerHTML);
        })"""
    )
    assert outside == []


def test_text_can_be_read_on_its_ground(tab: Page) -> None:
    """By WCAG's formula, at least 4.5 to 1, in light and dark."""
    ratios = tab.evaluate(
        """() => {
            const numbers = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const light = colour => numbers(colour).map(c => c / 255)
                .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = light(getComputedStyle(document.body).backgroundColor);
            return ['h1', 'figcaption', 'td', 'thead th', '.tick', 'text.phase'].map(selector => {
                const one = document.querySelector(selector);
                const style = getComputedStyle(one);
                const text = light(one.closest('svg') ? style.fill : style.color);
                return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
            });
        }"""
    )
    assert min(ratios) >= 4.5


def test_numbers_are_there_as_a_table_for_each_day(tab: Page) -> None:
    table = tab.get_by_role("table", name="States at the end of the day, sources and losses")
    rows = table.get_by_role("row")
    assert rows.count() == 31
    first = rows.nth(1).get_by_role("cell").all_text_contents()
    assert rows.nth(1).get_by_role("rowheader").text_content() == "2026-03-12"
    assert first[:3] == ["239", "1,604", "600"]


def test_a_name_from_the_events_is_text_and_nothing_else(tab: Page) -> None:
    assert tab.locator("script").count() == 0
    assert tab.get_by_role("table", name="Visits by channel").get_by_text('<script>alert("x")').count() == 1


def test_a_narrow_screen_scrolls_tables_and_not_the_page(tab: Page) -> None:
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_printed_nothing_is_cut_off(tab: Page) -> None:
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins, at 96 dots an inch
    assert tab.evaluate("document.documentElement.scrollWidth") <= 703
    assert tab.pdf(format="A4").startswith(b"%PDF")
