"""The comparison itself: what is lost, doubled, changed or out of order shows, as exactly that many."""

from __future__ import annotations

import orjson
import pytest

from tests.chaos.numbers import Numbers, compare


def transition(person: str, k: int, to: str = "active") -> bytes:
    return orjson.dumps({"transition_id": f"{person}#{k}", "person": person, "to": to})


EXPECTED = [transition("ann", 1), transition("bob", 1), transition("ann", 2), transition("ann", 3)]


@pytest.mark.parametrize(
    ("published", "lost", "doubled", "different", "disordered"),
    [
        (EXPECTED, 0, 0, 0, 0),
        ([EXPECTED[1], EXPECTED[0], *EXPECTED[2:]], 0, 0, 0, 0),
        (EXPECTED[:3], 1, 0, 0, 0),
        (EXPECTED[1:], 1, 0, 0, 0),
        ([], 4, 0, 0, 0),
        ([*EXPECTED, EXPECTED[0]], 0, 1, 0, 0),
        ([*EXPECTED, *EXPECTED], 0, 4, 0, 0),
        ([*EXPECTED, transition("eve", 1)], 0, 1, 0, 0),
        ([*EXPECTED[:3], EXPECTED[0]], 1, 1, 0, 0),
        ([transition("ann", 1, "silent"), *EXPECTED[1:]], 0, 0, 1, 0),
        ([EXPECTED[2], EXPECTED[1], EXPECTED[0], EXPECTED[3]], 0, 0, 0, 1),
    ],
    ids=[
        "all there",
        "persons in another order",
        "the last lost",
        "the first lost",
        "all lost",
        "one doubled",
        "all doubled",
        "one not called for",
        "one lost and one doubled",
        "one different",
        "a person's out of order",
    ],
)
def test_each_deviation_is_counted_as_what_it_is(
    published: list[bytes], lost: int, doubled: int, different: int, disordered: int
) -> None:
    found = compare("transitions", EXPECTED, published)
    assert found == Numbers("transitions", 4, len(published), lost, doubled, different, disordered)
    assert found.right == (published in (EXPECTED, [EXPECTED[1], EXPECTED[0], *EXPECTED[2:]]))


def window(series: str, start: int, status: str = "final", people: int = 1) -> bytes:
    found = {"window_id": f"{series}@{start}", "series": series, "status": status, "people": people}
    return orjson.dumps(found)


@pytest.mark.parametrize(
    ("published", "lost", "doubled", "different"),
    [
        ([window("total", 0, "provisional"), window("total", 0), window("total", 60)], 0, 0, 0),
        ([window("total", 0, "provisional"), window("total", 60)], 1, 0, 0),
        ([window("total", 0), window("total", 60), window("total", 60)], 0, 1, 0),
        ([window("total", 0), window("total", 60, people=2)], 0, 0, 1),
    ],
    ids=["as expected", "never final", "final twice", "another figure"],
)
def test_only_final_windows_count(published: list[bytes], lost: int, doubled: int, different: int) -> None:
    expected = [window("total", 0), window("total", 60)]
    found = compare("engagement", expected, published)
    assert (found.lost, found.doubled, found.different) == (lost, doubled, different)
