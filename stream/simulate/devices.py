"""The devices that people browse with, as the pieces of `context` that they leave in every event."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Device(NamedTuple):
    """A kind of device. `members` are JSON members of `context`; an app shows screens, not pages."""

    share: float
    app: bool
    members: str


def _browser(share: float, agent: str) -> Device:
    library = '"library":{"name":"analytics.js","version":"2.11.1"}'
    return Device(share, False, f'{library},"userAgent":"Mozilla/5.0 ({agent}"')


def _app(share: float, system: str, version: str, model: str) -> Device:
    library = "analytics-swift" if system == "iOS" else "analytics-kotlin"
    return Device(
        share,
        True,
        f'"library":{{"name":"{library}","version":"1.7.3"}},"app":{{"name":"Shop","version":"5.12.0"}},'
        f'"device":{{"type":"{system.lower()}","model":"{model}"}},'
        f'"os":{{"name":"{system}","version":"{version}"}}',
    )


_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
DEVICES = (
    _browser(0.26, f"Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36"),
    _browser(0.10, f"Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36"),
    _browser(0.07, "X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"),
    _browser(0.18, f"Linux; Android 10; K) {_WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36"),
    _browser(
        0.14,
        "iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.1 Mobile/15E148 Safari/604.1",
    ),
    _app(0.12, "iOS", "18.1.1", "iPhone15,4"),
    _app(0.13, "Android", "14", "SM-A546B"),
)
_LOCALES = (
    '"locale":"de-DE"',
    '"locale":"de-DE"',
    '"locale":"en-GB"',
    '"locale":"fr-FR"',
    '"locale":"en-US"',
)
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737: addresses for documentation


def pick_device(rng: Random) -> Device:
    """A device, by the shares."""
    rest = rng.random() * _TOTAL
    for device in DEVICES:
        rest -= device.share
        if rest < 0:
            return device
    return DEVICES[-1]


def place(rng: Random) -> str:
    """Where somebody is: `ip` and `locale` as JSON members of `context`."""
    network = _NETWORKS[int(rng.random() * len(_NETWORKS))]
    locale = _LOCALES[int(rng.random() * len(_LOCALES))]
    return f'"ip":"{network}.{1 + int(rng.random() * 254)}",{locale}'


_TOTAL = sum(device.share for device in DEVICES)
