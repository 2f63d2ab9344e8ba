"""Serves the live page: static files beside this module, each with its check sum."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from msgspec import Struct

_FOLDER = Path(__file__).with_name("page")
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Only from where the page came from, and no script or style but in files; the charts of incidents are data:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFETY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Asset(Struct, frozen=True):
    """A file as it is served; `tag` changes when a byte of it does."""

    content_type: str
    plain: bytes
    packed: bytes
    tag: str


def routes() -> list[web.RouteDef]:
    """The page at `/` and its files below `/assets/`."""
    return [web.get("/", _show_index), web.get("/assets/{name}", _show_asset)]


@cache
def assets() -> dict[str, Asset]:
    """All files of the page by name, read once."""
    return {
        file.name: _asset(file.read_bytes(), _TYPES[file.suffix])
        for file in sorted(_FOLDER.iterdir())
        if file.suffix in _TYPES
    }


def _asset(content: bytes, content_type: str) -> Asset:
    return Asset(content_type, content, gzip.compress(content, mtime=0), sha256(content).hexdigest()[:16])


async def _show_index(request: web.Request) -> web.Response:
    return _response(request, assets()[_INDEX])


async def _show_asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    asset = assets().get(name)
    if asset is None or name == _INDEX:
        return web.json_response({"error": "the page has no such file"}, status=404, headers=_SAFETY)
    return _response(request, asset)


def _response(request: web.Request, asset: Asset) -> web.Response:
    """The file, or 304 where the reader has it: it is asked for each time, so no two versions ever mix."""
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
    tag = f"{asset.tag}-gzip" if is_packed else asset.tag
    headers = {**_SAFETY, "Cache-Control": "no-cache", "Vary": "Accept-Encoding", "ETag": f'"{tag}"'}
    if any(seen.value == tag for seen in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = asset.content_type
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=asset.packed if is_packed else asset.plain, headers=headers)
