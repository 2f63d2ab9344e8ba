"""What the group has published of late, as its pages tell it."""

from __future__ import annotations

from urllib.parse import quote

import orjson
import pytest

from stream.core.times import format_ms
from tests.web.shop import UNTIL_MS, Shop
from tests.worker.stage import DAY_MS


async def lines(shop: Shop, output: str) -> list[dict[str, object]]:
    return [orjson.loads(value) for _, value in await shop.stage.published(output)]


async def test_the_latest_transitions_are_those_of_the_topic(shop: Shop) -> None:
    written = {line["transition_id"]: line for line in await lines(shop, "transitions")}
    status, found = await shop.worker.get("/transitions?limit=1000")
    assert status == 200
    assert len(found["transitions"]) == len(written) > 100
    assert {one["transition_id"]: one for one in found["transitions"]} == written
    _, latest = await shop.worker.get("/transitions?limit=7")
    assert latest["transitions"] == found["transitions"][-7:]


async def test_a_series_has_its_final_windows_oldest_first(shop: Shop) -> None:
    written = [
        line
        for line in await lines(shop, "engagement")
        if line["series"] == "total" and line["status"] == "final"
    ]
    _, found = await shop.worker.get("/series/total?limit=1500")
    assert found["series"] == "total"
    assert found["windows"] == sorted(written, key=lambda line: str(line["start"]))
    _, latest = await shop.worker.get("/series/total?limit=3")
    assert latest["windows"] == found["windows"][-3:]


async def test_all_series_are_told_total_first_each_with_its_last_window(shop: Shop) -> None:
    _, found = await shop.worker.get("/series")
    names = [one["series"] for one in found["series"]]
    assert names[0] == "total"
    assert names[1:] == sorted(names[1:])
    assert "key:Order Completed" in names
    for one in found["series"][:5]:
        _, alone = await shop.worker.get(f"/series/{quote(one['series'], safe='')}?limit=1")
        assert one["final"] == alone["windows"][-1]
        assert one["provisional"] == alone["provisional"]


async def test_incidents_are_told_by_status_newest_first_with_all_their_records(shop: Shop) -> None:
    written = await lines(shop, "incidents")
    latest = {line["incident_id"]: line for line in written}
    _, found = await shop.worker.get("/incidents?status=all")
    assert {one["incident_id"]: one for one in found["incidents"]} == latest
    assert len(latest) > 3
    times = [one["at"] for one in found["incidents"]]
    assert times == sorted(times, reverse=True)
    _, still_open = await shop.worker.get("/incidents")
    _, resolved = await shop.worker.get("/incidents?status=resolved")
    assert {one["status"] for one in resolved["incidents"]} == {"resolved"}
    assert len(still_open["incidents"]) + len(resolved["incidents"]) == len(latest)
    name = str(found["incidents"][-1]["incident_id"])
    _, one = await shop.worker.get(f"/incidents/{quote(name, safe='')}")
    assert one["records"][-1] == latest[name]
    assert [line["record_id"] for line in one["records"]] == list(
        dict.fromkeys(line["record_id"] for line in written if line["incident_id"] == name)
    )


async def test_daily_reports_come_oldest_first(shop: Shop) -> None:
    written = {line["day"]: line for line in await lines(shop, "daily")}
    _, found = await shop.worker.get("/daily?limit=400")
    assert found["reports"] == [written[day] for day in sorted(written)]
    assert found["reports"][-1]["day"] == format_ms(UNTIL_MS - DAY_MS)[:10]
    _, latest = await shop.worker.get("/daily?limit=2")
    assert latest["reports"] == found["reports"][-2:]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/daily?limit=0", 400, "limit: takes a whole number from 1 to 400"),
        ("/transitions?limit=ten", 400, "limit: takes a whole number from 1 to 1,000"),
        ("/transitions?limit=1&limit=2", 400, "limit: may be given once"),
        ("/incidents?status=closed", 400, "status: takes open or resolved or all"),
        ("/series/key:Nothing", 404, "no window of this series"),
        ("/incidents/none", 404, "no incident with this id"),
        ("/nothing", 404, "there is no such page"),
        (f"/series/{'x' * 2001}", 400, "series: takes at most 2,000 characters"),
    ],
)
async def test_what_can_not_be_answered_is_refused_in_a_sentence(
    shop: Shop, path: str, status: int, says: str
) -> None:
    found = await shop.worker.get(path)
    assert found[0] == status
    assert says in found[1]["error"]
