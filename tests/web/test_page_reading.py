"""The live page can be read and operated by everybody, everywhere, and takes nothing for markup."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.answering import Answering
from tests.web.conftest import OpenPage
from tests.web.recording import later
from tests.web.waiting import until

NASTY = "<img src=x onerror=alert(1)><script>alert(2)</script>"
TEXT, GRAPHIC = 4.5, 3.0
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
NAMELESS = Path(__file__).with_name("nameless.js").read_text(encoding="utf-8")


def somebody(answering: Answering) -> dict[str, Any]:
    """The last transition of somebody who is known at the end."""
    return answering.published["transitions"][-1]


def test_a_persons_story_is_found_by_keyboard_alone(open_page: OpenPage, answering: Answering) -> None:
    person = somebody(answering)["person"]
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.type(person)
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name=person)
    expect(drawer).to_be_visible()
    told = answering.recording.explain(person)
    assert told is not None
    expect(drawer.locator(".tag.state")).to_have_text(told.state)
    expect(drawer).to_contain_text(f"tier {told.tier}")
    expect(drawer).to_contain_text(f"{told.engaged_visits} visit")
    expect(drawer).to_contain_text(f"{told.visits}, {len(told.open_visits)} of them open")
    rows = drawer.get_by_role("region", name="Key events").locator("tbody tr")
    shown = {
        row.locator("th").text_content(): [int(n) for n in row.locator("td").all_text_contents()]
        for row in rows.all()
    }
    assert shown == {name: [n.days_1, n.days_7, n.days_30] for name, n in told.key_events.items()}
    theirs = [one for one in answering.published["transitions"] if one["person"] == person]
    assert drawer.locator(".story li").count() == min(len(theirs), 20)
    expect(drawer.locator(".story li").first).to_contain_text(theirs[-1]["reason"])
    expect(drawer.locator(".story li").first).to_contain_text(theirs[-1]["cause"])
    assert page.evaluate("location.hash") == f"#person={person}"
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    until(page, "location.hash === ''")
    assert page.evaluate("document.activeElement.id") == "find-person"


def test_a_story_goes_on_while_it_is_read(open_page: OpenPage, answering: Answering) -> None:
    record = somebody(answering)
    page = open_page(f"#person={record['person']}")
    drawer = page.get_by_role("dialog")
    expect(drawer.locator(".story li").first).to_contain_text(record["reason"])
    newer = {
        **record,
        "transition_id": "newer",
        "kind": "lifecycle",
        "from": "active",
        "to": "silent",
        "reason": "lapsed",
    }
    answering.published["transitions"].append(newer)
    answering.publish("transition", newer)
    expect(drawer.locator(".story li").first).to_contain_text("Fell silent")


def test_nobody_of_that_id_is_said_in_words(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("searchbox", name="Person").fill("nobody/at all?")
    page.get_by_role("button", name="Show").click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Nobody is known as “nobody/at all?”.")
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_be_hidden()


def test_the_worker_of_a_person_that_does_not_answer_is_told(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    answering.refuse("/people/u1", 503, "partition 3 is being restored")
    page.evaluate("location.hash = '#person=u1'")
    expect(page.get_by_role("dialog")).to_contain_text("partition 3 is being restored")


def test_light_and_dark_follow_the_system_until_somebody_chooses(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch to light").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light, "the choice is forgotten"
    page.get_by_role("button", name="Switch to dark").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_told_from_its_ground(
    open_page: OpenPage, answering: Answering, scheme: str
) -> None:
    """By WCAG's formula: text 4.5 to 1, marks and the borders of controls 3 to 1."""
    opened = answering.published["incidents"][-2]
    answering.published["incidents"] += [
        {**opened, "incident_id": "a", "record_id": "a/1", "severity": "page", "note": "a note"},
        {**opened, "incident_id": "b", "record_id": "b/1", "severity": "ticket"},
    ]
    answering.states = {**answering.states, "counted": 3}
    page = open_page(color_scheme=scheme)
    page.locator("#flow-table-of summary").click()
    page.locator("#chart-table-of summary").click()
    expect(page.locator(".alarm li")).to_have_count(2)
    expect(page.locator("#notice")).to_be_visible()
    ratios = page.evaluate(CONTRAST)
    page.evaluate(f"location.hash = '#person={somebody(answering)['person']}'")
    expect(page.locator("#drawer-body .story li").first).to_be_visible()
    ratios += page.evaluate(CONTRAST)
    assert len([one for one in ratios if one[0] == "text"]) > 200
    weak = [one for one in ratios if one[2] < (TEXT if one[0] == "text" else GRAPHIC)]
    assert weak == []


@pytest.mark.parametrize("width", [360, 640, 1024, 1100])
def test_no_screen_is_too_narrow(open_page: OpenPage, answering: Answering, width: int) -> None:
    """360 is a phone; 640 is a laptop's 1280 at 200 % zoom."""
    answering.states["people"] = dict.fromkeys(answering.states["people"], 1234567)
    page = open_page(width=width, height=700)
    page.locator("#flow-table-of summary").click()
    page.locator("#chart-table-of summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    cut = page.evaluate(
        """() => [...document.querySelectorAll('#flow .state')].flatMap(one => {
            const card = one.querySelector('.card').getBoundingClientRect();
            const boxes = [...one.querySelectorAll('text')].map(text => text.getBoundingClientRect())
                .filter(box => box.width);
            const outside = boxes.some(box => box.left < card.left || box.right > card.right
                || box.bottom > card.bottom);
            // Lines of text are higher than what is seen of them.
            const over = boxes.some((a, i) => boxes.slice(i + 1).some(b =>
                a.left < b.right && b.left < a.right
                && a.top + 5 < b.bottom - 5 && b.top + 5 < a.bottom - 5));
            return outside || over ? [one.textContent] : [];
        })"""
    )
    assert cut == []
    page.evaluate(f"location.hash = '#person={somebody(answering)['person']}'")
    expect(page.locator("#drawer-body .story li").first).to_be_visible()
    assert page.evaluate("document.getElementById('drawer').scrollWidth") <= width


def test_every_control_and_picture_has_a_name_and_every_region_a_heading(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    assert page.evaluate(NAMELESS) == []
    assert page.locator("h1").count() == 1
    for heading in ("Now", "Lifecycle", "Latest transitions", "Engagement", "Incidents", "Key events"):
        expect(page.get_by_role("region", name=heading, exact=True)).to_have_count(1)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    flow = page.locator("#flow").get_by_role("img")
    active = answering.states["people"]["active"]
    assert f"{active:,} active" in (page.locator("#flow-words").text_content() or "")
    assert flow.get_attribute("aria-labelledby") == "flow-words"
    assert page.locator("#transitions").get_attribute("aria-live") is None
    page.evaluate(f"location.hash = '#incident={answering.published['incidents'][-1]['incident_id']}'")
    expect(page.locator("#drawer-body img")).to_be_visible()
    assert page.evaluate(NAMELESS) == []


def test_the_chart_is_read_by_keys(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    before_last = answering.windows["total"][-2]
    said = page.locator("#chart-said")
    expect(said).to_contain_text(f"volume {before_last['volume']:.0f}")
    assert said.get_attribute("aria-live") == "polite"
    page.keyboard.press("Home")
    expect(said).to_contain_text(f"volume {answering.windows['total'][-200]['volume']:.0f}")
    assert page.locator("#chart .cursor circle").count() == 1
    page.locator("#chart-table-of summary").click()
    cells = page.locator("#chart-rows tr").first.locator("td").all_text_contents()
    last = answering.windows["total"][-1]
    assert cells[0] == f"{last['volume']:.0f}"


def test_markup_in_what_people_send_stays_text(open_page: OpenPage, answering: Answering) -> None:
    record = {**somebody(answering), "person": NASTY, "transition_id": "n1", "cause": NASTY}
    answering.published["transitions"].append(record)
    answering.published["transitions"].append(
        {**record, "transition_id": "n2", "reason": NASTY, "from": NASTY, "to": "constructor"}
    )
    explained = answering.recording.explain(answering.published["transitions"][0]["person"])
    assert explained is not None
    answering.people[NASTY] = {
        "explanation": {
            **{name: getattr(explained, name) for name in explained.__struct_fields__},
            "person": NASTY,
            "state": NASTY,
            "key_events": {NASTY: {"days_1": 1, "days_7": 1, "days_30": 1}},
            "open_visits": [],
            "joined_ids": [NASTY],
        },
        "transitions": [record],
        "complete": False,
    }
    chart = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(3)"><script>alert(4)</script></svg>'
    nasty = {
        **answering.published["incidents"][-2],
        "incident_id": NASTY,
        "record_id": NASTY,
        "series": f"channel:{NASTY}",
        "sentence": NASTY,
        "note": NASTY,
        "owners": [NASTY],
        "chart": chart,
    }
    nasty["moved"] = [{**one, "series": f"channel:{NASTY}"} for one in nasty["moved"]]
    answering.published["incidents"].append(nasty)
    windows = answering.windows["total"]
    name = f"channel:{NASTY}"
    answering.windows = {
        "total": [*windows[:-1], {**windows[-1], "key_events": {NASTY: 99_999}}],
        name: [{**one, "series": name} for one in windows[-30:]],
    }
    page = open_page()
    expect(page.locator("#transitions li").first).to_contain_text(NASTY)
    expect(page.locator("#alarm")).to_contain_text(NASTY)
    expect(page.locator("#incidents")).to_contain_text(NASTY)
    expect(page.locator("#keys-list")).to_contain_text(NASTY)
    page.get_by_label("Series").select_option(value=name)
    until(page, "document.querySelector('#chart path.value') !== null")
    page.locator("#transitions a").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer.locator("h2")).to_have_text(NASTY)
    expect(drawer.locator(".story li")).to_contain_text(NASTY)
    page.keyboard.press("Escape")
    page.locator("#alarm a").first.click()
    expect(drawer.locator(".lead")).to_have_text(NASTY)
    until(page, "document.querySelector('#drawer img').complete")
    scripts = page.evaluate("[...document.scripts].map(one => one.getAttribute('src'))")
    assert scripts == ["assets/theme.js", "assets/main.js"]
    assert page.locator("img").count() == 1, "only the chart"
    assert page.locator("[onerror], [onload]").count() == 0


def test_hours_of_events_leave_it_as_light_as_before(open_page: OpenPage, answering: Answering) -> None:
    page = open_page(reduced_motion="reduce")
    sizes = "[document.querySelectorAll('*').length, performance.memory.usedJSHeapSize]"
    model = answering.published["transitions"][-400:]
    last = answering.windows["total"][-1]
    client = page.context.new_cdp_session(page)

    def an_hour(number: int) -> tuple[int, float]:
        for part in range(8):
            answering.publish(
                "transition",
                *({**one, "transition_id": f"{number}-{part}-{n}"} for n, one in enumerate(model)),
            )
            start = later(last["end"], timedelta(hours=number * 8 + part))
            window = {**last, "start": start, "end": later(start, timedelta(hours=1))}
            answering.publish("engagement", {**window, "status": "provisional"}, window)
            answering.publish("states", {**answering.states, "open_visits": number * 8 + part})
        expect(page.locator("#now-there")).to_have_text(str(number * 8 + 7))
        until(page, f"document.querySelector('#transitions li').dataset.id.startsWith('{number}-7')")
        until(page, "document.querySelectorAll('#flow .dot').length === 0")
        client.send("HeapProfiler.collectGarbage")
        elements, heap = page.evaluate(sizes)
        return elements, heap / 1e6

    for number in range(1, 4):
        before = an_hour(number)
    page.emulate_media(reduced_motion="no-preference")
    an_hour(4)
    page.emulate_media(reduced_motion="reduce")
    for number in range(5, 8):
        after = an_hour(number)
    assert after[0] <= before[0] + 20
    assert after[0] < 2_000
    # 12,800 transitions later; only their ids are remembered, up to 20,000 of them.
    assert after[1] < before[1] + 3


def test_nothing_jumps(open_page: OpenPage, answering: Answering) -> None:
    """Cumulative layout shift while it loads and follows; up to 0.1 is good by Web Vitals."""
    page = open_page()
    page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: 'layout-shift', buffered: true }); }"""
    )
    answering.publish("states", {**answering.states, "counted": 3, "open_visits": 1_234})
    answering.publish("transition", {**somebody(answering), "transition_id": "new one"})
    expect(page.locator("#now-there")).to_have_text("1,234")
    expect(page.locator("#notice")).to_be_visible()
    assert page.evaluate("window.shift") < 0.05


def test_it_is_small_and_whole(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    sizes = page.evaluate(
        """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
            .filter(one => one.name.includes('/assets/') || one.entryType === 'navigation')
            .map(one => [one.name, one.transferSize])"""
    )
    assert len(sizes) > 20
    assert sum(size for _, size in sizes) < 100_000


def test_printed_it_fits_on_paper(open_page: OpenPage) -> None:
    page: Page = open_page()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins, at 96 dots an inch
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert page.pdf(format="A4").startswith(b"%PDF")
