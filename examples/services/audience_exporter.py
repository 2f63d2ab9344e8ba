"""Keeps an audience in a database: the users who are at tier high now, and since when.

    python examples/services/audience_exporter.py audience.db

The broker is that of footfall.toml or FOOTFALL_BROKER. Each change and the number of the last one applied
to the person are written in one transaction, so that what comes again changes nothing: exactly once, up to
the database.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from stream.client import RecordError, SubscriptionError, Transition, transitions

GROUP = "audience-exporter"
TABLES = """
CREATE TABLE IF NOT EXISTS applied (person TEXT PRIMARY KEY, changes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS audience (person TEXT PRIMARY KEY, since TEXT NOT NULL);
"""


@click.command()
@click.argument("database", type=click.Path(dir_okay=False, path_type=Path))
def main(database: Path) -> None:
    """Keep the audience in DATABASE (SQLite), table `audience`."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(TABLES)
        try:
            asyncio.run(follow(connection))
        except (SubscriptionError, RecordError) as error:
            raise click.ClickException(str(error)) from None


async def follow(connection: sqlite3.Connection) -> None:
    """Until Ctrl-C or SIGTERM."""
    async with transitions(GROUP) as changes:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, changes.stop)
        async for change in changes:
            with connection:
                apply(connection, change)


def apply(connection: sqlite3.Connection, change: Transition) -> None:
    """Enter one change, unless it was: a person's are numbered, `ann#1`, `ann#2` …"""
    person, number = change.person, int(change.transition_id.rpartition("#")[2])
    row = connection.execute("SELECT changes FROM applied WHERE person = ?", (person,)).fetchone()
    if row is not None and number <= row[0]:
        return
    connection.execute("REPLACE INTO applied VALUES (?, ?)", (person, number))
    if change.tier == "high" and change.to != "deleted":
        connection.execute("INSERT OR IGNORE INTO audience VALUES (?, ?)", (person, change.at))
    else:
        connection.execute("DELETE FROM audience WHERE person = ?", (person,))


if __name__ == "__main__":
    main()
