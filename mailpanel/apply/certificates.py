"""What TLS and a server's certificate look like to whoever tests it, in a sentence."""

from __future__ import annotations

import ssl
from typing import Any

import aiosmtplib

__all__ = ["told_tls"]

LONGEST_NAMES = 5
LONGEST_NAME = 100


def told_tls(client: aiosmtplib.SMTP) -> str:
    """Return protocol, and the certificate's names, issuer and end, of *client*'s connection.

    Of a certificate that was not verified nothing can be told.
    """
    session = client.transport.get_extra_info("ssl_object") if client.transport else None
    if not isinstance(session, ssl.SSLObject):
        return "No TLS."
    certificate = session.getpeercert()
    if not certificate:
        return f"{session.version()}, certificate not verified."
    return (
        f"{session.version()}, certificate for {_names(certificate)}, issued by "
        f"{_issuer(certificate)}, valid until {certificate['notAfter']}."
    )


def _names(certificate: Any) -> str:
    names = [_shown(pair[1]) for pair in certificate.get("subjectAltName", ())]
    more = len(names) - LONGEST_NAMES
    return ", ".join(names[:LONGEST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _issuer(certificate: Any) -> str:
    fields = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    name = fields.get("organizationName") or fields.get("commonName") or "nobody named"
    return _shown(name)


def _shown(name: Any) -> str:
    # The server's own words.
    return "".join(char if char.isprintable() else " " for char in str(name))[:LONGEST_NAME]
