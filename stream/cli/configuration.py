"""The option `--config`, and what a command says when the configuration is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import click

from stream.settings import Settings, SettingsError, load

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration.  [default: footfall.toml where there is one]",
)


def load_settings(config: Path | None) -> Settings:
    """The settings, or a ClickException with everything that is wrong with them."""
    try:
        return load(config, os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
