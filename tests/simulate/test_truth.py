"""The truth about a simulated stream: as its schema says, whatever was planted."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from jsonschema import Draft202012Validator

from stream.settings import load
from stream.simulate.product import Product
from stream.simulate.truth import Truth
from tests.simulate.shop import planted

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/footfall.truth/1.json").read_bytes())


def read_back(truth: Truth, folder: Path) -> dict[str, object]:
    truth.write(folder / "truth.json")
    document: dict[str, object] = json.loads((folder / "truth.json").read_bytes())
    Draft202012Validator(SCHEMA).validate(document)
    assert msgspec.convert(document, Truth) == truth
    return document


def test_all_kinds_are_as_the_schema_says(tmp_path: Path) -> None:
    _, truth = planted(Product(users=300, bots=0.1), "all", "broken:from=9d,event=Signed Up", days=28)
    document = read_back(truth, tmp_path)
    assert len(truth.plants) == 7
    assert document["bots"] == truth.bots != []
    ends = [plant.start for plant in truth.plants]
    assert ends == sorted(ends)
    assert all(plant.moved for plant in truth.plants if plant.incident and plant.kind != "outage")


def test_without_plants_nothing_was_planted(tmp_path: Path) -> None:
    records, truth = planted(Product(users=100), days=2)
    assert records
    assert read_back(truth, tmp_path)["plants"] == []
    assert truth.options["growth"] == Product().growth


def test_equal_plants_at_one_time_have_ids_of_their_own() -> None:
    texts = (f"broken:from=1d,event={event}" for event in ("Product Viewed", "Product Added"))
    _, truth = planted(Product(users=100), *texts, days=2)
    assert [plant.plant_id for plant in truth.plants] == ["broken@1767312000000", "broken@1767312000000#2"]


def test_the_campaign_of_a_promotion_is_one_that_settings_take(tmp_path: Path) -> None:
    _, truth = planted(Product(users=100), "promotion:from=1d,name=Winter 2026", days=2)
    [plant] = truth.plants
    assert plant.configuration
    path = tmp_path / "footfall.toml"
    path.write_text(plant.configuration)
    [promotion] = load(path, {}).definition.engagement.promotions
    assert promotion.name == "Winter 2026"
    assert [condition.value for condition in promotion.where] == ["Winter 2026"]
