"""A setting, as the catalog and the lists' entries declare it."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream.settings.kinds import Kind, optional, whole
from stream.settings.places import file, secret

LONGEST_DAYS = 36_500


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


def days(key: str, default: int, meaning: str) -> Setting:
    """A number of days."""
    return Setting(key, whole(1, LONGEST_DAYS), default, meaning)


def secret_settings(key: str, meaning: str) -> tuple[Setting, Setting]:
    """A secret: by a file, or by the environment."""
    return (
        Setting(key, optional(secret()), None, f"{meaning} Only by the environment, never in the file."),
        Setting(f"{key}_file", optional(file("a file with the secret")), None, "The same, in a file."),
    )
