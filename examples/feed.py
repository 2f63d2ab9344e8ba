"""Feeds files (Segment events, tables, access logs) into the input topic, keyed by person.

    footfall broker &
    footfall topics create --config examples/cdnow.toml
    python examples/feed.py CDNOW_master.txt --config examples/cdnow.toml --format csv ...

Takes the options of `footfall replay` that say how files are read. The worker then makes of the topic what
`footfall replay` makes of the files.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from aiokafka import AIOKafkaProducer

from stream.cli.configuration import config_option, load_settings
from stream.cli.replay import format_options, read_format
from stream.core.events import Invalid, read
from stream.replay import Input, SourceError, batches


@click.command()
@click.argument("files", nargs=-1, required=True)
@config_option
@format_options
def main(files: tuple[str, ...], config: Path | None, sort: bool, **format_given: object) -> None:
    """Feed FILES into the input topic of the configured broker."""
    settings = load_settings(config)
    zone = ZoneInfo(settings.definition.timezone)
    source = Input(
        files=files,
        format=read_format(zone, **format_given),  # type: ignore[arg-type]
        topic=settings.input.topic,
        sort=sort,
    )
    try:
        count = asyncio.run(feed(source, settings.broker))
    except SourceError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count:,} records in {settings.input.topic} at {settings.broker}", err=True)


async def feed(source: Input, broker: str) -> int:
    """Writes the source's records in their order; returns how many."""
    count = 0
    async with AIOKafkaProducer(bootstrap_servers=broker, linger_ms=20, max_batch_size=1 << 19) as producer:
        for _, values in batches(source):
            for value in values:
                await producer.send(source.topic, value, key=person_key(value))
            count += len(values)
        await producer.flush()
    return count


def person_key(value: bytes) -> bytes | None:
    """The key that Footfall expects: the person; none for what is no event."""
    try:
        _, _, person = read(value)
    except Invalid:
        return None
    return person.encode()


if __name__ == "__main__":
    main()
