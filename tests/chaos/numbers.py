"""What was published against what should have been: lost, doubled, different and out of order, by output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

Id = Any
Row = dict[str, Any]


class Numbers(NamedTuple):
    """One output's records. `lost`, `doubled` and `different` count records, `disordered` keys.

    lost: should be there and are not. doubled: there once too often, or not called for at all.
    different: there, under the right id, with another content. disordered: keys (persons, series, or
    partitions of what was put aside) whose records are complete but stand in another order.
    """

    output: str
    expected: int
    published: int
    lost: int
    doubled: int
    different: int
    disordered: int

    @property
    def right(self) -> bool:
        return not (self.lost or self.doubled or self.different or self.disordered)

    def __str__(self) -> str:
        text = f"{self.output}: {self.published} of {self.expected}, lost {self.lost}, doubled {self.doubled}"
        if self.different:
            text += f", different {self.different}"
        if self.disordered:
            text += f", out of order {self.disordered}"
        return text


class _Kind(NamedTuple):
    """How an output's records are told apart, in what they have to be in order, and what does not count."""

    id: Callable[[Row], Id]
    key: Callable[[Row], Id]
    ignored: tuple[str, ...] = ()
    counts: Callable[[Row], bool] = lambda row: True


def _place(row: Row) -> Id:
    return row["partition"], row["offset"]


def _partition(row: Row) -> Id:
    return row["partition"]


def _person(row: Row) -> Id:
    return row["person"]


KINDS: Mapping[str, _Kind] = {
    "visits": _Kind(lambda row: row["visit_id"], _person),
    "transitions": _Kind(lambda row: row["transition_id"], _person),
    # What is published in advance depends on the clock.
    "engagement": _Kind(
        lambda row: row["window_id"], lambda row: row["series"], counts=lambda row: row["status"] == "final"
    ),
    "incidents": _Kind(
        lambda row: row["record_id"], lambda row: row["series"], counts=lambda row: not row["provisional"]
    ),
    "daily": _Kind(lambda row: row["day"], lambda row: row["day"]),
    # A file has no keys.
    "late": _Kind(_place, _partition, ignored=("key", "key_base64")),
    "dead-letters": _Kind(_place, _partition, ignored=("key", "key_base64")),
    "people": _Kind(_person, _person),
}


def compare(output: str, expected: Sequence[bytes], published: Sequence[bytes]) -> Numbers:
    """Two lists of JSON records, the published ones in the order of their partitions."""
    kind = KINDS[output]
    wanted, found = _table(kind, expected), _table(kind, published)
    counts_wanted = Counter({key: len(rows) for key, rows in wanted.by_id.items()})
    counts_found = Counter({key: len(rows) for key, rows in found.by_id.items()})
    complete = [key for key in counts_wanted if counts_wanted[key] == counts_found[key]]
    different = sum(_differ(wanted.by_id[key], found.by_id[key]) for key in complete)
    disordered = sum(
        found.sequences.get(key) != ids
        for key, ids in wanted.sequences.items()
        if Counter(found.sequences.get(key)) == Counter(ids)
    )
    return Numbers(
        output,
        expected=counts_wanted.total(),
        published=counts_found.total(),
        lost=(counts_wanted - counts_found).total(),
        doubled=(counts_found - counts_wanted).total(),
        different=different,
        disordered=disordered,
    )


class _Table(NamedTuple):
    by_id: dict[Id, list[bytes]]
    sequences: dict[Id, list[Id]]


def _table(kind: _Kind, lines: Sequence[bytes]) -> _Table:
    by_id: dict[Id, list[bytes]] = {}
    sequences: dict[Id, list[Id]] = {}
    for line in lines:
        row = orjson.loads(line)
        if not kind.counts(row):
            continue
        found = kind.id(row)
        sequences.setdefault(kind.key(row), []).append(found)
        if kind.ignored:
            line = orjson.dumps({name: value for name, value in row.items() if name not in kind.ignored})
        by_id.setdefault(found, []).append(line)
    return _Table(by_id, sequences)


def _differ(wanted: list[bytes], found: list[bytes]) -> int:
    return (Counter(wanted) - Counter(found)).total()
