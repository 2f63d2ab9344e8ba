"""Processor time and memory of a process and all that it has started, as the kernel counts them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
_PROC = Path("/proc")


class Used(NamedTuple):
    """What a tree of processes has used up to now (user and system), and its memory at this moment."""

    cpu_s: float
    rss_mib: float
    pids: tuple[int, ...]


class _Stat(NamedTuple):
    parent: int
    session: int
    ticks: int
    pages: int


def used(root: int) -> Used:
    """What `root`, which leads a session of its own, and its descendants have used.

    Processor time of children that have ended is in what is counted of their parents. Pages that
    processes share are counted in each.
    """
    stats = {pid: stat for pid in map(int, filter(str.isdecimal, os.listdir(_PROC))) if (stat := _stat(pid))}
    members = {pid for pid, stat in stats.items() if pid == root or stat.session == root}
    grown = True
    while grown:
        more = {pid for pid, stat in stats.items() if stat.parent in members} - members
        members |= more
        grown = bool(more)
    return Used(
        sum(stats[pid].ticks for pid in members) * _TICK_S,
        sum(stats[pid].pages for pid in members) * _PAGE_MIB,
        tuple(sorted(members)),
    )


def peak_mib(pid: int) -> float:
    """The most memory that one process has had resident; 0 where it is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _stat(pid: int) -> _Stat | None:
    """None where the process has ended meanwhile. Fields as in proc(5), counted from the third."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return _Stat(int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])), int(fields[21]))
