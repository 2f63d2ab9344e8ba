"""The configuration: one TOML file and the environment, read into `Settings` or refused with reasons."""

from stream.settings.catalog import Description, describe
from stream.settings.checks import remarks
from stream.settings.durations import format_duration, parse_duration
from stream.settings.model import (
    OUTPUTS,
    DeadLetters,
    Input,
    Log,
    Problem,
    Settings,
    SettingsError,
    Topics,
    Web,
)
from stream.settings.reading import load, preset, read

__all__ = [
    "OUTPUTS",
    "DeadLetters",
    "Description",
    "Input",
    "Log",
    "Problem",
    "Settings",
    "SettingsError",
    "Topics",
    "Web",
    "describe",
    "format_duration",
    "load",
    "parse_duration",
    "preset",
    "read",
    "remarks",
]
