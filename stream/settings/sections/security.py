"""How the broker is talked to."""

from __future__ import annotations

from stream.settings.kinds import boolean, choice, optional, text
from stream.settings.places import file, web_address
from stream.settings.setting import Section, Setting, secret_settings

SECURITY = Section(
    "Security",
    (
        Setting(
            "security.protocol",
            choice("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
            "plaintext",
            "How the broker is talked to: `ssl` is TLS, `sasl` says who we are. More in "
            "[security.md](security.md).",
        ),
        Setting(
            "security.mechanism",
            choice("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"),
            "SCRAM-SHA-512",
            "How we say who we are, with a `sasl` protocol.",
        ),
        Setting(
            "security.username", optional(text("a user's name")), None, "For SCRAM and PLAIN: who we are."
        ),
        *secret_settings("security.password", "For SCRAM and PLAIN: the user's password."),
        Setting(
            "security.ca_file",
            optional(file("a PEM file of CA certificates")),
            None,
            "For TLS: the CAs that may vouch for the broker. Unset: the system's.",
        ),
        Setting(
            "security.certificate_file",
            optional(file("a PEM file with our certificate, and those between it and its CA")),
            None,
            "For TLS, where the broker asks for a certificate (mTLS): ours. Read anew when it changes.",
        ),
        Setting(
            "security.key_file",
            optional(file("a PEM file with our private key")),
            None,
            "Its key. Unset: in the certificate's file.",
        ),
        *secret_settings("security.key_password", "The key's password, where it is encrypted."),
        Setting(
            "security.check_hostname",
            boolean(),
            True,
            "For TLS: whether the broker's certificate must be for the host name that we connect to.",
        ),
        Setting(
            "security.token_file",
            optional(file("a file with a token")),
            None,
            "For OAUTHBEARER: a file with the token, read for each connection.",
        ),
        Setting(
            "security.token_url",
            optional(web_address("https://id.example.com/oauth2/token")),
            None,
            "For OAUTHBEARER, instead: the endpoint that gives a token for client credentials.",
        ),
        Setting(
            "security.token_ca_file",
            optional(file("a PEM file of CA certificates")),
            None,
            "The CAs that may vouch for that endpoint. Unset: the system's.",
        ),
        Setting("security.client_id", optional(text("a client's id")), None, "Who we are to it."),
        *secret_settings("security.client_secret", "The client's secret."),
        Setting("security.scope", optional(text("a scope")), None, "What the token shall allow."),
    ),
)
