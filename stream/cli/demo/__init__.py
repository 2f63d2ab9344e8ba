"""`footfall demo`: a simulated product's year in minutes, with an outage and a viral day to be caught."""

from stream.cli.demo.command import command

__all__ = ["command"]
