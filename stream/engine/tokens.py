"""Tokens for OAUTHBEARER: from a file that is read anew, or from an endpoint, fetched before they expire."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cache

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from stream.engine.errors import SecurityError
from stream.engine.secret import read_text
from stream.engine.security import OAuth, trust

FETCH_WITHIN_S = 10.0
# A new token is fetched once so much of the old one's life is over.
USED_UP = 0.8
# Where the endpoint does not say (it should), as short as tokens usually are.
DEFAULT_LIFE_S = 300.0
_MOST_BYTES = 256 * 1024


class TokenError(KafkaConnectionError):  # type: ignore[misc]
    """No token is to be had at the moment. aiokafka tries again, as after other failures to connect."""


@cache
def token_source(oauth: OAuth) -> TokenSource:
    """The one source for these settings, so that all clients share a token until it has to be renewed."""
    return TokenSource(oauth)


class TokenSource(AbstractTokenProvider):  # type: ignore[misc]
    """Gives aiokafka a token for each new connection; from any event loop.

    A connection keeps the token that it began with. Where the broker ends connections whose token has
    expired (`connections.max.reauth.ms`), the client connects anew, with a new token.
    """

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at_s = 0.0

    async def token(self) -> str:
        """A token that is valid now. Raises TokenError."""
        # In a thread, and under a lock of threads: Faust's consumer has an event loop of its own.
        try:
            return await asyncio.to_thread(self.get)
        except SecurityError as error:
            raise TokenError(str(error)) from None

    def get(self) -> str:
        """The same, blocking. Raises SecurityError with what to do about it."""
        if self._oauth.token_file is not None:
            token = read_text(self._oauth.token_file, "a token").strip()
            if not token or any(character.isspace() for character in token):
                raise SecurityError(
                    f"{self._oauth.token_file} does not hold one token", "write it there, and nothing else"
                )
            return token
        with self._lock:
            if time.monotonic() >= self._renew_at_s:
                asked_at_s = time.monotonic()
                self._token, life_s = _fetch(self._oauth)
                self._renew_at_s = asked_at_s + life_s * USED_UP
            return self._token


def subject(token: str) -> str | None:
    """Whom a JWT is for (`sub`), unverified; None where it is no JWT, or does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found = claims.get("sub")
    except (IndexError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _fetch(oauth: OAuth) -> tuple[str, float]:
    """A new token, and its life in seconds (RFC 6749, 4.4)."""
    assert oauth.token_url is not None
    fields = {"grant_type": "client_credentials"}
    if oauth.scope:
        fields["scope"] = oauth.scope
    secret = oauth.client_secret.reveal() if oauth.client_secret else ""
    quoted = ":".join(urllib.parse.quote_plus(part) for part in (oauth.client_id, secret))
    request = urllib.request.Request(
        oauth.token_url,
        data=urllib.parse.urlencode(fields).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(quoted.encode()).decode(),
            "Accept": "application/json",
        },
    )
    context = None
    if oauth.token_url.startswith("https:"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust(context, oauth.token_ca_file)
    # Redirects are not followed: they would carry the secret elsewhere.
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
    try:
        with opener.open(request, timeout=FETCH_WITHIN_S) as answer:
            return _token_in(answer.read(_MOST_BYTES), oauth)
    except urllib.error.HTTPError as error:
        raise SecurityError(*_refused(oauth, error)) from None
    except urllib.error.URLError as error:
        raise SecurityError(
            f"no answer from {oauth.token_url} (security.token_url): {error.reason}",
            "correct the address, or security.token_ca_file where its certificate is not trusted",
        ) from None
    except OSError as error:
        raise SecurityError(
            f"{oauth.token_url} (security.token_url) did not answer: {error or type(error).__name__}",
            "see whether the token service runs",
        ) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _refused(oauth: OAuth, error: urllib.error.HTTPError) -> tuple[str, str]:
    # Only `error`, one of a few words by RFC 6749: descriptions might quote what was sent.
    try:
        said = str(json.loads(error.read(_MOST_BYTES)).get("error", ""))[:60]
    except (ValueError, AttributeError, OSError):
        said = ""
    found = f"{oauth.token_url} gives no token: HTTP {error.code}" + (f", {said}" if said else "")
    if said == "invalid_scope":
        return found, "correct security.scope"
    if error.code in (400, 401, 403):
        return found, "correct security.client_id and security.client_secret_file"
    return found, "correct security.token_url, or see the token service's log"


def _token_in(body: bytes, oauth: OAuth) -> tuple[str, float]:
    try:
        answer = json.loads(body)
        token = answer["access_token"]
        life_s = float(answer.get("expires_in") or DEFAULT_LIFE_S)
    except (ValueError, KeyError, TypeError, AttributeError):
        token, life_s = None, 0.0
    if not isinstance(token, str) or not token:
        raise SecurityError(
            f"{oauth.token_url} (security.token_url) answers with something else than a token",
            "set it to the token endpoint, such as https://id.example.com/oauth2/token",
        )
    return token, life_s
