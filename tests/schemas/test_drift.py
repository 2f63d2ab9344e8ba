"""The files in schemas/ are what the code generates; `python -m stream.schemas schemas/` makes them so."""

from __future__ import annotations

from pathlib import Path

from stream.schemas import documents, write

FOLDER = Path(__file__).parents[2] / "schemas"


def test_schemas_are_up_to_date() -> None:
    found = {
        path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8")
        for path in FOLDER.rglob("*.json")
    }
    assert found == documents(), "run: python -m stream.schemas schemas/"


def test_write_makes_the_folders_it_needs(tmp_path: Path) -> None:
    paths = write(tmp_path / "new")
    assert sorted(paths) == sorted((tmp_path / "new").rglob("*.json"))
