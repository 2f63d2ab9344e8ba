"""Everybody's visits, merged into one stream of records in event-time order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import count, takewhile
from operator import itemgetter
from random import Random
from typing import NamedTuple

from stream.simulate.arrivals import MONTH_MS, Arrivals, grown, grown_by, steady
from stream.simulate.bots import Bot, bots_of
from stream.simulate.campaigns import CART_REMINDER, Campaign, next_newsletter, next_send
from stream.simulate.crowd import Gathering
from stream.simulate.mishaps import Mishap
from stream.simulate.person import NEVER, Person, old_user
from stream.simulate.product import Product
from stream.simulate.schedule import DAY_MS, HOUR_MS, Schedule
from stream.simulate.scribe import Record, Scribe
from stream.simulate.streams import digest, exponential, random_stream
from stream.simulate.visit import Visit

SLICE_MS = 300_000
_RESURRECTED_BY_CAMPAIGN = 0.25
_NEW_LIFE = 0.2  # of those who deleted their account
_READS_NEWSLETTER_DAYS = 60
_MAILING_MS = 10 * HOUR_MS
_READ_WITHIN_MS = 3 * HOUR_MS
_USUAL_DAYS = 7
_VISITS_A_DAY = 0.18  # of a user, where there is no past to count


class OwnVisit(NamedTuple):
    """A person comes of their own accord, unless they changed their mind since (`Person.next_ms`)."""

    person: Person


class Invited(NamedTuple):
    """A person follows a message: number so-and-so of the regular ones, or one (None) for an occasion."""

    person: Person
    campaign: Campaign
    number: int | None


class Newsletter(NamedTuple):
    """A newsletter reaches a subscriber."""

    person: Person


class Robot(NamedTuple):
    """A robot comes."""

    bot: Bot


class Occasion(NamedTuple):
    """A crowd begins to gather."""

    gathering: Gathering


Plan = Arrivals | OwnVisit | Invited | Newsletter | Robot | Occasion


class Population:
    """The persons of a product and what they have planned, one heap of plans by time.

    Memory grows with the persons who may still come, not with the events. Equal arguments give equal
    records; each person draws from random streams of their own. `gatherings` bring people besides, each
    visit is what the `mishaps` leave of it.
    """

    def __init__(
        self,
        product: Product,
        *,
        seed: int,
        start_ms: int,
        schedule: Schedule | None = None,
        gatherings: Sequence[Gathering] = (),
        mishaps: Sequence[Mishap] = (),
    ) -> None:
        self._product = product
        self._seed = seed
        self._start_ms = start_ms
        self._schedule = schedule or Schedule()
        self._plans: list[tuple[int, int, Plan]] = []
        self._order = count()
        self._slices: dict[int, list[Record]] = {}
        self._mishaps = mishaps
        self._visits: Counter[int] = Counter()  # by day, of all but crowds
        self._settle_old_users()
        self._open_channels()
        for bot in bots_of(product, seed=seed, start_ms=start_ms):
            self._plan(bot.next_ms(start_ms), Robot(bot))
        for gathering in gatherings:
            self._plan(max(start_ms, gathering.crowd.start_ms), Occasion(gathering))

    def slices(self, end_ms: int | None) -> Iterator[tuple[int, list[Record]]]:
        """Records in time order up to `end_ms` (for ever, if None), a slice of SLICE_MS at a time,
        each with the time at which it ends. A slice may be empty."""
        number = self._start_ms // SLICE_MS
        while end_ms is None or number * SLICE_MS < end_ms:
            until_ms = (number + 1) * SLICE_MS
            while self._plans and self._plans[0][0] < until_ms:
                t_ms, _, plan = heappop(self._plans)
                self._carry_out(t_ms, plan)
            records = self._slices.pop(number, [])
            records.sort(key=itemgetter(0))
            if end_ms is not None and until_ms > end_ms:
                records = [record for record in records if record[0] < end_ms]
                until_ms = end_ms
            yield until_ms, records
            number += 1

    def _settle_old_users(self) -> None:
        product, start_ms = self._product, self._start_ms
        for number in range(product.users):
            person = old_user(product, seed=self._seed, number=number, start_ms=start_ms)
            rng = random_stream(self._seed, f"{person.name}/before")
            if rng.random() >= product.dormant:
                person.seen_ms = start_ms
                days = exponential(rng) / (person.rate * person.eagerness(product, start_ms))
            else:
                person.seen_ms = start_ms - int((30.0 + 200.0 * rng.random()) * DAY_MS)
                days = product.comeback_days * 2.0 * rng.random() + person.days_away(product, rng)
            self._plan_own_visit(person, start_ms, days)
            self._welcome(person, start_ms)

    def _open_channels(self) -> None:
        product, schedule, start_ms = self._product, self._schedule, self._start_ms
        for channel in product.channels:
            per_day = product.users * product.newcomers * channel.newcomers
            if per_day > 0:
                rng = random_stream(self._seed, f"arrivals/{channel.name}")
                times = steady(schedule, rng, start_ms=start_ms, per_day=per_day)
                self._plan_arrival(Arrivals(channel, channel.name, times, count()))
            if per_day > 0 and product.growth > 0:
                rng = random_stream(self._seed, f"growth/{channel.name}")
                times = grown(schedule, rng, start_ms=start_ms, per_day=per_day, growth=product.growth)
                self._plan_arrival(Arrivals(channel, f"{channel.name}-grown", times, count()))

    def _carry_out(self, t_ms: int, plan: Plan) -> None:
        if isinstance(plan, OwnVisit):
            if plan.person.next_ms == t_ms:
                self._visit(plan.person, t_ms)
        elif isinstance(plan, Arrivals):
            self._plan_arrival(plan)
            self._arrive(plan, f"{plan.names}-{next(plan.numbers)}", t_ms)
        elif isinstance(plan, Invited):
            self._follow(plan, t_ms)
        elif isinstance(plan, Newsletter):
            self._deliver(plan.person, t_ms)
        elif isinstance(plan, Robot):
            self._note(plan.bot.read(t_ms))
            self._plan(plan.bot.next_ms(t_ms), plan)
        else:
            self._gather(plan.gathering, t_ms)

    def _arrive(self, arrivals: Arrivals, name: str, t_ms: int) -> None:
        product, seed, gathering = self._product, self._seed, arrivals.gathering
        if product.growth < 0 and gathering is None:
            months = (t_ms - self._start_ms) / MONTH_MS
            if random_stream(seed, f"growth/{name}").random() >= grown_by(product.growth, months):
                return
        person = Person(product, seed=seed, name=name, channel=arrivals.channel, born_ms=t_ms)
        if gathering is not None:
            gathering.join(person, t_ms, seed=seed)
        self._visit(person, t_ms)

    def _gather(self, gathering: Gathering, t_ms: int) -> None:
        crowd = gathering.crowd
        per_day = self._usual_visits(t_ms) * (crowd.factor - 1.0)
        rng = random_stream(self._seed, crowd.name)
        times = steady(self._schedule, rng, start_ms=t_ms, per_day=per_day)
        before_end = takewhile(lambda at_ms: at_ms < crowd.end_ms, times)
        self._plan_arrival(Arrivals(crowd.channel, crowd.name, before_end, count(), gathering))

    def _usual_visits(self, t_ms: int) -> float:
        """Visits a day of the week before; those of crowds aside, so that no plant depends on another."""
        today, first = t_ms // DAY_MS, -(-self._start_ms // DAY_MS)
        days = range(max(first, today - _USUAL_DAYS), today)
        if not days:
            return self._product.users * _VISITS_A_DAY
        return sum(self._visits[day] for day in days) / len(days)

    def _visit(self, person: Person, t_ms: int) -> None:
        if t_ms <= person.busy_until_ms:
            self._plan_own_visit(person, person.busy_until_ms, 1.0 / 24)
            return
        was_registered = person.registered
        visit = Visit(self._product, person, seed=self._seed, name=f"visit-{person.visits}", start_ms=t_ms)
        visit.play_own()
        self._finish(person, visit)
        if person.registered and not was_registered:
            self._welcome(person, visit.now_ms)
        rng = random_stream(self._seed, f"{person.name}/after-{person.visits}")
        if visit.deleted:
            days = _days_to_new_life(rng)
        else:
            days = person.days_to_next_visit(self._product, visit.now_ms, rng, bounced=visit.bounced)
            if visit.abandoned and person.registered and rng.random() < 0.4:
                reminder_ms = visit.now_ms + int((1.0 + 2.0 * rng.random()) * HOUR_MS)
                self._plan(reminder_ms, Invited(person, CART_REMINDER, None))
        self._plan_own_visit(person, visit.now_ms, days)

    def _follow(self, plan: Invited, t_ms: int) -> None:
        person, number = plan.person, plan.number
        if not person.registered or (number is not None and number != person.invitations):
            return  # the account was deleted: no more messages
        if t_ms > person.busy_until_ms and self._listens(person, t_ms):
            name = f"invited-{t_ms if number is None else number}"
            visit = Visit(self._product, person, seed=self._seed, name=name, start_ms=t_ms)
            visit.play_invited(plan.campaign)
            self._finish(person, visit)
            rng = random_stream(self._seed, f"{person.name}/after-{name}")
            if visit.deleted:
                self._plan_own_visit(person, visit.now_ms, _days_to_new_life(rng))
            lapsed = person.next_ms == NEVER or person.next_ms - t_ms > 14 * DAY_MS
            if lapsed and not visit.bounced and not visit.deleted and rng.random() < _RESURRECTED_BY_CAMPAIGN:
                self._plan_own_visit(person, visit.now_ms, exponential(rng) / person.rate)
        if number is not None and person.registered:
            person.invitations += 1
            self._plan_invitation(person, t_ms)

    def _listens(self, person: Person, t_ms: int) -> bool:
        """The longer somebody is away, the less they care for messages."""
        away_days = (t_ms - person.seen_ms) / DAY_MS
        rng = random_stream(self._seed, f"{person.name}/listens-{t_ms}")
        return rng.random() < math.exp(-away_days / self._product.campaign_fading_days)

    def _finish(self, person: Person, visit: Visit) -> None:
        records = visit.records
        for mishap in self._mishaps:
            records = mishap.left(visit, records)
        self._note(records)
        if person.crowd is None:
            self._visits[visit.start_ms // DAY_MS] += 1
        person.busy_until_ms = person.seen_ms = visit.now_ms
        if visit.deleted:
            person.registered = False
            person.subscribed = False
            person.invitations += 1

    def _note(self, records: list[Record]) -> None:
        slices = self._slices
        for record in records:
            number = record[0] // SLICE_MS
            if number in slices:
                slices[number].append(record)
            else:
                slices[number] = [record]

    def _deliver(self, person: Person, t_ms: int) -> None:
        if not person.subscribed:
            return
        if t_ms - person.seen_ms < _READS_NEWSLETTER_DAYS * DAY_MS:
            digits = digest(self._seed, f"{person.name}/newsletter-{t_ms}")
            rng = Random(int(digits[:16], 16))
            scribe = Scribe(person, digits=digits, rng=rng, channel="email", referrer="")
            scribe.server(
                t_ms, "Email Delivered", '"email_subject":"Deals of the week","email_id":"weekly-deals"'
            )
            self._note(scribe.records)
        self._plan_newsletter(person, t_ms)

    def _welcome(self, person: Person, t_ms: int) -> None:
        self._plan_invitation(person, t_ms)
        if person.subscribed:
            self._plan_newsletter(person, t_ms)

    def _plan_arrival(self, arrivals: Arrivals) -> None:
        t_ms = next(arrivals.times_ms, None)
        if t_ms is not None:
            self._plan(t_ms, arrivals)

    def _plan_own_visit(self, person: Person, t_ms: int, days: float) -> None:
        if days == float("inf"):
            person.next_ms = NEVER
            return
        at_ms = self._schedule.after(t_ms - person.shift_ms, days) + person.shift_ms
        person.next_ms = max(at_ms, t_ms + 1)
        self._plan(person.next_ms, OwnVisit(person))

    def _plan_invitation(self, person: Person, t_ms: int) -> None:
        if self._product.campaign_rate == 0:
            return
        rng = random_stream(self._seed, f"{person.name}/invitation-{person.invitations}")
        wait_ms = int(exponential(rng) / self._product.campaign_rate * DAY_MS)
        sent_ms, campaign = next_send(t_ms + wait_ms)
        # Few look at once, most when they next have time.
        read_ms = int(exponential(rng) * _READ_WITHIN_MS)
        self._plan(sent_ms + read_ms, Invited(person, campaign, person.invitations))

    def _plan_newsletter(self, person: Person, t_ms: int) -> None:
        # A mailing takes all day, each address has its own time: no spike in the event counts.
        turn_ms = int(person.anonymous_id[:8], 16) % _MAILING_MS
        self._plan(next_newsletter(t_ms - turn_ms) + turn_ms, Newsletter(person))

    def _plan(self, t_ms: int, plan: Plan) -> None:
        heappush(self._plans, (t_ms, next(self._order), plan))


def _days_to_new_life(rng: Random) -> float:
    """Average days from deleting the account to coming again; infinite for most."""
    return 5.0 + 35.0 * rng.random() if rng.random() < _NEW_LIFE else float("inf")
