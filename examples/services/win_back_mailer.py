"""Writes to registered users who fall silent, once each time.

    python examples/services/win_back_mailer.py users.csv --smtp localhost:25 --sender hello@example.com

`users.csv` has columns person,email. The broker is that of footfall.toml or FOOTFALL_BROKER. The mail's
Message-ID is made of the transition's id: should this die between sending a mail and committing that it
has, the mail goes out again under the same id, and mail systems show it once.
"""

from __future__ import annotations

import asyncio
import csv
import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import click

from stream.client import RecordError, SubscriptionError, Transition, transitions

GROUP = "win-back-mailer"


@click.command()
@click.argument("users", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--smtp", default="localhost:25", show_default=True, help="The mail server, host:port.")
@click.option("--sender", default="hello@example.com", show_default=True)
def main(users: Path, smtp: str, sender: str) -> None:
    """Write to those of USERS (a CSV file: person,email) who have just fallen silent."""
    with users.open(newline="") as file:
        addresses = {row["person"]: row["email"] for row in csv.DictReader(file)}
    try:
        asyncio.run(follow(addresses, smtp, sender))
    except (SubscriptionError, RecordError) as error:
        raise click.ClickException(str(error)) from None
    except (OSError, smtplib.SMTPException) as error:
        # Not committed, so whoever starts this again has it tried again.
        raise click.ClickException(f"{smtp} did not take a mail: {error}") from None


async def follow(addresses: dict[str, str], smtp: str, sender: str) -> None:
    """Until Ctrl-C or SIGTERM."""
    host, _, port = smtp.partition(":")
    async with transitions(GROUP) as changes:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, changes.stop)
        async for change in changes:
            email = addresses.get(change.person)
            if change.reason == "lapsed" and email is not None:
                await asyncio.to_thread(send, letter(change, email, sender), host, int(port or 25))
                click.echo(f"wrote to {change.person}, silent since {change.at}")


def letter(change: Transition, email: str, sender: str) -> EmailMessage:
    """What somebody who has fallen silent is written."""
    message = EmailMessage()
    message["From"], message["To"] = sender, email
    message["Subject"] = "We have missed you"
    message["Message-ID"] = f"<{quote(change.transition_id, safe='')}@{sender.partition('@')[2]}>"
    message.set_content("It has been a month. Here is what is new.\n")
    return message


def send(message: EmailMessage, host: str, port: int) -> None:
    """Hand it to the mail server. Raises OSError or SMTPException: then it is not done, and comes again."""
    with smtplib.SMTP(host, port, timeout=10) as server:
        server.send_message(message)


if __name__ == "__main__":
    main()
