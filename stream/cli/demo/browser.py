"""Opens the page where somebody sits before a screen, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

_ELSEWHERE = ("CI", "SSH_CONNECTION", "SSH_TTY")


def has_screen(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether a browser would be seen by whoever has typed the command."""
    if not terminal or any(environ.get(name) for name in _ELSEWHERE):
        return False
    return sys.platform != "linux" or any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def open_page(address: str) -> None:
    """Without waiting, and without a terminal: a browser of the text kind would take ours."""
    subprocess.Popen(
        [sys.executable, "-m", "webbrowser", address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
