"""The page's modules on their own, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.web.answering import Answering
from tests.web.recording import Recording

Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def run(browser: Browser, recording: Recording) -> Iterator[Run]:
    """`run("const { x } = await import('./assets/y.js'); return x(1);")`."""
    with Answering(recording) as answering:
        page = browser.new_page()
        page.goto(answering.address)
        yield lambda body: page.evaluate(f"async () => {{ {body} }}")
        page.close()


@pytest.mark.parametrize("cuts", [[], [1], [7, 8], list(range(1, 80)), [24, 25, 47]])
def test_a_stream_of_events_is_the_same_wherever_it_is_cut(run: Run, cuts: list[int]) -> None:
    stream = (
        "retry: 5\\nid: 0:7\\n\\n: heart\\r\\n"
        "event: a\\r\\nid: 1\\r\\ndata: {\\r\\ndata: }\\r\\n\\r\\n\\ndata:x\\n\\n"
    )
    found = run(
        f"""const {{ Messages }} = await import('./assets/sse.js');
        const text = "{stream}", cuts = {[0, *cuts, 1_000]}, messages = new Messages(), found = [];
        for (let i = 1; i < cuts.length; i++) found.push(...messages.take(text.slice(cuts[i - 1], cuts[i])));
        return [found, messages.id];"""
    )
    assert found == [[{"event": "a", "data": "{\n}"}, {"event": "message", "data": "x"}], "1"]


def test_the_place_of_a_stream_without_data_is_known(run: Run) -> None:
    assert (
        run(
            """const { Messages } = await import('./assets/sse.js');
            const messages = new Messages(); messages.take('retry: 1\\nid: 3:9\\n\\n'); return messages.id;"""
        )
        == "3:9"
    )


def test_windows_are_kept_in_order_once_and_up_to_two_hundred(run: Run) -> None:
    assert run(
        """const { Windows } = await import('./assets/windows.js');
        const at = (n, status, volume) => ({ status, volume, start: new Date(n * 60000).toISOString(),
            end: new Date((n + 1) * 60000).toISOString() });
        const windows = new Windows();
        for (let n = 0; n < 500; n++) windows.add(at(n % 2 ? n - 1 : n + 1, 'final', 1));
        windows.add(at(499, 'final', 7));
        windows.add(at(499, 'provisional', 3));
        const stale = windows.provisional;
        windows.add(at(500, 'provisional', 3));
        const starts = windows.final.map(one => one.start / 60000);
        const next = windows.provisional.record.volume;
        windows.add(at(900, 'provisional', 4));
        const inOrder = starts.every((n, i) => !i || n === starts[i - 1] + 1);
        return [starts.length, starts[0], starts.at(-1), inOrder,
            windows.last.record.volume, stale, next, windows.provisional];"""
    ) == [200, 300, 499, True, 7, None, 3, None]


@pytest.mark.parametrize(
    ("fragment", "place"),
    [
        ("", {}),
        ("#person=a%2Fb%3D%26", {"person": "a/b=&"}),
        ("#person=a+b=c", {"person": "a+b=c"}),
        ("#person=50%", {"person": "50%"}),
        ("#series=channel:app&incident=total@1", {"series": "channel:app", "incident": "total@1"}),
        ("#person=&other=1&constructor=2", {}),
    ],
)
def test_fragments_name_places(run: Run, fragment: str, place: dict[str, str]) -> None:
    read = f"const {{ read, fragment }} = await import('./assets/places.js'); const at = read('{fragment}');"
    assert run(f"{read} return at;") == place
    assert run(f"{read} return read(fragment(at));") == place


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("amount(1234.5)", "1,235"),
        ("amount(9.96)", "10"),
        ("amount(3.25)", "3.3"),
        ("amount(0.123)", "0.12"),
        ("counted(1, 'visit')", "1 visit"),
        ("counted(1200, 'visit')", "1,200 visits"),
        ("figure('index', 0.2)", "0.200"),
        ("Object.values(rate(90, 60000)).join(' ')", "90 a minute"),
        ("Object.values(rate(30, 3600000)).join(' ')", "30 an hour"),
        ("Object.values(rate(600, 3600000)).join(' ')", "10 a minute"),
    ],
)
def test_numbers_are_put_as_people_read_them(run: Run, call: str, words: str) -> None:
    name = call.split("(")[0] if not call.startswith("Object") else "rate"
    assert run(f"const {{ {name} }} = await import('./assets/numbers.js'); return {call};") == words


@pytest.mark.parametrize(
    ("transition", "words"),
    [
        ("reason: 'lapsed', days_in_previous: 41", "fell silent after 41 days active"),
        ("reason: 'activated', from: 'new', days_in_previous: 0", "became active after less than a day new"),
        ("reason: 'registered', days_in_previous: null", "registered"),
        ("reason: 'resurrected', from: 'churned', days_in_previous: 1", "was won back after 1 day churned"),
        (
            "reason: 'tier_up', from: 'low', to: 'high', engaged_visits: 10",
            "rose from tier low to high, with 10 engaged visits",
        ),
        ("reason: 'toString', from: null, to: 'x'", "went from nowhere to x (toString)"),
    ],
)
def test_transitions_are_put_as_sentences(run: Run, transition: str, words: str) -> None:
    assert (
        run(
            "const { sentence } = await import('./assets/lifecycle.js');"
            f"return sentence({{ {transition} }});"
        )
        == words
    )


def test_a_repeat_is_counted_once(run: Run) -> None:
    assert run(
        """const { Tally } = await import('./assets/tally.js');
        const tally = new Tally();
        const one = n => ({ transition_id: 'a#' + n, kind: 'lifecycle', from: 'new', to: 'active',
            reason: 'activated', at: '2026-01-0' + n + 'T00:00:00.000Z' });
        const fresh = [2, 1, 2].map(n => tally.add(one(n)));
        return [fresh, tally.reasons.get('activated'), [...tally.edges.values()][0].count,
            new Date(tally.since).toISOString()];"""
    ) == [[True, True, False], 2, 2, "2026-01-01T00:00:00.000Z"]
