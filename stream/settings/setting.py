"""A setting, as the catalog and the lists' entries declare it."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream.settings.kinds import Kind


class Setting(NamedTuple):
    """One key. `default` is in TOML's form; None means unset."""

    key: str
    kind: Kind
    default: Any
    meaning: str

    @property
    def variable(self) -> str | None:
        """The environment variable, or None where the value is no scalar."""
        if self.kind.from_text is None:
            return None
        return "FOOTFALL_" + self.key.upper().replace(".", "__")


class Section(NamedTuple):
    """Settings that belong together in the reference."""

    title: str
    settings: tuple[Setting, ...]
