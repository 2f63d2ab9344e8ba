"""docs/configuration.md is what the settings say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from stream.settings import SettingsError, describe
from stream.settings.reference import reference
from tests.settings.conftest import Load, Refuse

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_document_is_generated_from_the_settings() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), (
        "out of date: python -m stream.settings.reference > docs/configuration.md"
    )


def test_the_generator_runs_as_the_document_says() -> None:
    command = [sys.executable, "-m", "stream.settings.reference"]
    written = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert written.stdout.decode() == DOCUMENT.read_text(encoding="utf-8")
    assert written.stderr == b""


def test_every_setting_is_described() -> None:
    for setting in describe():
        assert setting.meaning.endswith((".", "..."))
        assert setting.takes
        assert f"`{setting.key.rpartition(' ')[2]}`" in reference()


def test_the_examples_in_the_document_load(load_text: Load) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", reference(), re.DOTALL)
    wheres = re.findall(r"^\| `(where = .*?)` \|", reference(), re.MULTILINE)
    assert len(blocks) == 2
    assert len(wheres) == 8
    for block in blocks:
        load_text(block)
    for where in wheres:
        load_text(f'[[key_event]]\nname = "A"\n{where}')


def test_the_errors_in_the_document_are_what_is_printed(refused: Refuse) -> None:
    document = 'broker = "a:1"\ntimezone = "UTC"\n\n[input]\ntopc = "app-events"\n\n[tiers]\nlow = 0\n'
    printed = str(SettingsError(refused(document)))
    printed = re.sub(r"\(.*?(footfall\.toml:\d+)\)", r"(\1)", printed)
    assert printed in reference()
