"""One open window of a partition: events summed by cell, persons counted once in every series (SPEC 6)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from stream.core.engagement.partials import Sums

OTHER = "other"
TOTAL = "total"
KEY = "key"

MAX_CELLS = 100_000
"""Cells of a window; beyond, dimensions with more values than the merger keeps go under `other`."""

Touched = dict[int, dict[int, int] | None]
"""The cells in which a person has events, by id, with the person's key-event occurrences in them.

The inner ones may be shared: another takes their place, they are not altered.
"""


class Cell:
    """The events of a window that have the same values, all promoted or none.

    `people` and `engaged` count persons who were not in another cell of the window before; what such a
    person adds to the series of a further cell is in the window's `further`. `hits` are occurrences by
    key event. `id` is unique in the partition, `written` what `events` was when last kept.
    """

    __slots__ = (
        "changed",
        "engaged",
        "events",
        "hits",
        "id",
        "pageviews",
        "people",
        "promoted",
        "values",
        "visits",
        "window",
        "written",
    )

    def __init__(self, id: int, window: Window, promoted: bool, values: tuple[str, ...]) -> None:
        self.id = id
        self.window = window
        self.promoted = promoted
        self.values = values
        self.events = self.pageviews = self.visits = self.people = self.engaged = 0
        self.hits: dict[int, int] = {}
        self.written = 0
        self.changed = True


class Occurrences(Struct, array_like=True, gc=False):
    """What `key:<name>` has of a window: the events that are its occurrences."""

    events: int = 0
    pageviews: int = 0
    visits: int = 0
    people: int = 0
    promoted: int = 0
    promoted_people: int = 0

    def count(self, change: int, *, page: bool, begins: bool) -> None:
        """An event that is an occurrence, more or less."""
        self.events += change
        if page:
            self.pageviews += change
        if begins:
            self.visits += change


Further = dict[int, dict[str, int]]
"""By place of the dimension: value to number of persons."""


class Window:
    """Sums from `start` to before `end` ms.

    Where an event's channel and campaign and the person's tier settle its cell, the window is `plain`, and
    `found` has cells by these as they came.

    A series' persons are those of its cells, and those in `further`, which is by measure: `PEOPLE`,
    `PROMOTED`, `ENGAGED`. `kept` says whether the changelog has anything of it beside the cells.
    """

    __slots__ = (
        "cells",
        "changed",
        "end",
        "found",
        "further",
        "kept",
        "known",
        "occurrences",
        "plain",
        "start",
    )

    PEOPLE = 0
    PROMOTED = 1
    ENGAGED = 2

    def __init__(self, start: int, end: int, *, plain: bool) -> None:
        self.start = start
        self.end = end
        self.plain = plain
        self.known: list[set[str]] | None = None  # values by dimension, once they are many
        self.found: dict[tuple[str | None, str | None, int], Cell] = {}
        self.cells: dict[tuple[bool, tuple[str, ...]], Cell] = {}
        self.further: list[Further] = [{}, {}, {}]
        self.occurrences: dict[int, Occurrences] = {}
        self.changed = self.kept = False

    def capped(self, values: tuple[str, ...], most: int, most_published: int) -> tuple[str, ...]:
        """The values, or `other` for new ones of a dimension that has `most` already."""
        if len(self.cells) < most:
            return values
        if self.known is None:
            self.known = [set(column) for column in zip(*(of for _, of in self.cells), strict=True)]
        if len(self.cells) >= MAX_CELLS:
            most = min(most, most_published)
        return tuple(
            value if value in seen or len(seen) < most else OTHER
            for value, seen in zip(values, self.known, strict=True)
        )

    def add(self, cell: Cell) -> None:
        """A cell of this window, new or restored."""
        self.cells[cell.promoted, cell.values] = cell
        if self.known is not None:
            for value, seen in zip(cell.values, self.known, strict=True):
                seen.add(value)

    def drop(self) -> None:
        """The window is over: without its cells nothing refers to it, and the memory is free at once."""
        self.cells.clear()
        self.found.clear()

    # -- persons ----------------------------------------------------------------------------------

    def meet(self, cell: Cell, others: Sequence[Cell]) -> None:
        """A person has the first event in `cell`; `others` are the person's cells that are promoted alike."""
        if not others:
            cell.people += 1
            cell.changed = True
        else:
            self._further(self.PROMOTED if cell.promoted else self.PEOPLE, cell, others, 1)

    def occur(self, cell: Cell, touched: Touched, others: Sequence[Cell], key: int, change: int) -> bool:
        """One occurrence of the key event more or less in the person's `cell`; False where there is none.

        `touched` and `others` are the person's.
        """
        own = dict(touched.get(cell.id) or ())
        engaged = bool(own)
        count = own.get(key, 0) + change
        if count < 0:
            return False
        elsewhere = [other for other in others if touched.get(other.id)] if others else others
        if count:
            own[key] = count
        else:
            own.pop(key, None)
        touched[cell.id] = own or None
        cell.hits[key] = cell.hits.get(key, 0) + change
        cell.changed = self.changed = True
        if bool(own) != engaged and not cell.promoted:
            if elsewhere:
                self._further(self.ENGAGED, cell, elsewhere, change)
            else:
                cell.engaged += change
        of_key = self.of_key(key)
        person = 0
        if count == max(change, 0) and not any(key in (touched[other.id] or ()) for other in elsewhere):
            person = change
        if cell.promoted:
            of_key.promoted += change
            of_key.promoted_people += person
        else:
            of_key.people += person
        return True

    def of_key(self, key: int) -> Occurrences:
        """The sums of a key event's series."""
        found = self.occurrences.get(key)
        if found is None:
            found = self.occurrences[key] = Occurrences()
        return found

    def _further(self, measure: int, cell: Cell, others: Sequence[Cell], change: int) -> None:
        """A person who counts in `others` already counts, or no longer counts, in the series of `cell`."""
        for i, value in enumerate(cell.values):
            for other in others:
                if other.values[i] == value:
                    break
            else:
                persons = self.further[measure].setdefault(i, {})
                persons[value] = persons.get(value, 0) + change
                self.changed = True

    # -- series -----------------------------------------------------------------------------------

    def rows(self, dimensions: Sequence[str], keys: Sequence[str]) -> dict[str, Sums]:
        """The sums by series, given the names of dimensions and of key events by number."""
        everything = list(self.cells.values())
        rows = {TOTAL: _sums(everything, keys)}
        for i, name in enumerate(dimensions):
            by_value: dict[str, list[Cell]] = {}
            for cell in everything:
                cells = by_value.get(cell.values[i])
                if cells is None:
                    by_value[cell.values[i]] = [cell]
                else:
                    cells.append(cell)
            if len(by_value) == 1:  # nobody is in two of its series
                rows[f"{name}:{everything[0].values[i]}"] = rows[TOTAL]
                continue
            for value, cells in by_value.items():
                rows[f"{name}:{value}"] = _sums(cells, keys)
            people, promoted, engaged = self.further
            for value, count in people.get(i, _NOBODY).items():
                rows[f"{name}:{value}"].people += count
            for value, count in promoted.get(i, _NOBODY).items():
                rows[f"{name}:{value}"].promoted_people += count
            for value, count in engaged.get(i, _NOBODY).items():
                rows[f"{name}:{value}"].engaged += count
        for key in sorted(self.occurrences):
            sums = _of_key(keys[key], self.occurrences[key])
            if sums.events or sums.promoted_key_events:
                rows[f"{KEY}:{keys[key]}"] = sums
        return rows


def _sums(cells: Sequence[Cell], keys: Sequence[str]) -> Sums:
    """Each person in them counts once for each cell."""
    if len(cells) == 1 and not cells[0].promoted and not cells[0].hits:
        one = cells[0]
        return Sums(one.events, one.pageviews, one.people, one.visits, one.engaged)
    events = pageviews = people = visits = engaged = promoted_people = 0
    hits: dict[str, int] = {}
    promoted: dict[str, int] = {}
    for cell in cells:
        if cell.hits:
            into = promoted if cell.promoted else hits
            for key, count in cell.hits.items():
                if count:
                    into[keys[key]] = into.get(keys[key], 0) + count
        if cell.promoted:
            promoted_people += cell.people
        else:
            events += cell.events
            pageviews += cell.pageviews
            people += cell.people
            visits += cell.visits
            engaged += cell.engaged
    return Sums(events, pageviews, people, visits, engaged, hits, promoted, promoted_people)


def _of_key(name: str, of_key: Occurrences) -> Sums:
    return Sums(
        events=of_key.events,
        pageviews=of_key.pageviews,
        people=of_key.people,
        visits=of_key.visits,
        engaged=of_key.people,
        key_events={name: of_key.events} if of_key.events else {},
        promoted_key_events={name: of_key.promoted} if of_key.promoted else {},
        promoted_people=of_key.promoted_people,
    )


_NOBODY: dict[str, int] = {}
