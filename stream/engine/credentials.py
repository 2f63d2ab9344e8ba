"""What Faust takes for its own consumer and producer to be let into Kafka."""

from __future__ import annotations

from typing import Any

import faust
from faust.auth import OAuthCredentials

from stream.engine.security import Security


def credentials(security: Security) -> Any:
    """Faust's form of the options that all other clients are made with; None for plaintext.

    Raises SecurityError where a file is missing or wrong.
    """
    options = security.options()
    context = options.get("ssl_context")
    if not security.sasl:
        return faust.SSLCredentials(context) if context else None
    provider = options.get("sasl_oauth_token_provider")
    if provider is not None:
        return OAuthCredentials(oauth_cb=provider, ssl_context=context)
    return faust.SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        mechanism=options["sasl_mechanism"],
        ssl_context=context,
    )
