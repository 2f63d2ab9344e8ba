"""Has a child process end with the one that started it, even where that is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1
# Loaded here: nothing may be loaded between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def ending_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends the child `number` when the thread that starts it has ended.

    None where the system has no such thing: Linux only.
    """
    return partial(_end_with, os.getpid(), number) if _LIBC else None


def _end_with(parent: int, number: signal.Signals) -> None:
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # gone already
        os._exit(1)
