"""What is done to a copy of the sources before mypyc has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.compiled import MODULES, ROOT, move_structs

SOURCE = '''"""A module."""

from __future__ import annotations

from msgspec import Struct, msgpack


class Mark(Struct, frozen=True, array_like=True):
    """A Struct with options."""

    hits: tuple[int, ...] = ()


def encoded(mark: Mark) -> bytes:
    return msgpack.encode(mark)
'''
USE = """
from package import module, module_structs
assert module.Mark is module_structs.Mark
assert module.encoded(module.Mark((1, 2))) == bytes([0x91, 0x92, 1, 2])
assert {module.Mark()}
"""


def test_structs_move_to_a_module_beside_with_their_options(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text(SOURCE)
    move_structs(tmp_path, Path("package/module.py"))
    assert "class Mark" not in (package / "module.py").read_text()
    subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, check=True)


def test_a_module_without_structs_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("from __future__ import annotations\n\nx = 1\n")
    move_structs(tmp_path, Path("module.py"))
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]


def test_all_that_is_to_be_compiled_is_there() -> None:
    for name in MODULES:
        assert ROOT.joinpath("stream", "core", *name.split(".")).with_suffix(".py").is_file(), name
