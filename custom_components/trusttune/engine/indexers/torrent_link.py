"""Follow an indexer's download link to the torrent itself, wherever a stranger's redirects lead."""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from ..errors import CredentialsError, MetainfoError, NotReachableError, RateLimitedError
from .metainfo import MAX_MAGNET_CHARACTERS, MAX_METAINFO_BYTES, Magnet, Metainfo, parse_magnet, parse_metainfo
from .retry_after import retry_after_s

MAX_HOPS: Final = 5
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)


@dataclass(frozen=True, slots=True)
class ResolvedTorrent:
    """A torrent ready for the client: the bytes of its file, or its magnet link."""

    source: bytes | str = field(repr=False)
    metainfo: Metainfo | None = None
    magnet: Magnet | None = None

    @property
    def info_hash(self) -> str:
        """Forty lower-case hex digits."""
        known = self.metainfo or self.magnet
        assert known is not None
        return known.info_hash


async def resolve(session: aiohttp.ClientSession, link: str) -> ResolvedTorrent:
    """Fetch what a link leads to: through at most MAX_HOPS redirects, by http and https only.

    Raises MetainfoError for what is no torrent, NotReachableError, CredentialsError and
    RateLimitedError for the server's refusals. No message holds more of the link than its host.
    """
    try:
        async with asyncio.timeout(_TIMEOUT.total):
            for _ in range(MAX_HOPS + 1):
                if _scheme(link) == "magnet":
                    return ResolvedTorrent(link, magnet=parse_magnet(link))
                answer = await _fetch(session, link)
                if isinstance(answer, bytes):
                    return ResolvedTorrent(answer, metainfo=await asyncio.to_thread(parse_metainfo, answer))
                link = answer
    except TimeoutError:
        raise NotReachableError(f"{_host(link)} did not deliver the torrent in time.") from None
    raise MetainfoError("The download link leads from one address to the next without end.")


async def _fetch(session: aiohttp.ClientSession, link: str) -> bytes | str:
    """Give the body of a .torrent, or the address a redirect leads to."""
    host = _host(link)
    if _scheme(link) not in {"http", "https"} or not host:
        raise MetainfoError("The download link leads to something that is neither magnet, http nor https.")
    try:
        async with session.get(URL(link, encoded=True), allow_redirects=False, timeout=_TIMEOUT) as response:
            if response.status in {301, 302, 303, 307, 308}:
                return _next_link(link, response.headers.get("Location", ""))
            if response.status in {401, 403}:
                raise CredentialsError(f"{host} refuses the download; check the indexer's key or login.")
            if response.status == 429:
                wait_s = retry_after_s(response.headers.get("Retry-After"))
                raise RateLimitedError(f"{host} asks to wait before the next download.", wait_s)
            if response.status >= 500:
                raise NotReachableError(f"{host} answers the download with an error ({response.status}).")
            if response.status != 200:
                raise MetainfoError(f"{host} no longer has this torrent ({response.status}).")
            body = bytearray()
            async for chunk in response.content.iter_chunked(64 * 1024):
                body += chunk
                if len(body) > MAX_METAINFO_BYTES:
                    raise MetainfoError(f"The .torrent file is larger than {MAX_METAINFO_BYTES // 1024**2} MiB.")
            if response.content_type == "text/html" or body[:512].lstrip()[:1] == b"<":
                raise MetainfoError(f"A web page came from {host} instead of a torrent, most likely its login page.")
            return bytes(body)
    # The library's own messages hold the whole address, and with it the key: none is carried on.
    except aiohttp.InvalidURL, UnicodeError, ValueError:
        raise MetainfoError("The download link is not an address.") from None
    except TimeoutError, aiohttp.ClientError, OSError:
        raise NotReachableError(f"{host} cannot be reached to fetch the torrent.") from None


def _next_link(link: str, location: str) -> str:
    """Give where a redirect leads; a relative one is taken from the address it came from."""
    location = location.strip()
    if not location or len(location) > MAX_MAGNET_CHARACTERS:
        raise MetainfoError(f"{_host(link)} redirects to nowhere.")
    try:
        return urljoin(link, location)
    except ValueError:
        raise MetainfoError(f"{_host(link)} redirects to something that is not an address.") from None


def _scheme(link: str) -> str:
    return link.strip().partition(":")[0].lower()


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""
