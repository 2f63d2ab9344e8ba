"""Tells a Slack channel of incidents: opened, worse, and resolved.

    SLACK_WEBHOOK=https://… python examples/services/slack_notifier.py

The broker is that of footfall.toml or FOOTFALL_BROKER. The address of the webhook is a secret: it comes by
the environment, and is never printed.
"""

from __future__ import annotations

import asyncio
import os
import signal

import aiohttp
import click

from stream.client import Incident, RecordError, SubscriptionError, incidents

GROUP = "slack-notifier"
SIGNS = {"opened": "🔴", "updated": "🟠", "resolved": "🟢"}
TRIES = 5


class SlackError(Exception):
    """Slack does not take messages; the text does not show its address, which is a secret."""


@click.command()
@click.option("--page", default="http://localhost:6066", show_default=True, help="A worker's live page.")
def main(page: str) -> None:
    """Tell the channel behind SLACK_WEBHOOK of incidents."""
    webhook = os.environ.get("SLACK_WEBHOOK")
    if not webhook:
        raise click.ClickException("set SLACK_WEBHOOK to the address that Slack gave for the channel")
    try:
        asyncio.run(follow(webhook, page))
    except (SubscriptionError, RecordError, SlackError) as error:
        raise click.ClickException(str(error)) from None


async def follow(webhook: str, page: str) -> None:
    """Until Ctrl-C or SIGTERM."""
    async with incidents(GROUP) as found, aiohttp.ClientSession() as session:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, found.stop)
        async for incident in found:
            await tell(session, webhook, text_of(incident, page))
            click.echo(f"told of {incident.record_id}")


def text_of(incident: Incident, page: str) -> str:
    """One message: what happened, what it comes from, whose it is, and where to look."""
    lines = [f"{SIGNS[incident.status]} *{incident.status}* {escaped(incident.sentence)}"]
    if incident.causes:
        causes = (f"{escaped(one.series)} {one.share:.0%}" for one in incident.causes)
        lines.append("Comes from: " + ", ".join(causes))
    if incident.owners:
        lines.append("For: " + ", ".join(map(escaped, incident.owners)))
    lines.append(f"<{page}/#incident={incident.incident_id}|Look at it>")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """As Slack wants it: what users have sent is in series' names."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def tell(session: aiohttp.ClientSession, webhook: str, text: str) -> None:
    """Post it; if Slack does not take it, again, after a while that grows. Raises SlackError in the end."""
    for seconds in (2**n for n in range(TRIES)):
        try:
            async with session.post(webhook, json={"text": text}) as answer:
                said = f"it answered with {answer.status}"
                if answer.ok:
                    return
        except aiohttp.ClientConnectionError as error:
            said = type(error).__name__
        await asyncio.sleep(seconds)
    # Not committed, so whoever starts this again has it tried again.
    raise SlackError(f"Slack did not take the message in {TRIES} tries: {said}")


if __name__ == "__main__":
    main()
