"""What the tests of the settings share: files to load, and the examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stream.settings import Problem, Settings, SettingsError, load

EXAMPLES = Path(__file__).parents[2] / "examples"

Load = Callable[..., Settings]
Refuse = Callable[..., list[Problem]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Loads settings from the text of a file and some variables."""

    def load_text(document: str = "", environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "footfall.toml"
        path.write_text(document, encoding="utf-8")
        return load(path, environ or {})

    return load_text


@pytest.fixture
def refused(load_text: Load) -> Refuse:
    """The problems of a configuration that can't be used, each place without its folder."""

    def refused(document: str = "", environ: Mapping[str, str] | None = None) -> list[Problem]:
        with pytest.raises(SettingsError) as caught:
            load_text(document, environ)
        return caught.value.problems

    return refused


@pytest.fixture(scope="session")
def examples() -> dict[str, str]:
    """The files in examples/, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.toml"))}
