"""Kinds of values that say where something is: brokers, topics, files, addresses; and what opens it."""

from __future__ import annotations

import re
from pathlib import Path

from stream.engine.secret import Secret
from stream.settings.kinds import HIDDEN, Kind, Refusal, Refused, as_text, is_text, refuse, text


def topic_name(longest: int = 249) -> Kind:
    """A name that Kafka takes for a topic or a part of one."""
    takes = f'a Kafka name: 1 to {longest} of letters, digits, ".", "_" and "-"'
    return text(takes, rf"(?!\.{{1,2}}$)[A-Za-z0-9._-]{{1,{longest}}}", name="text")


def folder() -> Kind:
    """A directory, which need not exist yet."""
    takes = "the path of a directory"

    def read(value: object) -> Path:
        if not (isinstance(value, str) and is_text(value) and value.strip()) or "\0" in value:
            raise refuse(value, takes)
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise refuse(value, takes + " (this ~user has no home)") from None

    return Kind("directory", takes, read, as_text)


def file(what: str) -> Kind:
    """A file that is read when it is needed: not every command needs it."""
    kind = folder()
    takes = f"the path of {what}"

    def read(value: object) -> Path:
        try:
            path: Path = kind.read(value)
        except Refused:
            raise refuse(value, takes) from None
        return path

    return Kind("file", takes, read, as_text)


def secret() -> Kind:
    """A secret: from the environment only, and never shown."""
    takes = "a text that is not empty"

    def read(value: object) -> Secret:
        if not (isinstance(value, str) and is_text(value) and value) or "\0" in value:
            raise Refused([Refusal((), HIDDEN, takes)])
        return Secret(value)

    return Kind("secret", takes, read, as_text)


def web_address(example: str) -> Kind:
    """An http or https URL without a user in it."""
    takes = f"a URL such as {example}, with no user or password in it"
    pattern = re.compile(r"https?://[^\s/@?#]+(/[^\s@#]*)?")

    def read(value: object) -> str:
        if not (isinstance(value, str) and pattern.fullmatch(value)):
            # It may hold a password.
            raise Refused([Refusal((), HIDDEN, takes)])
        return value

    return Kind("URL", takes, read, as_text)


def brokers() -> Kind:
    """One or more `host:port`, separated by commas."""
    takes = 'host:port, or several separated by commas, such as "kafka-1:9092,kafka-2:9092"'
    address = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise refuse(value, takes)
        addresses = [part.strip() for part in value.split(",")]
        for part in addresses:
            match = address.fullmatch(part)
            if match is None or not 0 < int(match[1]) < 65_536:
                raise refuse(value, takes)
        return ",".join(addresses)

    return Kind("addresses", takes, read, as_text)
