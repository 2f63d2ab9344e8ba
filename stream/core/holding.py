"""What one input partition holds, besides reading records: time, outputs, changelog, and what it can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from stream.core.activity import Activity, Vocabulary
from stream.core.calendar import Calendar
from stream.core.changelog import Changelog
from stream.core.clock import BEGINNING, Timers
from stream.core.counts import Counts
from stream.core.definition import Definition
from stream.core.due import Due
from stream.core.engagement.days import Days
from stream.core.engagement.partials import PARTIALS, DayPart
from stream.core.engagement.partials import encode as encode_part
from stream.core.engagement.windows import WINDOWS_PREFIX, Windows
from stream.core.explaining import describe, explain
from stream.core.indexes import StoredTimers
from stream.core.keeping import ColdStore, Keeping
from stream.core.persons import Persons
from stream.core.population import Population
from stream.core.profile import encode
from stream.core.publishing import Output, Publisher
from stream.core.records import Explanation, Person
from stream.core.times import EARLIEST


class Holding:
    """Persons, visits, watermark and timers of one input partition, and what time does to them.

    `track_changes=False` spares a replay the list of changed profiles.

    With a `store`, about `hot_limit` profiles stay in memory, and the others are read from there when needed;
    without one all are in memory. `most_due` bounds how many closes and midnights one call does, so that none
    takes long; the rest is for `work`. None: all that is due is done at once.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        topic: str = "",
        number: int = 0,
        track_changes: bool = True,
        store: ColdStore | None = None,
        hot_limit: int = 100_000,
        most_due: int | None = None,
    ) -> None:
        self.definition = definition
        self.topic = topic
        self.number = number
        self._track_changes = track_changes
        self._calendar = Calendar(definition.timezone)
        self._counts = Counts()
        self._watermark = BEGINNING
        self._newest = BEGINNING
        self._held: Collection[str] = ()
        self._floor: int | None = None
        self._most_due = most_due
        self._keeping = None if store is None else Keeping(store, hot_limit)
        self.days = Days(self._calendar, source=number, max_values=definition.engagement.max_values)
        self._changelog = Changelog(self._keeping)
        self._start(Vocabulary())

    def _start(self, vocabulary: Vocabulary) -> None:
        self._activity = Activity(self.definition, vocabulary)
        self._windows = Windows(
            self.definition,
            source=self.number,
            names=vocabulary.keys,
            track_changes=self._track_changes,
        )
        keeping = self._keeping
        self._timers = (
            Timers(self._calendar) if keeping is None else StoredTimers(self._calendar, keeping.due)
        )
        self._publisher = Publisher(self.definition, self._activity)
        self._persons = Persons(
            self.definition,
            activity=self._activity,
            calendar=self._calendar,
            timers=self._timers,
            publisher=self._publisher,
            days=self.days,
            shelves=self._changelog.shelves(),
            windows=self._windows,
        )
        self._due = Due(self._persons, self._timers, self._calendar, self._most_due)
        self._due.held = self._held

    # -- what it knows ----------------------------------------------------------------------------

    @property
    def watermark(self) -> int | None:
        """In ms; None before the first event."""
        return None if self._watermark == BEGINNING else self._watermark

    @property
    def newest(self) -> int | None:
        """The greatest time of an applied event, in ms; None before the first."""
        return None if self._newest == BEGINNING else self._newest

    @property
    def counts(self) -> Counts:
        """Counters since the partition was opened."""
        self._counts.visits = self._persons.visits
        self._counts.late_for_window = self._windows.late
        names = self._activity.vocabulary.keys
        self._counts.key_events = Counter({names[key]: n for key, n in self._persons.key_events.items()})
        self._counts.transitions = Counter(self._persons.transitions)
        return self._counts

    def __len__(self) -> int:
        """Profiles held: persons, and anonymous ids that lead to one."""
        return len(self._persons.profiles)

    def population(self) -> Population:
        """Who is there, as of what has been applied; no profile is looked at."""
        latest = max(self._newest, self._watermark + self.definition.allowed_lateness_ms)
        today = self._calendar.reached(latest) if latest > EARLIEST else 0
        return Population.of(self.days.standing(), today, self._persons.open_visits)

    @property
    def hot_limit(self) -> int:
        """How many profiles stay in memory, about; only of use with a store."""
        return 0 if self._keeping is None else self._keeping.hot_limit

    @hot_limit.setter
    def hot_limit(self, limit: int) -> None:
        if self._keeping is not None:
            self._keeping.hot_limit = limit

    def people(self) -> Iterator[Person]:
        """Registered persons by id, as of the watermark: what is due is done first."""
        while self.work():
            pass
        for person in sorted(self._persons.profiles):
            profile = self._persons.profiles.peek(person)
            if profile is not None and profile.registered is not None:
                yield describe(self._view(), person, profile)

    def keys(self) -> Iterator[bytes]:
        """The changelog's keys of all profiles, in no order."""
        return (person.encode() for person in self._persons.profiles)

    def value(self, key: bytes) -> bytes | None:
        """A profile as the changelog would hold it now; None where there is none."""
        profile = self._persons.profiles.peek(key.decode(errors="replace"))
        return None if profile is None else encode(profile)

    def explain(self, person: str) -> Explanation | None:
        """A person's state and the evidence for it; None for one never seen, forgotten or erased.

        What is due for the person is done first.
        """
        if self._due.behind:
            self._due.catch_up(person)
        person = self._persons.redirects.resolve(person, self._watermark)
        if self._due.behind:
            self._due.catch_up_aliases(person)
            self._due.catch_up(person)
        profile = self._persons.profiles.get(person)
        return None if profile is None else explain(self._view(), person, profile)

    # -- time passing -----------------------------------------------------------------------------

    def advance(self, watermark_ms: int, *, final: bool = False) -> None:
        """Move the watermark on (the idle rule, the end of a replay); it never goes back.

        `final`: nothing more comes, and windows close up to the watermark, without a lateness.
        """
        if final:
            self._windows.reach(watermark_ms)
        if watermark_ms > self._watermark:
            self._watermark = watermark_ms
            if not final:
                self._reach()
            self._due.begin()
            self._due.fire(watermark_ms)

    def work(self) -> bool:
        """Do some of what was put off, a few milliseconds' worth; True while more is left."""
        if not self._due.behind:
            return False
        self._due.begin()
        return self._due.fire(self._watermark)

    def take_outputs(self) -> list[Output]:
        """The records to publish since last taken, in order."""
        outputs, self._publisher.outputs = self._publisher.outputs, []
        outputs += [Output(PARTIALS, None, part) for part in self._windows.close()]
        outputs += [Output(PARTIALS, None, encode_part(part)) for part in self._end_days()]
        clock = self._windows.clock_part(self.days.closed_day)
        if clock is not None:
            outputs.append(Output(PARTIALS, None, clock))
        return outputs

    def _end_days(self) -> list[DayPart]:
        """What has been counted of the days that are over, once nothing more happens on them."""
        if self._watermark == BEGINNING or self._due.behind:
            return []
        return self.days.close(self._watermark if self._floor is None else min(self._floor, self._watermark))

    def provisional_parts(self) -> list[bytes]:
        """What the open windows have so far, for the topic of partials; what closes replaces it."""
        return list(self._windows.provisional())

    def _reach(self) -> None:
        if self._watermark != BEGINNING:
            self._windows.reach(self._watermark + self._windows.ahead)

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes). The partition's own comes last."""
        return self._changelog.take(
            self._persons,
            self._activity,
            self._windows,
            self.days,
            watermark=self._watermark,
            newest=self._newest,
        )

    def take_local(self) -> list[tuple[bytes, bytes | None]]:
        """Records for the local store alone: they go with the last `take_changes`, or the `restore` since."""
        return [] if self._keeping is None else self._keeping.take_local()

    def written(self) -> None:
        """What was taken last is committed, and in the local store: it need not stay in memory."""
        if self._keeping is None:
            self._persons.profiles.written()
        else:
            self._keeping.written()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order. Raises ValueError for a newer version's.

        With a store the record is left to whoever writes it there, together with `take_local`.
        """
        self._changelog.restore(key, value)

    def restored(self) -> None:
        """After the last changelog record: take up the numbers and set the timers again.

        Without `most_due`, what an earlier owner had put off is done now.
        """
        progress = self._changelog.restored()
        if progress is None:
            return
        self._watermark, self._newest = progress.watermark, progress.newest
        self._start(progress.vocabulary)
        beside = self._changelog.beside()
        self._windows.restore({key: value for key, value in beside.items() if key[:1] == WINDOWS_PREFIX})
        self.days.restore({key: value for key, value in beside.items() if key[:1] != WINDOWS_PREFIX})
        self._reach()
        self._changelog.take_up(self._persons, progress)
        self.days.restored(self._watermark, self._changelog.profiles(self._persons))
        if self._watermark > self._timers.next:
            if self._most_due is None:
                self._due.fire(self._watermark)
            else:
                self._due.put_off(self._watermark)

    def _view(self) -> tuple[Persons, Activity, Calendar, int]:
        return self._persons, self._activity, self._calendar, self._watermark
