"""`/openapi.json`: the query API as an OpenAPI 3.1 document, generated from the answers' Structs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from stream import __version__
from stream.schemas import PUBLISHED, record_schema
from stream.web import answers
from stream.web.asked import LONGEST_ID
from stream.web.events import DEFAULT, NAMES
from stream.web.kept import MOST_REPORTS, MOST_TRANSITIONS, MOST_WINDOWS
from stream.web.published import STATUSES

Json = dict[str, Any]

_ANSWERS: tuple[type[Struct], ...] = (
    answers.Failure,
    answers.Version,
    answers.Own,
    answers.States,
    answers.PersonNow,
    answers.Erasure,
    answers.AllSeries,
    answers.SeriesWindows,
    answers.Incidents,
    answers.IncidentRecords,
    answers.Transitions,
    answers.Reports,
)
_REF = "#/components/schemas/"

_REFUSED = {
    400: "A parameter is not what it takes.",
    401: "The header `Authorization: Bearer <web.token>` is missing.",
    403: "Bound to this machine only, the worker was asked by another name.",
    404: "There is no such.",
    409: "This stream has no event that erases a person.",
    421: "Another worker asks, and means somebody else.",
    502: "The worker that may have the person can't be reached.",
    503: "Not now: `Retry-After` says when to ask again.",
}


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footfall",
            "version": __version__,
            "description": "What a worker of Footfall tells over HTTP. Any worker answers for its "
            "whole group. Nothing but DELETE changes anything. Ids in paths are percent-encoded.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The worker's setting `web.token`.",
                }
            },
        },
    }


_TAGS = {
    "health": "For probes, Prometheus and people.",
    "people": "Who is there, as of what was applied so far.",
    "published": "What the group has published of late, read from its topics.",
}


def _paths() -> Json:
    person = _path("person", "A userId, or `anonymous:` and an anonymousId.")
    person_now = _get(
        "people",
        "A person's state, the evidence for it, and the latest 20 transitions",
        answers.PersonNow,
        [person],
        (400, 404, 421, 502, 503),
        "The worker that has the person answers, whichever is asked. An anonymous id that was joined to a "
        "user leads to the user: `explanation.person`.",
    )
    return {
        "/livez": {"get": _text("200 while the worker runs, 503 with the reason once it has failed", (503,))},
        "/readyz": {
            "get": _text("200 when all is restored and nothing too far behind, else 503 with reasons", (503,))
        },
        "/metrics": {"get": _text("The worker's metrics, in the Prometheus text format", ())},
        "/version": {"get": _get("health", "What this worker runs", answers.Version)},
        "/states": {
            "get": _get("people", "Persons by state and tier, active people, open visits", answers.States)
        },
        "/partitions": {
            "get": _get("people", "The same, of each of this worker's partitions", answers.Own, (), (421,))
        },
        "/people/{person}": {"get": person_now, "delete": _erase(person)},
        "/series": {"get": _get("published", "The series of engagement, now", answers.AllSeries, (), (503,))},
        "/series/{series}": {
            "get": _get(
                "published",
                "The latest windows of one series",
                answers.SeriesWindows,
                [_path("series", "`total`, `key:Order Completed`, …"), _limit(200, MOST_WINDOWS)],
                (400, 404, 503),
            )
        },
        "/incidents": {
            "get": _get(
                "published",
                "Incidents, newest first",
                answers.Incidents,
                [_query("status", {"enum": list(STATUSES), "default": STATUSES[0]}, "Which of them.")],
                (400, 503),
            )
        },
        "/incidents/{incident_id}": {
            "get": _get(
                "published",
                "All records of one incident",
                answers.IncidentRecords,
                [_path("incident_id", "The incident's id: `total@1790000000000`.")],
                (400, 404, 503),
            )
        },
        "/transitions": {
            "get": _get(
                "published",
                "The latest transitions of all persons",
                answers.Transitions,
                [_limit(100, MOST_TRANSITIONS)],
                (400, 503),
            )
        },
        "/daily": {
            "get": _get(
                "published",
                "The latest daily reports",
                answers.Reports,
                [_limit(30, MOST_REPORTS)],
                (400, 503),
            )
        },
        "/events": {"get": _events()},
        "/openapi.json": {
            "get": {
                "operationId": _operation("get", "/openapi.json"),
                "tags": ["health"],
                "summary": "This document",
                "responses": {
                    "200": {
                        "description": "OpenAPI 3.1.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    },
                    **_refused((403,)),
                },
            }
        },
    }


def _operation(method: str, path: str) -> str:
    return f"{method}{path.replace('/', '_').replace('.', '_')}"


def _get(
    tag: str,
    summary: str,
    answer: type[Struct],
    parameters: list[Json] | tuple[()] = (),
    refused: tuple[int, ...] = (),
    description: str | None = None,
) -> Json:
    return {
        "tags": [tag],
        "summary": summary,
        **({} if description is None else {"description": description}),
        "parameters": list(parameters),
        "responses": {"200": _answered(answer), **_refused((403, *refused))},
    }


def _text(summary: str, refused: tuple[int, ...]) -> Json:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "tags": ["health"],
        "summary": summary,
        "responses": {
            str(status): {"description": "Text.", "content": content} for status in (200, *refused)
        },
    }


def _erase(person: Json) -> Json:
    return {
        "tags": ["people"],
        "summary": "Have a person erased",
        "description": "Writes a deletion event into the input. What is known of the person goes when it is "
        "applied, moments later; what was published goes by the retention of its topics.",
        "parameters": [person],
        "security": [{"token": []}],
        "responses": {"202": _answered(answers.Erasure), **_refused((400, 401, 403, 404, 409, 503))},
    }


def _events() -> Json:
    topics = {"type": "array", "items": {"enum": list(NAMES)}, "minItems": 1, "default": list(DEFAULT)}
    return {
        "tags": ["published"],
        "summary": "What is published, as it comes, as server-sent events",
        "description": "`event:` is transition, incident, engagement, daily or states, `data:` the record as "
        "published; for states the answer of /states, where it has changed. A comment comes every 10 s.",
        "parameters": [
            _query("topics", topics, "What to hear of, separated by commas.")
            | {"style": "form", "explode": False},
            _query("series", {"type": "string", "minLength": 1}, "Of engagement: this series only."),
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The last id of an earlier stream: what was missed comes first, as far as "
                "it is still known.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": {
                "description": "A stream without an end.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_refused((400, 403, 503)),
        },
    }


def _path(name: str, meaning: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": meaning,
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
    }


def _query(name: str, schema: Json, meaning: str) -> Json:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _limit(default: int, most: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return _query("limit", schema, "How many at most.")


def _answered(answer: type[Struct]) -> Json:
    schema = {"$ref": f"{_REF}{answer.__name__}"}
    return {
        "description": (answer.__doc__ or "").split("\n\n")[0],
        "content": {"application/json": {"schema": schema}},
    }


def _refused(statuses: tuple[int, ...]) -> Json:
    content = {"application/json": {"schema": {"$ref": f"{_REF}Failure"}}}
    found: Json = {}
    for status in sorted(set(statuses)):
        found[str(status)] = {"description": _REFUSED[status], "content": content}
        if status == 503:
            found[str(status)]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return found


def _schemas() -> Json:
    """Of all answers; those of published records as they are in `schemas/`, with their meanings."""
    _, found = msgspec.json.schema_components(_ANSWERS, ref_template=f"{_REF}{{name}}")
    schemas = dict(found)
    for struct in PUBLISHED:
        if struct.__name__ in schemas:
            record = {key: value for key, value in record_schema(struct).items() if key[0] != "$"}
            nested = record_schema(struct).get("$defs", {})
            schemas |= {name: _moved(schema) for name, schema in nested.items()}
            schemas[struct.__name__] = _moved(record)
    return dict(sorted(schemas.items()))


def _moved(schema: Mapping[str, Any]) -> Json:
    """A schema whose references lead to the components."""
    text = json.dumps(schema).replace('"#/$defs/', f'"{_REF}')
    moved: Json = json.loads(text)
    return moved


class OpenApiPages:
    """The route."""

    def __init__(self) -> None:
        self._body = json.dumps(document(), ensure_ascii=False).encode()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/openapi.json", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(body=self._body, content_type="application/json")
