"""A private certificate authority, and server certificates of its making."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

__all__ = ["Authority", "Certificate"]


class Certificate:
    """A server's certificate with its key, for the *names* it was issued for."""

    def __init__(self, leaf: trustme.LeafCert, names: tuple[str, ...]) -> None:
        self._leaf = leaf
        self.names = names

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let *context* present this certificate from its next handshake on."""
        self._leaf.configure_cert(context)

    def write(self, chain: Path, key: Path) -> None:
        """Write the certificate to *chain* and its key, closed to others, to *key*."""
        chain.write_bytes(b"".join(each.bytes() for each in self._leaf.cert_chain_pems))
        key.touch(mode=0o600)
        key.write_bytes(self._leaf.private_key_pem.bytes())


class Authority:
    """A certificate authority that nobody but its owner trusts.

    With *file* it is kept there, certificate and key, and is the same each time.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is not None and file.exists():
            content = file.read_bytes()
            self._ca = trustme.CA.from_pem(content, content)
            return
        self._ca = trustme.CA(organization_name="mailpanel playground")
        if file is not None:
            # Closed before it holds anything.
            file.touch(mode=0o600)
            file.write_bytes(self._ca.cert_pem.bytes() + self._ca.private_key_pem.bytes())

    def write_bundle(self, path: Path) -> Path:
        """Write the CA certificate to *path*, readable by all, and return *path*."""
        path.write_bytes(self._ca.cert_pem.bytes())
        path.chmod(0o644)
        return path

    def issue(self, *names: str, expired: bool = False) -> Certificate:
        """Return a certificate for *names*: host names and addresses.

        With *expired* it was valid until yesterday.
        """
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        leaf = self._ca.issue_cert(
            *names,
            not_before=yesterday - datetime.timedelta(days=90) if expired else None,
            not_after=yesterday if expired else None,
        )
        return Certificate(leaf, names)
