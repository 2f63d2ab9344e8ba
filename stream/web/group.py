"""The worker's place in its group: which partitions of persons are here, and where the others are."""

from __future__ import annotations

from stream.agents.activity import ActivityState
from stream.agents.rekey import RekeyedState
from stream.agents.topics import PROFILES, changelog_topic
from stream.engine.app import EngineApp
from stream.engine.engine import Engine
from stream.settings import Settings

PersonsState = ActivityState | RekeyedState


class Group:
    """`name` is the group's. `address` is where the others find this worker; theirs are known from Faust."""

    def __init__(self, settings: Settings, app: EngineApp) -> None:
        self.app = app
        self.name = settings.group
        self.address = ""
        self._changelog = changelog_topic(settings, PROFILES)
        self.persons: Engine = next(e for e in app.engines if e.config.changelog == self._changelog)

    @property
    def partitions(self) -> int:
        """How many partitions of persons the group has."""
        return self.persons.config.partitions

    @property
    def moving(self) -> bool:
        """Whether partitions are about to change hands, or were never given out."""
        return self.app.rebalancing or not self.app.joined

    def own(self) -> dict[int, PersonsState]:
        """The states of the partitions that are here and restored, by number."""
        return {
            number: owned.state
            for number, owned in sorted(self.persons.partitions.items())
            if owned.active and isinstance(owned.state, PersonsState)
        }

    def others(self) -> dict[str, list[int]]:
        """Which of the other partitions are at which worker's address; some may be out of date."""
        found: dict[str, list[int]] = {}
        for url, topics in self.app.router.tables_metadata().items():
            numbers = [n for n in topics.get(self._changelog, ()) if n not in self.persons.partitions]
            if numbers:
                found[url] = sorted(numbers)
        return found
