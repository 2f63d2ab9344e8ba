"""Collects what is wrong with a configuration, and says where each thing stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from stream.settings.kinds import Refusal, Step, show
from stream.settings.lines import Lines
from stream.settings.model import Problem, SettingsError


class Findings:
    """The problems so far. `name` and `lines` are the file's; both empty where there is none."""

    def __init__(self, name: str = "", lines: Lines | None = None) -> None:
        self._name = name
        self._lines = lines
        self._variables: dict[str, str] = {}
        self._problems: list[tuple[int, Problem]] = []
        self._spoilt: set[Step] = set()

    def set_by(self, key: str, variable: str) -> None:
        """Note that the value of a key came from an environment variable."""
        self._variables[key] = variable

    def add(self, steps: Sequence[Step], got: str, takes: str, *, place: str | None = None) -> None:
        """One problem, at the way to a key. `place` where it is neither the file nor a known variable."""
        key = spell(steps)
        self._spoilt.update((key, steps[0]))
        line = None if place or key in self._variables else self._line(steps)
        if line is not None:
            place = f"{self._name}:{line}"
        self._problems.append(
            (line or sys.maxsize, Problem(key, got, takes, place or self._variables.get(key)))
        )

    def add_all(self, steps: Sequence[Step], refusals: Sequence[Refusal]) -> None:
        """Refusals of the value at `steps`, or of something inside it."""
        for refusal in refusals:
            self.add((*steps, *refusal.steps), refusal.got, refusal.takes)

    def spoilt(self, *keys: str) -> bool:
        """Whether any of these keys, or something below a top-level one of them, has a problem."""
        return not self._spoilt.isdisjoint(keys)

    def raise_if_any(self) -> None:
        """Raise SettingsError with all problems, if there are any: in the file's order, then the others."""
        if self._problems:
            ordered = sorted(self._problems, key=lambda found: found[0])
            raise SettingsError([problem for _, problem in ordered])

    def _line(self, steps: Sequence[Step]) -> int | None:
        return self._lines.of(steps) if self._lines else None


def spell(steps: Sequence[Step]) -> str:
    """The way to a value as people write it: `key_event[0].where.properties.total`."""
    parts = [f"[{step}]" if isinstance(step, int) else "." + _spell_key(step) for step in steps]
    return "".join(parts).removeprefix(".")


def _spell_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_.@-]+", key) else show(key)
