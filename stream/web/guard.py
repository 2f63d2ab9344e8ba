"""What every request goes through: who may ask, what is counted, and how a refusal looks."""

from __future__ import annotations

import ipaddress
import logging

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from stream.metrics import Metrics
from stream.settings import Settings
from stream.web.answers import Failure, reply
from stream.web.errors import Refusal

# Probes and Prometheus may come by any name: nothing of a person is in there.
OPEN_TO_ALL = ("/livez", "/readyz", "/metrics")
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger(__name__)


class Guard:
    """The middleware."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._local = is_loopback(settings.web.host)
        advertised = settings.web.advertise
        self._name = None if advertised is None else URL(advertised).host

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await self._answer(request, handler)
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        resource = request.match_info.route.resource
        route = "none" if resource is None else resource.canonical
        self._metrics.http_requests.labels(route, str(response.status)).inc()
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check_host(request)
            return await handler(request)
        except Refusal as refusal:
            answer = reply(Failure(error=refusal.sentence), status=refusal.status)
            answer.headers.update(refusal.headers)
            return answer
        except web.HTTPException as refused:
            return _in_json(refused)
        except Exception as error:
            # Not the path: it may name a person.
            log.error("A request has failed: %r", error, exc_info=error)
            return reply(Failure(error="this is a defect of Footfall; the worker's log has more"), status=500)

    def _check_host(self, request: web.Request) -> None:
        """Raises Refusal for a name that somebody else may have made to lead here.

        A web page elsewhere can have its own name resolve to 127.0.0.1, and then read what a browser gets.
        """
        if not self._local or request.path in OPEN_TO_ALL:
            return
        name = _host_of(request.headers.get("Host", ""))
        if name is None or not (is_loopback(name) or name == self._name):
            raise Refusal(
                403,
                "this worker answers on this machine only: ask by 127.0.0.1 or localhost, or set "
                "web.advertise to the name that it is asked by",
            )


def is_loopback(host: str) -> bool:
    """Whether a host name or an address is this machine's own, whatever a name server says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _host_of(header: str) -> str | None:
    try:
        return URL(f"http://{header}").host
    except ValueError:
        return None


def _in_json(refused: web.HTTPException) -> web.StreamResponse:
    sentences = {
        404: "there is no such page; /openapi.json has those there are",
        405: f"this page takes {refused.headers.get('Allow', 'other methods')} only",
    }
    answer = reply(Failure(error=sentences.get(refused.status, refused.reason)), status=refused.status)
    if "Allow" in refused.headers:
        answer.headers["Allow"] = refused.headers["Allow"]
    return answer
