"""Which events matter: names resolved once, then key events, voids and amounts event by event (SPEC 3)."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import translate
from re import compile as compile_pattern

from msgspec import Struct

from stream.core.conditions import Predicate, compile_where, lookup
from stream.core.definition import RETURN_EVENT, VISIT_EVENT, Definition
from stream.core.events import NAMES, Wire, decode_whole

Amounts = tuple[float, ...]
MAX_AMOUNT = 1e15  # what is larger is no amount of anything, and sums have to stay finite
_CACHED = 50_000


class Mark(Struct, frozen=True, array_like=True):
    """What one event does to its visit: a page or not, the key events it is, those it voids (by number)."""

    page: bool = False
    hits: tuple[int, ...] = ()
    voids: tuple[int, ...] = ()


class Vocabulary(Struct, array_like=True):
    """Numbers for key-event names and marks, kept with the state so that they outlive a change of settings.

    Numbers are only ever added.
    """

    keys: list[str] = []
    marks: list[Mark] = []


class Alternative(Struct, frozen=True):
    """One way an event is a key event (or voids it): its conditions, and the path of an amount."""

    key: int
    holds: Predicate | None
    amount: tuple[str, ...] | None = None


class Named(Struct, frozen=True):
    """What an event's name settles, whatever else is in the event."""

    name: str
    ignored: bool
    deletes: bool
    hits: tuple[Alternative, ...]
    voids: tuple[Alternative, ...]
    plain: int | None  # the number of its mark, where no condition or amount needs the event's fields
    quiet: bool  # no key event, and voids none
    page: bool
    ordinary: bool  # neither joins somebody nor deletes


class Activity:
    """The definition's view of events, over one vocabulary.

    `fixed` and `tracks` hold what `named` has found: by type, and by the name of a track.
    """

    def __init__(self, definition: Definition, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.grown = False
        self._aliases = definition.aliases
        self._ignore = [compile_pattern(translate(glob)).match for glob in definition.ignore_events]
        self._deletions = frozenset(definition.deletion_events)
        self._numbers = {mark: i for i, mark in enumerate(vocabulary.marks)}
        self._hits: dict[str, list[Alternative]] = {}
        self._voids: dict[str, list[Alternative]] = {}
        self.visit_checks: list[tuple[int, Predicate]] = []
        self.return_key: int | None = None
        self.weights: dict[int, float] = {}
        self.plain = self.number(Mark())
        for entry in definition.key_events:
            key = self.key(entry.name)
            self.weights[key] = entry.weight
            holds = compile_where(entry.where) if entry.where else None
            if entry.name == VISIT_EVENT:
                self.visit_checks.append((key, holds or (lambda _: True)))
            elif entry.name == RETURN_EVENT:
                self.return_key = key
            else:
                amount = tuple(entry.value.split(".")) if entry.value else None
                self._hits.setdefault(entry.name, []).append(Alternative(key, holds, amount))
            for void in entry.void:
                holds = compile_where(void.where) if void.where else None
                self._voids.setdefault(void.event, []).append(Alternative(key, holds))
        self.tracks: dict[str | None, Named] = {}
        self.fixed: dict[str | None, Named] = {
            kind: self._resolve(name, page=kind in ("page", "screen"), joins=kind in ("identify", "alias"))
            for kind, name in NAMES.items()
        }

    def key(self, name: str) -> int:
        """The number of a key event's name, a new one where it had none."""
        keys = self.vocabulary.keys
        if name not in keys:
            keys.append(name)
            self.grown = True
        return keys.index(name)

    def named(self, wire: Wire) -> Named:
        """What the event's name settles, aliases applied."""
        if wire.type != "track":
            return self.fixed[wire.type]
        name = wire.event or ""
        named = self.tracks.get(name)
        if named is None:
            if len(self.tracks) >= _CACHED:
                self.tracks.clear()
            named = self.tracks[name] = self._resolve(name)
        return named

    def mark(self, named: Named, value: bytes) -> tuple[int, Amounts | None]:
        """The number of the event's mark, and the amounts of its hits where any has a `value`."""
        if named.plain is not None:
            return named.plain, None
        whole = decode_whole(value)
        found = {a.key: a for a in reversed(named.hits) if a.holds is None or a.holds(whole)}
        hits = tuple(sorted(found))
        voids = sorted({a.key for a in named.voids if a.holds is None or a.holds(whole)})
        number = self.number(Mark(named.page, hits, tuple(voids)))
        amounts = tuple(_amount(whole, found[key].amount) for key in hits)
        return number, amounts if any(amounts) else None

    def _resolve(self, raw: str, *, page: bool = False, joins: bool = False) -> Named:
        name = self._aliases.get(raw, raw)
        hits = tuple(self._hits.get(name, ()))
        voids = tuple(self._voids.get(name, ()))
        plain = None
        if all(a.holds is None and a.amount is None for a in (*hits, *voids)):
            plain = self.number(Mark(page, _distinct(hits), _distinct(voids)))
        ignored = any(match(name) for match in self._ignore)
        quiet = not hits and not voids
        deletes = name in self._deletions
        return Named(name, ignored, deletes, hits, voids, plain, quiet, page, not (joins or deletes))

    def number(self, mark: Mark) -> int:
        """The number of a mark, a new one where it had none."""
        number = self._numbers.get(mark)
        if number is None:
            number = self._numbers[mark] = len(self.vocabulary.marks)
            self.vocabulary.marks.append(mark)
            self.grown = True
        return number


def _distinct(alternatives: Iterable[Alternative]) -> tuple[int, ...]:
    return tuple(sorted({a.key for a in alternatives}))


def _amount(whole: object, path: tuple[str, ...] | None) -> float:
    value = lookup(whole, path) if path else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_AMOUNT:
        return 0
    return value
