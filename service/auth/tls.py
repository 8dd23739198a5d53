"""TLS and mutual TLS, with certificates that may be renewed while the server runs."""

import ssl
from datetime import datetime
from pathlib import Path

import grpc
from cryptography import x509

from prover.errors import UserError
from service.auth.watched import Watched
from service.ops.config import SecuritySettings


def server_credentials(settings: SecuritySettings) -> grpc.ServerCredentials:
    """Return the server's credentials: certificate and key; with `client_ca`, clients must present a certificate of
    that authority.

    Each handshake uses the current files.

    Raises:
        UserError: a file cannot be read or is not PEM, or certificate and key do not match.
    """
    certificate, key, client_ca = settings.certificate, settings.key, settings.client_ca
    assert certificate is not None
    assert key is not None

    def read() -> grpc.ServerCertificateConfiguration:
        pair = (_pem(key, "PRIVATE KEY"), _pem(certificate, "CERTIFICATE"))
        _belong_together(certificate, key)
        roots = None if client_ca is None else _pem(client_ca, "CERTIFICATE")
        return grpc.ssl_server_certificate_configuration([pair], roots)

    watched = Watched([file for file in (certificate, key, client_ca) if file], read)
    return grpc.dynamic_ssl_server_credentials(
        watched.current(), watched.current, require_client_authentication=client_ca is not None
    )


def http_context(settings: SecuritySettings) -> ssl.SSLContext:
    """Return credentials as `server_credentials` does, for HTTP. A renewed certificate is used from the next handshake
    on; a new `client_ca` needs a restart.

    Raises:
        UserError: a file cannot be read or is not PEM, or certificate and key do not match.
    """
    certificate, key, client_ca = settings.certificate, settings.key, settings.client_ca
    assert certificate is not None
    assert key is not None

    def read() -> ssl.SSLContext:
        _pem(key, "PRIVATE KEY")
        _pem(certificate, "CERTIFICATE")
        _belong_together(certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["http/1.1"])
        if client_ca is not None:
            context.load_verify_locations(cadata=_pem(client_ca, "CERTIFICATE").decode("ascii", errors="replace"))
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    watched = Watched([certificate, key], read)

    def renew(handshake: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = watched.current()

    first = read()
    first.sni_callback = renew  # called in each handshake, even if the client names no host
    return first


def channel_credentials(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials:
    """Return the client's credentials; without `ca`, this machine's authorities are trusted.

    Raises:
        UserError: a file cannot be read or is not PEM, or only one of certificate and key is given.
    """
    if (certificate is None) != (key is None):
        raise UserError("a client's certificate and key belong together: set connection.certificate and connection.key")
    return grpc.ssl_channel_credentials(
        None if ca is None else _pem(ca, "CERTIFICATE"),
        None if key is None else _pem(key, "PRIVATE KEY"),
        None if certificate is None else _pem(certificate, "CERTIFICATE"),
    )


def certificate_end(file: Path) -> datetime:
    """Return the earliest expiry of the certificates in a chain.

    Raises:
        UserError: the file cannot be read or is not PEM.
    """
    try:
        return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(_pem(file, "CERTIFICATE")))
    except ValueError as error:
        raise UserError(f"{file} holds no certificate that can be read: {error}") from None


def _pem(file: Path, what: str) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None
    if f"{what}-----".encode() not in data:
        raise UserError(f"{file} holds no PEM {what.lower()}")
    return data


def _belong_together(certificate: Path, key: Path) -> None:
    """Check that certificate and key match: gRPC would refuse every handshake without a message."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError) as error:
        raise UserError(f"{certificate} and {key} are not a certificate with its unencrypted key: {error}") from None
