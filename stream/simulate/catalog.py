"""What the shop sells and the pages it has, as ready-made pieces of JSON."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

SITE = "https://shop.example"
CURRENCY = "EUR"

_KINDS = (
    "Lamp",
    "Chair",
    "Desk",
    "Rug",
    "Vase",
    "Clock",
    "Shelf",
    "Mug",
    "Kettle",
    "Quilt",
    "Mirror",
    "Stool",
)
_LOOKS = ("Oak", "Linen", "Copper", "Slate", "Amber", "Nordic", "Folding", "Tall", "Round", "Velvet")
PRODUCTS = 400


class Page(NamedTuple):
    """A page of the site. `located` is path, title and url as JSON members, for `properties`."""

    name: str
    path: str
    located: str


class Item(NamedTuple):
    """A product on sale: its page, its JSON members, its price in cents."""

    page: Page
    members: str
    price: int


def page(name: str, path: str) -> Page:
    """A page under SITE. `name` and `path` must need no escaping in JSON."""
    return Page(name, path, f'"path":"{path}","title":"{name} | Shop","url":"{SITE}{path}"')


HOME = page("Home", "/")
CART = page("Cart", "/cart")
CHECKOUT = page("Checkout", "/checkout")
THANKS = page("Thank you", "/checkout/thanks")
SIGN_UP = page("Sign up", "/signup")
ACCOUNT = page("Account", "/account")
SEARCH = page("Search results", "/search")
CATEGORIES = tuple(page(f"{kind} collection", f"/c/{kind.lower()}") for kind in _KINDS)


def _item(number: int) -> Item:
    # The shelf is the same for every seed: only people are random.
    rng = Random(number)
    kind = _KINDS[number % len(_KINDS)]
    name = f"{_LOOKS[int(rng.random() * len(_LOOKS))]} {kind}"
    price = 100 * int(5 + 120 * rng.random() ** 2) + 90
    members = (
        f'"product_id":"P{number:04d}","sku":"{kind[:2].upper()}-{number:04d}","name":"{name}",'
        f'"category":"{kind}","price":{price / 100:.2f},"currency":"{CURRENCY}"'
    )
    return Item(page(name, f"/p/{number:04d}-{name.lower().replace(' ', '-')}"), members, price)


ITEMS = tuple(_item(number) for number in range(PRODUCTS))


def popular_item(rng: Random) -> Item:
    """A product, the first ones far more often than the last."""
    return ITEMS[int(PRODUCTS * rng.random() ** 2.5)]
