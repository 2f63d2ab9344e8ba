"""Sentences: what they say, in which numbers, and that the numbers fit each other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.engagement.attribution import Share
from stream.core.engagement.wording import Told, Wording, difference, duration, number

AT_MS = 1_772_334_720_000  # 2026-03-01T03:12:00Z
MINUTE = 60_000
UTC = Wording("UTC", step_ms=MINUTE)


def cause(series: str, share: float, *, dominating: bool = True) -> Share:
    return Share(series, share, 0.0, 0.0, share, 1.0, dominating)


def told(**changes: object) -> Told:
    facts: dict[str, object] = {
        "series": "total",
        "measure": "volume",
        "direction": "drop",
        "status": "opened",
        "since_ms": AT_MS,
        "at_ms": AT_MS,
        "value": 212.0,
        "expected": 405.0,
        "worst_ms": AT_MS,
        "worst_value": 212.0,
        "worst_expected": 405.0,
        "lasted_ms": MINUTE,
        "causes": [],
        "product": None,
        "promoted": 0.0,
        "owners": [],
    }
    return Told(**(facts | changes))  # type: ignore[arg-type]


DROPPED = "Engagement volume dropped to 212 a minute at 03:12 UTC, 48 % below the 405 expected"


def test_what_when_how_much_where_from_and_whose() -> None:
    causes = [cause("key:Order Completed", 0.83), cause("channel:app", 0.7), cause("tier:none", 0.9)]
    assert UTC.sentence(told(causes=causes, owners=["payments"])) == (
        f"{DROPPED}; Order Completed accounts for 83 % of it, mostly in channel app. Owner: payments."
    )


def test_nearly_all_is_all() -> None:
    assert "channel app accounts for all of it" in UTC.sentence(told(causes=[cause("channel:app", 0.95)]))
    assert "channel app accounts for 94 % of it" in UTC.sentence(told(causes=[cause("channel:app", 0.94)]))


def test_where_nothing_stands_out_all_channels_are_alike() -> None:
    causes = [cause("tier:none", 0.6, dominating=False), cause("channel:app", 0.5, dominating=False)]
    assert UTC.sentence(told(causes=causes)) == f"{DROPPED}; all channels alike."
    assert UTC.sentence(told(causes=causes[:1])) == f"{DROPPED}; no one cause stands out."


def test_a_series_does_not_account_for_itself() -> None:
    sentence = UTC.sentence(told(series="channel:app", causes=[cause("channel:app", 1.0)]))
    assert sentence == DROPPED.replace("volume", "volume of channel app") + "."


def test_a_narrower_series_says_how_the_product_does() -> None:
    sentence = UTC.sentence(told(series="key:Order Completed", product=("people", 90.0, 120.0)))
    assert sentence.endswith("; the number of people of the whole product is 25 % below the 120 expected.")


def test_times_are_in_the_zone_of_the_product_which_is_named_once() -> None:
    berlin = Wording("Europe/Berlin", step_ms=MINUTE)
    sentence = berlin.sentence(told(since_ms=AT_MS - 4 * MINUTE))
    assert sentence.startswith("Engagement volume dropped to 212 a minute at 04:12 (Europe/Berlin), ")
    assert sentence.endswith(", since 04:08.")


def test_a_day_that_is_another_is_named() -> None:
    sentence = UTC.sentence(told(since_ms=AT_MS - 4 * 3_600_000))
    assert sentence.endswith(", since 2026-02-28 23:12.")


def test_resolved_says_how_long_and_how_deep() -> None:
    facts = told(
        status="resolved", value=398.0, worst_value=190.0, worst_expected=404.0, lasted_ms=38 * MINUTE
    )
    assert UTC.sentence(facts) == (
        "Engagement volume is back within its bounds after 38 min: 398 a minute at 03:12 UTC, 405 expected; "
        "it was lowest at 03:12: 190 a minute, 53 % below the 404 expected."
    )


def test_what_goes_on_to_the_other_side_is_not_said_to_be_inside() -> None:
    facts = told(status="resolved", value=900.0, lasted_ms=38 * MINUTE, is_inside=False)
    assert UTC.sentence(facts).startswith("Engagement volume is not low any more after 38 min: 900 a minute")


def test_worse_says_that_it_has_become_a_page() -> None:
    sentence = UTC.sentence(told(status="updated", became_page=True))
    assert sentence.startswith("Worse: engagement volume is 212 a minute at 03:12 UTC, 48 % below")


def test_a_spike_is_in_times_from_double_on() -> None:
    assert "rose to 810 a minute at 03:12 UTC, 2.0 times the 405 expected" in UTC.sentence(
        told(direction="spike", value=810.0)
    )
    assert difference(809.0, 405.0, "volume") == "100 % above the 405 expected"
    assert difference(4000.0, 400.0, "volume") == "10 times the 400 expected"


def test_nothing_at_all_is_no_hundred_percent() -> None:
    assert difference(0.0, 405.0, "volume") == "where 405 were expected"
    assert difference(12.0, 0.0, "volume") == "none expected"


def test_a_value_on_the_other_side_is_not_said_to_have_dropped() -> None:
    sentence = UTC.sentence(told(value=410.0, since_ms=AT_MS - MINUTE))
    assert sentence == (
        "Engagement volume has been below what is expected since 03:11: 410 a minute at 03:12 UTC, "
        "405 expected."
    )


def test_promotions_are_said_not_to_count() -> None:
    assert "; 1,200 a minute from promotions are not counted." in UTC.sentence(told(promoted=1200.0))


def test_owners_are_named() -> None:
    assert UTC.sentence(told(owners=["payments", "catalogue"])).endswith(" Owners: payments, catalogue.")


@pytest.mark.parametrize(
    ("series", "subject"),
    [
        ("channel:app", "engagement volume of channel app"),
        ("campaign:(none)", "engagement volume of no campaign"),
        ("channel:other", "engagement volume of other values of channel"),
        ("properties.country:DE", "engagement volume of properties.country DE"),
        ("key:Order Completed", "engagement volume of Order Completed"),
    ],
)
def test_series_in_words(series: str, subject: str) -> None:
    assert UTC.subject(series, "volume") == subject


@pytest.mark.parametrize(
    ("step_ms", "unit"),
    [(MINUTE, "a minute"), (300_000, "in 5 min"), (3_600_000, "an hour"), (10_000, "in 10 s")],
)
def test_the_length_of_a_window_is_the_unit(step_ms: int, unit: str) -> None:
    assert f"dropped to 212 {unit} at" in Wording("UTC", step_ms=step_ms).sentence(told())


def test_days_are_dates() -> None:
    days = Wording("UTC", step_ms=86_400_000, days=True)
    assert days.sentence(told(measure="people")).startswith(
        "The number of people dropped to 212 a day on 2026-03-01, 48 %"
    )


def test_durations() -> None:
    shown = [duration(ms) for ms in (90_000, 120_000, 3_600_000, 7_500_000, 86_400_000, 3 * 86_400_000)]
    assert shown == ["90 s", "2 min", "1 h 00 min", "2 h 05 min", "24 h 00 min", "3 days"]


@given(st.floats(0, 1e6), st.floats(0.01, 1e6), st.sampled_from(["volume", "index"]))
def test_the_share_follows_from_the_numbers_that_are_shown(
    value: float, expected: float, measure: str
) -> None:
    text = difference(value, expected, measure)  # type: ignore[arg-type]
    shown, base = (float(number(n, measure).replace(",", "")) for n in (value, expected))  # type: ignore[arg-type]
    if text is None:
        assert shown == base
        return
    if match := re.match(r"(\d+) % (below|above)", text):
        assert abs(abs(shown - base) / base * 100 - int(match[1])) <= 0.5 + 1e-9
        assert (match[2] == "below") == (shown < base)
    if base > 0:
        assert number(expected, measure) in text  # type: ignore[arg-type]
