"""One Torznab indexer: what it can be asked, and what it answers."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp
from yarl import URL

from ..config import IndexerConfig
from ..errors import CredentialsError, IndexerError, NotReachableError, RateLimitedError, UnexpectedReplyError
from .query import Query
from .release import IndexedRelease
from .retry_after import DEFAULT_S, retry_after_s
from .torznab_xml import Caps, parse_caps, parse_error, parse_releases, parse_root

MAX_BODY_BYTES: Final = 8 * 1024**2
_CAPS_LAST_S: Final = 24 * 3600.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10)


class TorznabIndexer:
    """One feed. Raises IndexerError, CredentialsError, NotReachableError, UnexpectedReplyError, RateLimitedError.

    After a RateLimitedError the indexer is left alone for as long as it asked: until then every
    call fails with the same error without asking it.
    """

    def __init__(
        self, config: IndexerConfig, session: aiohttp.ClientSession, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = config.id
        self.name = config.name
        self._config = config
        self._session = session
        self._clock = clock
        self._caps: tuple[float, Caps] | None = None
        self._alone_until = 0.0

    async def caps(self) -> Caps:
        """Give what the indexer can be asked; fetched once a day."""
        if self._caps is None or self._clock() - self._caps[0] >= _CAPS_LAST_S:
            body = await self._ask({"t": "caps"})
            self._caps = self._clock(), await self._parsed(body, parse_caps)
        return self._caps[1]

    async def search(self, query: Query) -> tuple[IndexedRelease, ...]:
        """Give the releases an indexer lists for a query, at most 500."""
        caps = await self.caps()
        parameters = {"cat": ",".join(map(str, self._config.categories)), "extended": "1"}
        if {"artist", "album"} <= caps.music_parameters and query.is_plain:
            parameters |= {"t": "music", "artist": query.artist, "album": query.album}
        elif "q" in caps.music_parameters:
            parameters |= {"t": "music", "q": query.text}
        else:
            parameters |= {"t": "search", "q": query.text}
        if caps.max_rows:
            parameters["limit"] = str(caps.max_rows)
        body = await self._ask({name: value for name, value in parameters.items() if value})
        key = self._config.api_key
        return await self._parsed(body, lambda body: parse_releases(body, self.id, secret=key))

    async def _parsed[T](self, body: bytes, parse: Callable[[bytes], T]) -> T:
        try:
            return await asyncio.to_thread(parse, body)
        except UnexpectedReplyError as error:
            raise UnexpectedReplyError(f"{self.name}: {error}") from None

    async def _ask(self, parameters: dict[str, str]) -> bytes:
        """Give the XML body of an answer that is no error."""
        if (left_s := self._alone_until - self._clock()) > 0:
            raise RateLimitedError(f"{self.name} asked to be left alone for another {left_s:.0f} s.", left_s)
        if self._config.api_key:
            parameters = {**parameters, "apikey": self._config.api_key}
        # The library's own messages can hold the whole address, and with it the key: none is carried on.
        try:
            address = URL(self._config.url).update_query(parameters)
            async with (
                asyncio.timeout(_TIMEOUT.total),
                self._session.get(address, allow_redirects=False, timeout=_TIMEOUT) as response,
            ):
                body = await self._body(response)
                status, wait = response.status, response.headers.get("Retry-After")
        except aiohttp.InvalidURL, UnicodeError, ValueError:
            raise IndexerError(f"The address of {self.name} is not one. Check it.") from None
        except TimeoutError:
            raise NotReachableError(f"{self.name} did not answer in time.") from None
        except aiohttp.ClientError, OSError:
            raise NotReachableError(
                f"{self.name} cannot be reached. Is it running, and is the address right?"
            ) from None
        await self._refuse_errors(status, wait, body)
        return body

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise UnexpectedReplyError(f"{self.name} sends more than {MAX_BODY_BYTES // 1024**2} MiB at once.")
        return bytes(body)

    async def _refuse_errors(self, status: int, wait: str | None, body: bytes) -> None:
        """Raise for an error status, and for an error element whatever the status is."""
        if 300 <= status < 400:
            raise UnexpectedReplyError(
                f"{self.name} sends elsewhere, most likely to a login page. Enter the feed's final address."
            )
        try:
            root = await asyncio.to_thread(parse_root, body)
            told = parse_error(root, secret=self._config.api_key)
        except UnexpectedReplyError as error:
            if status == 200:
                raise UnexpectedReplyError(f"{self.name}: {error}") from None
            told = None
        code, words = told or (None, "")
        if status == 429 or code in {429, 500} or "limit reached" in words.lower():
            self._leave_alone(retry_after_s(wait) if wait else DEFAULT_S, words)
        if status in {401, 403} or (code is not None and 100 <= code <= 199):
            raise CredentialsError(f"{self.name} refuses the key. Enter the right one. {words}".strip())
        if told is not None:
            raise IndexerError(f"{self.name} answers with an error: {words or code}")
        if status >= 500:
            raise NotReachableError(f"{self.name} answers with an error ({status}).")
        if status != 200:
            raise UnexpectedReplyError(f"{self.name} answers with {status}. Check the feed's address.")

    def _leave_alone(self, wait_s: float, words: str) -> None:
        self._alone_until = self._clock() + wait_s
        raise RateLimitedError(f"{self.name} asks to be left alone for {wait_s:.0f} s. {words}".strip(), wait_s)
