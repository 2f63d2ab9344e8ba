"""The live page shows what the worker answers, and follows what happens."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.answering import Answering
from tests.web.conftest import OpenPage
from tests.web.recording import later
from tests.web.waiting import until, until_so

MOST_DOTS = 120
MOST_ROWS = 40


def text(page: Page, selector: str) -> str:
    return page.locator(selector).text_content() or ""


def again(record: dict[str, Any], number: int, **changed: Any) -> dict[str, Any]:
    """A transition like this one that has not been published yet."""
    return {**record, "transition_id": f"{record['person']}#again-{number}", **changed}


def a_transition(answering: Answering, reason: str) -> dict[str, Any]:
    return next(one for one in answering.published["transitions"] if one["reason"] == reason)


def count_of(page: Page, reason: str) -> int:
    """What stands at the edge of a reason."""
    label = page.locator("#flow .reason").filter(
        has=page.locator(".word", has_text=reason).and_(page.get_by_text(reason, exact=True))
    )
    return int((label.locator(".count").text_content() or "").replace(",", ""))


def test_the_numbers_are_those_of_the_worker(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    states = answering.states
    for state, count in states["people"].items():
        assert text(page, f"#flow .s-{state} .count") == f"{count:,}"
    for tier, count in states["tiers"].items():
        assert text(page, f"#tier-{tier}") == f"{count:,}"
    for days in (1, 7, 30):
        assert text(page, f"#now-days-{days}") == f"{states['registered'][f'days_{days}']:,}"
        assert f"{states['visitors'][f'days_{days}']:,} visitor" in text(page, f"#now-days-{days}-more")
    assert text(page, "#now-there") == str(states["open_visits"])
    last = answering.windows["total"][-1]
    assert text(page, "#now-events") == f"{last['events'] / 60:.1f}"
    assert "a minute, 22:00–23:00" in text(page, "#now-events-more")
    assert text(page, "#now-visits") == str(last["visits"])
    assert "an hour" in text(page, "#now-visits-more")
    assert text(page, "#now-keys") == str(sum(last["key_events"].values()))
    sums: Counter[str] = Counter()
    for window in answering.windows["total"][-200:]:
        sums.update(window["key_events"])
    listed = [row.split("\n") for row in page.locator("#keys-list li").all_inner_texts()]
    assert [(name, int(count.replace(",", ""))) for name, count in listed] == sums.most_common()


def test_the_streams_own_time_is_shown_and_said_to_be_another(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator(".clock")).to_contain_text("Stream time 21 Jan 2026, 23:00:00 UTC")


def test_how_fast_the_stream_passes_is_told_where_it_is_not_in_real_time(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    at = answering.states["as_of"]
    for hour in range(1, 60):
        answering.publish("states", {**answering.states, "as_of": later(at, timedelta(hours=hour))})
        if "× real time" in text(page, ".clock"):
            break
        page.wait_for_timeout(100)
    expect(page.locator(".clock")).to_contain_text("× real time")


def test_a_transition_moves_along_its_edge_counts_and_is_listed(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    before = count_of(page, "reactivated")
    page.evaluate(
        """() => { window.dots = 0; new MutationObserver(changes => {
            for (const change of changes) window.dots += change.addedNodes.length;
        }).observe(document.querySelector('#flow .dots'), { childList: true }); }"""
    )
    record = again(a_transition(answering, "reactivated"), 1, person="usr_seen", days_in_previous=41)
    people = {**answering.states["people"], "active": 12_345}
    answering.publish("transition", record, record)
    answering.publish("states", {**answering.states, "people": people})
    first = page.locator("#transitions li").first
    expect(first).to_contain_text("usr_seen is active again after 41 days silent")
    expect(page.locator("#flow .s-active .count")).to_have_text("12,345")
    assert count_of(page, "reactivated") == before + 1, "the repeat is counted, too"
    assert page.evaluate("window.dots") == 1
    until(page, "document.querySelectorAll('#flow .dot').length === 0")
    page.locator("#flow-table-of summary").click()
    row = page.locator("#flow-rows tr").filter(has_text="reactivated")
    assert row.locator("td").all_text_contents() == ["silent", "active", str(before + 1)]


def test_hundreds_at_once_are_all_counted_and_drawn_as_few(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    before = {reason: count_of(page, reason) for reason in ("lapsed", "activated", "registered")}
    lapse = {
        **a_transition(answering, "reactivated"),
        "reason": "lapsed",
        "from": "active",
        "to": "silent",
        "person": "many",
    }
    many = [again(lapse, number) for number in range(3_000)]
    many += [again(a_transition(answering, "activated"), number) for number in range(700)]
    answering.publish("transition", *many)
    until(page, "document.querySelectorAll('#flow .dot').length > 0")
    most = page.evaluate(
        """async () => { let most = 0; for (let beat = 0; beat < 20; beat++) {
            most = Math.max(most, document.querySelectorAll('#flow .dot').length);
            await new Promise(requestAnimationFrame);
        } return most; }"""
    )
    assert 2 <= most <= MOST_DOTS
    for reason, more in (("lapsed", 3_000), ("activated", 700)):
        expect(page.locator("#flow .reason").filter(has_text=re.compile(f"^{reason}[0-9]"))).to_have_text(
            f"{reason}{before[reason] + more:,}"
        )
    assert count_of(page, "registered") == before["registered"]
    assert page.locator("#transitions li").count() == MOST_ROWS


def test_who_wants_no_motion_gets_none(open_page: OpenPage, answering: Answering) -> None:
    page = open_page(reduced_motion="reduce")
    page.evaluate(
        """() => { window.dots = 0; new MutationObserver(changes => {
            for (const change of changes) window.dots += change.addedNodes.length;
        }).observe(document.querySelector('#flow .dots'), { childList: true }); }"""
    )
    before = count_of(page, "activated")
    answering.publish("transition", again(a_transition(answering, "activated"), 1, person="usr_calm"))
    expect(page.locator("#transitions li").first).to_contain_text("usr_calm")
    assert count_of(page, "activated") == before + 1
    assert page.evaluate("window.dots") == 0
    assert page.evaluate("document.getAnimations().length") == 0


def test_transitions_are_filtered_by_reason(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    page.get_by_label("Reason").select_option("registered")
    shown = page.locator("#transitions li")
    latest = [one for one in answering.published["transitions"][-400:] if one["reason"] == "registered"]
    assert shown.locator("a").all_text_contents() == [one["person"] for one in latest[::-1][:MOST_ROWS]]
    page.get_by_label("Reason").select_option("hibernated")
    assert shown.count() == 0
    expect(page.get_by_text("None of the latest 400 is hibernated.")).to_be_visible()


def test_after_a_restart_of_the_worker_it_goes_on_and_catches_up(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    answering.stop()
    expect(page.get_by_text("Connection lost, trying again.")).to_be_visible()
    answering.states = {**answering.states, "open_visits": 77}
    missed = again(a_transition(answering, "activated"), 1, person="usr_missed")
    answering.published["transitions"].append(missed)
    answering.start()
    expect(page.locator("#now-there")).to_have_text("77")
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    expect(page.locator("#transitions li").first).to_contain_text("usr_missed")
    answering.publish("states", {**answering.states, "open_visits": 78})
    expect(page.locator("#now-there")).to_have_text("78")
    resumed = [headers for path, headers in answering.asked if path == "/events"][-1]
    assert "Last-Event-ID" in resumed


def test_a_worker_that_restores_its_state_says_so_and_is_asked_again(
    open_page: OpenPage, answering: Answering, browser: object
) -> None:
    page = open_page()
    answering.refuse("/events", 503, "the worker restores its state: 12,000 records are left")
    answering.refuse("/states", 503, "the worker restores its state: 12,000 records are left")
    answering.stop()
    answering.start()
    expect(page.locator("#lost")).to_contain_text("12,000 records are left")
    answering.refuse("/events", 0, "")
    answering.refuse("/states", 0, "")
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#lost")).to_be_hidden()
    answering.publish("states", {**answering.states, "counted": 3})
    expect(page.locator("#notice")).to_contain_text("3 of 4 partitions are counted")


def test_an_incident_opens_and_resolves_in_sight(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    opened, resolved = answering.published["incidents"][-2:]
    expect(page.locator("#alarm-none")).to_have_text("No incident is open.")
    stretches = page.locator("#chart .stretch").count()
    now = answering.windows["total"][-6]["start"]
    fresh = {
        **opened,
        "incident_id": "total@1",
        "record_id": "total@1/opened",
        "since": now,
        "at": later(now, timedelta(hours=1)),
        "severity": "page",
        "owners": ["payments"],
    }
    answering.publish("incident", fresh)
    alarm = page.get_by_role("region", name="Open incidents")
    expect(alarm).to_contain_text(opened["sentence"])
    assert alarm.get_attribute("aria-live") == "polite"
    expect(page.locator("#incidents-count")).to_have_text("1 open")
    expect(page.locator("#incidents li").first).to_contain_text("Owner: payments")
    assert page.locator("#chart .stretch").count() == stretches + 1
    assert page.locator("#chart .stretch.page").count() == 1
    over = {**resolved, "incident_id": "total@1", "record_id": "total@1/resolved", "since": now}
    answering.publish("incident", {**over, "at": later(now, timedelta(hours=3))})
    expect(alarm).not_to_contain_text(opened["sentence"])
    expect(page.locator("#incidents li").first.locator(".tag")).to_have_text("over")
    assert page.locator("#chart .stretch.page").count() == 0


def test_an_incident_in_full_has_its_chart_as_an_image(open_page: OpenPage, answering: Answering) -> None:
    latest = answering.published["incidents"][-1]
    page = open_page(f"#incident={latest['incident_id']}")
    drawer = page.get_by_role("dialog")
    expect(drawer.locator(".lead")).to_have_text(latest["sentence"])
    chart = drawer.get_by_role("img", name="Chart")
    assert chart.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    causes = drawer.get_by_role("region", name="Where it comes from").locator("tbody tr")
    assert causes.count() == len(latest["causes"])
    first = causes.first.locator("td").first
    assert float((first.text_content() or "").rstrip(" %")) == round(latest["causes"][0]["share"] * 100, 1)
    drawer.get_by_role("link", name="in the chart").click()
    expect(drawer).to_be_hidden()


def test_engagement_follows_with_the_open_window_apart(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    last = answering.windows["total"][-1]
    expect(page.locator("#chart-readout")).to_contain_text(
        f"volume {last['volume']:.0f}, {last['bands']['volume']['expected']:.0f} expected"
    )
    assert page.locator("#chart .provisional").count() == 0
    start = last["end"]
    following = {**last, "window_id": "total@next", "start": start, "end": later(start, timedelta(hours=1))}
    answering.publish("engagement", {**following, "status": "provisional", "volume": 333.0, "bands": {}})
    expect(page.locator("#chart-readout")).to_contain_text("volume 333 so far, the window is open")
    assert page.locator("#chart circle.provisional").count() == 1
    answering.publish("engagement", {**following, "volume": 444.0, "visits": 54})
    expect(page.locator("#chart-readout")).to_contain_text("volume 444, ")
    expect(page.locator("#now-visits")).to_have_text("54")
    assert page.locator("#chart .provisional").count() == 0


def test_a_window_far_ahead_of_all_others_does_not_squeeze_the_chart(
    open_page: OpenPage, answering: Answering
) -> None:
    """One partition is ahead of the others where a worker catches up."""
    last = answering.windows["total"][-1]
    start = later(last["end"], timedelta(days=25))
    far = {**last, "status": "provisional", "start": start, "end": later(start, timedelta(hours=1))}
    answering.provisional["total"] = {**far, "volume": 9_999.0}
    page = open_page()
    expect(page.locator("#chart-readout")).to_contain_text(f"volume {last['volume']:.0f}")
    assert page.locator("#chart .provisional").count() == 0
    assert "9,999" not in text(page, "#chart")


def test_another_series_and_measure_are_shown_and_followed(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    name = "key:Order Completed"
    with page.expect_request("**/series/key%3AOrder%20Completed?limit=200"):
        page.get_by_label("Series").select_option(label="Order Completed")
    last = answering.windows[name][-1]
    expect(page.locator("#chart-readout")).to_contain_text(f"volume {last['volume']:.0f}")
    page.get_by_text("People", exact=True).click()
    expect(page.locator("#chart-readout")).to_contain_text(f"people {last['people']}")
    assert page.evaluate("location.hash") == "#series=key%3AOrder%20Completed"
    end = last["end"]
    expect(page.locator("#chart-wait")).to_be_hidden()
    following = {**last, "people": 98, "start": end, "end": later(end, timedelta(hours=1))}
    answering.publish("engagement", following)
    expect(page.locator("#chart-readout")).to_contain_text("people 98")
    page.go_back()
    expect(page.locator("#series")).to_have_value("total")


def test_a_series_in_the_address_is_shown_at_once(open_page: OpenPage, answering: Answering) -> None:
    page = open_page("#series=channel:social")
    expect(page.locator("#series")).to_have_value("channel:social")
    last = answering.windows["channel:social"][-1]
    expect(page.locator("#chart-readout")).to_contain_text(f"volume {last['volume']:.0f}")
    until_so(lambda: any(query.endswith("series=channel:social") for query in answering.followers))


def test_a_series_that_is_not_there_is_said_not_to_be(open_page: OpenPage, answering: Answering) -> None:
    page = open_page()
    page.evaluate("location.hash = '#series=channel:nowhere'")
    expect(page.locator("#chart-wait")).to_have_text("there is no series channel:nowhere Trying again.")


def test_the_worker_is_only_followed_as_long_as_the_page_is_there(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    assert len(answering.followers) == 1
    page.close()
    until_so(lambda: _publish_and_count(answering) == 0)


def test_a_page_that_nobody_sees_lets_go_of_its_stream_and_takes_it_up_again(
    open_page: OpenPage, answering: Answering
) -> None:
    page = open_page()
    page.evaluate(
        """() => {
            const later = setTimeout;
            window.setTimeout = (work, ms) => later(work, ms === 60_000 ? 0 : ms);
            window.hide = hidden => {
                Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
                document.dispatchEvent(new Event('visibilitychange'));
            };
            window.hide(true);
        }"""
    )
    expect(page.locator("#connection-words")).to_have_text("Paused")
    until_so(lambda: _publish_and_count(answering) == 0)
    answering.states = {**answering.states, "open_visits": 55}
    page.evaluate("window.hide(false)")
    expect(page.locator("#now-there")).to_have_text("55")
    expect(page.locator("#connection-words")).to_have_text("Live")
    assert "Last-Event-ID" in [headers for path, headers in answering.asked if path == "/events"][-1]


def _publish_and_count(answering: Answering) -> int:
    """How many follow; who has gone is only noticed when something is written to them."""
    answering.publish("states", answering.states)
    return len(answering.followers)
