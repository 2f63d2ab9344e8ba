"""Writes the events of one visit as Segment-spec JSON, by putting ready pieces together."""

from __future__ import annotations

from random import Random

from stream.core.events import ANONYMOUS
from stream.simulate.campaigns import Campaign
from stream.simulate.catalog import SITE, Page
from stream.simulate.person import Person
from stream.simulate.stamps import stamp
from stream.simulate.streams import uuid_shaped

Record = tuple[int, bytes, bytes | None]
"""Event time in ms, the key (the person) and the value; None is a tombstone."""

_SERVER = '"library":{"name":"analytics-python","version":"2.3.3"},"ip":"192.0.2.10"'


class Scribe:
    """Notes what one person does in one visit. Times are ms since 1970 and may come in any order.

    `digits` (hex) make the visit's messageIds unique; `receivedAt` is a fraction of a second later.
    """

    __slots__ = (
        "_app",
        "_campaign",
        "_context",
        "_digits",
        "_ids",
        "_page",
        "_random",
        "_referrer",
        "_standing",
        "key",
        "person",
        "records",
    )

    def __init__(self, person: Person, *, digits: str, rng: Random, channel: str, referrer: str) -> None:
        self.person = person
        self.records: list[Record] = []
        self._digits = uuid_shaped(digits)[:-4]
        self._random = rng.random
        self._app = person.device.app
        self._context = f'"channel":"{channel}",{person.place},{person.device.members}'
        self._campaign = self._standing = ""
        self._referrer = referrer
        self._page = ""
        self.log_out()

    def log_out(self) -> None:
        """From here on the events carry the anonymous id only."""
        self._ids = f'"anonymousId":"{self.person.anonymous_id}"'
        self.key = (ANONYMOUS + self.person.anonymous_id).encode()

    def log_in(self) -> None:
        """From here on the events carry both ids."""
        person = self.person
        self._ids = f'"anonymousId":"{person.anonymous_id}","userId":"{person.user_id}"'
        self.key = person.user_id.encode()

    def land(self, campaign: Campaign | None) -> None:
        """The visit's first page was reached through `campaign`; holds until the next `view`."""
        if campaign is not None:
            name, source, medium = campaign
            self._campaign = f',"campaign":{{"name":"{name}","source":"{source}","medium":"{medium}"}}'

    def land_for_long(self, campaign: Campaign) -> None:
        """The same, but every event of the visit carries the campaign."""
        self.land(campaign)
        self._standing = self._campaign

    def view(self, t_ms: int, page: Page) -> None:
        """A page, or a screen in an app."""
        if self._app:
            head = f'"type":"screen","name":"{page.name}"'
            self._write(t_ms, head, f'"properties":{{"name":"{page.name}"}}')
        else:
            referrer = f'"referrer":"{self._referrer}"'
            self._page = f',"page":{{"path":"{page.path}",{referrer}}}'
            self._write(
                t_ms, f'"type":"page","name":"{page.name}"', f'"properties":{{{page.located},{referrer}}}'
            )
        self._referrer = SITE + page.path
        self._campaign = self._standing

    def track(self, t_ms: int, event: str, members: str = "") -> None:
        """Something that the person did; `members` of `properties` as JSON."""
        self._write(t_ms, f'"type":"track","event":"{event}"', f'"properties":{{{members}}}')

    def identify(self, t_ms: int) -> None:
        """Who this is. Follows `log_in`; the traits have `createdAt` where the product knows it."""
        person = self.person
        traits = f'"plan":"free","newsletter":{"true" if person.subscribed else "false"}'
        if person.known_creation:
            traits = f'"createdAt":"{stamp(person.created_ms)}",{traits}'
        self._write(t_ms, '"type":"identify"', f'"traits":{{{traits}}}')

    def server(self, t_ms: int, event: str, members: str) -> None:
        """Something that a server did to the user: no device, no page, no anonymous id."""
        value = (
            f'{{"type":"track","event":"{event}","messageId":"{self._digits}{len(self.records):04x}",'
            f'"timestamp":"{stamp(t_ms)}","receivedAt":"{stamp(t_ms + _delay_ms(self._random()))}",'
            f'"userId":"{self.person.user_id}",'
            f'"properties":{{{members}}},"context":{{{_SERVER}{self._standing}}}}}'
        )
        self.records.append((t_ms, self.person.user_id.encode(), value.encode()))

    def _write(self, t_ms: int, head: str, body: str) -> None:
        records = self.records
        value = (
            f'{{{head},"messageId":"{self._digits}{len(records):04x}","timestamp":"{stamp(t_ms)}",'
            f'"receivedAt":"{stamp(t_ms + _delay_ms(self._random()))}",{self._ids},{body},"context":'
            f"{{{self._context}{self._campaign}{self._page}}}}}"
        )
        records.append((t_ms, self.key, value.encode()))


def _delay_ms(part: float) -> int:
    """From device to collector: 40 ms to a second, mostly short. `part` is 0 to 1."""
    return 40 + int(900 * part * part)
