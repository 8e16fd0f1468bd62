"""An HTTP client that tries again what a busy server or a broken line may mend."""

from __future__ import annotations

import ssl
import sys
import time
from typing import Any

import httpx2
from tqdm import tqdm
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from tinybert.errors import UserError
from tinybert.sources.pip_config import PipSettings

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses that may be gone in a moment."""


class UnreachableError(Exception):
    """A server didn't answer, or only to say that it is busy, however often it was asked."""


class PatientClient(PyPIClient):
    """unearth's client (http, https and file URLs, trusted hosts, netrc and keyring) with exponential back-off.

    Args:
        settings: certificates, proxy, trusted hosts and time-out.
        tries: how often to ask in all before an `UnreachableError`.
        pause: seconds before the second try; doubled before each further one.
    """

    def __init__(self, settings: PipSettings, tries: int, pause: float) -> None:
        self.tries = tries
        self.pause = pause
        try:
            super().__init__(
                trusted_hosts=settings.trusted_hosts,
                verify=_certificates(settings.cert) if settings.cert else True,
                timeout=settings.timeout,
                follow_redirects=True,
                proxy=settings.proxy,
            )
        except (ValueError, httpx2.InvalidURL) as error:
            raise UserError(
                f"the proxy cannot be used ({describe(error)}); correct pip's `proxy`, or the variables HTTP_PROXY, "
                "HTTPS_PROXY and ALL_PROXY, as in http://host:port"
            ) from None
        self.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)

    def send(self, request: httpx2.Request, **arguments: Any) -> httpx2.Response:
        """As `httpx2.Client.send`.

        Raises:
            UnreachableError: after the last try.
        """
        trouble = ""
        for attempt in range(self.tries):
            if attempt:
                self.back_off(attempt, f"{request.url.host}: {trouble}")
            try:
                response = super().send(request, **arguments)
            except httpx2.UnsupportedProtocol:
                raise
            except httpx2.TransportError as error:
                trouble = describe(error)
                continue
            if response.status_code not in BUSY:
                return response
            trouble = f"HTTP {response.status_code} {response.reason_phrase}"
            response.close()
        raise UnreachableError(f"{request.url.host}: {trouble}")

    def back_off(self, attempt: int, trouble: str) -> None:
        """Say what happened, and wait before try number `attempt` (from 1)."""
        seconds = self.pause * 2 ** (attempt - 1)
        tqdm.write(f"  {trouble}; trying again in {seconds:g} s ({attempt + 1} of {self.tries})", file=sys.stderr)
        time.sleep(seconds)


def describe(error: Exception) -> str:
    """An exception's message in one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _certificates(file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"{file}: pip's `cert` is no file of certificates ({describe(error)}); correct it") from None
