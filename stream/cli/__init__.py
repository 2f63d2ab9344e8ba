"""The command line: one lazily loaded module a command, so that `footfall --help` answers at once."""

from __future__ import annotations

from importlib import import_module

import click

from stream import __version__

COMMANDS = {
    "demo": "see it work: a broker, a simulated product, a worker and its page, in one process tree",
    "worker": "the stream processor",
    "replay": "the same computation over files, no broker",
    "detect": "what is unusual in a time series, row by row",
    "simulate": "a product's synthetic users, to a file or a topic",
    "broker": "a broker for development, in the foreground",
    "check": "configuration, broker, topics and permissions, before anything runs",
    "topics": "create the topics",
    "dead-letters": "what could not be read, and sending it back after a fix",
    "reset": "forget all state, and begin anew",
    "tail": "transitions, visits ... as they come, readable",
    "incidents": "what is open, and what to say of it: seen to, snoozed, a false alarm",
    "explain": "a person's state and the evidence for it",
    "report": "the daily report, on the terminal or as a page",
}


class LazyGroup(click.Group):
    """Loads `stream.cli.<command>` and takes its attribute `command` when it is first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"stream.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="footfall")
def main() -> None:
    """Who is visiting, who is active, who has just changed stage: from a product's event stream.

    \b
    Try it without a broker:   footfall simulate --days 60 --out events.jsonl
                               footfall replay events.jsonl --out out/
    See it live:               footfall demo
    """
