"""Lidarr: what it misses, what it is fetching, and telling it that files have come."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import httpx
from yarl import URL

from ..config import LidarrConfig
from ..errors import CredentialsError, EngineError, NotReachableError, UnexpectedReplyError
from .album import WantedAlbum, WantedTrack, fold
from .lidarr_records import album_of, tracks_of

_PAGE: Final = 250
_MAX_PAGES: Final = 400
_CALL_TIMEOUT_S: Final = 60.0
_COMMAND_TIMEOUT_S: Final = 180.0
_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class ArtistFolder:
    """An artist as Lidarr files it; the path is as Lidarr sees it."""

    artist_id: int
    path: str


class LidarrLibrary:
    """One Lidarr. Every method raises CredentialsError, NotReachableError or UnexpectedReplyError.

    The HTTP client is made by the factory at the first call, and closed by `close`.
    """

    def __init__(self, config: LidarrConfig, http_client_factory: Callable[[], httpx.AsyncClient]) -> None:
        self._config = config
        self._http_client_factory = http_client_factory
        self._http_client: httpx.AsyncClient | None = None
        self._client: Any = None

    async def close(self) -> None:
        """Close the HTTP client; a later call makes a new one."""
        http_client, self._http_client, self._client = self._http_client, None, None
        if http_client is not None:
            await http_client.aclose()

    async def check(self) -> str:
        """Give Lidarr's version, after making sure that it is Lidarr."""
        status = await self._record(lambda lidarr: lidarr.system.get_status())
        if status.get("appName") != "Lidarr":
            raise UnexpectedReplyError("This is not Lidarr but another program of its kind. Check the address.")
        return str(status.get("version", ""))

    async def missing_albums(self) -> AsyncIterator[WantedAlbum]:
        """Give each monitored album that lacks files, without its tracks, newest first."""
        seen: set[int] = set()
        async for record in self._pages(
            lambda lidarr, page: lidarr.wanted.get(
                page=page,
                page_size=_PAGE,
                sort_key="albums.releaseDate",
                sort_dir="descending",
                includeArtist=True,
                monitored=True,
            )
        ):
            album = album_of(record)
            if album is None or album.lidarr_album_id is None or album.lidarr_album_id in seen:
                continue
            seen.add(album.lidarr_album_id)
            artist = record.get("artist")
            if record.get("monitored", True) and (not isinstance(artist, Mapping) or artist.get("monitored", True)):
                yield album

    async def tracks(self, album_id: int) -> tuple[WantedTrack, ...]:
        """Give the tracks of an album's monitored edition."""
        return tracks_of(await self._list(lambda lidarr: lidarr.track.get(album_id=album_id)))

    async def with_tracks(self, album: WantedAlbum) -> WantedAlbum:
        """Give the same album with its tracks; one Lidarr does not know stays as it is."""
        if album.lidarr_album_id is None:
            return album
        return replace(album, tracks=await self.tracks(album.lidarr_album_id))

    async def queued_album_ids(self) -> frozenset[int]:
        """Give the albums Lidarr is fetching by itself."""
        ids = [
            record.get("albumId") async for record in self._pages(lambda lidarr, page: lidarr.queue.get(page, _PAGE))
        ]
        return frozenset(album_id for album_id in ids if isinstance(album_id, int))

    async def artist_path(self, album_id: int) -> ArtistFolder:
        """Give where Lidarr keeps the artist of an album."""
        album = await self._record(lambda lidarr: lidarr.album.get(item_id=album_id))
        artist_id = album.get("artistId")
        artist = await self._record(lambda lidarr: lidarr.artist.get(item_id=artist_id))
        path = artist.get("path")
        if not isinstance(artist_id, int) or not isinstance(path, str) or not path:
            raise UnexpectedReplyError("Lidarr does not say where it keeps this artist.")
        return ArtistFolder(artist_id=artist_id, path=path)

    async def rescan(self, folder: str, artist_id: int) -> None:
        """Let Lidarr look for new files under a folder, as it sees it, and wait until it has."""
        command = await self._record(
            lambda lidarr: lidarr.command.execute(
                "RescanFolders", folders=[folder], filter="matched", addNewArtists=False, artistIds=[artist_id]
            )
        )
        command_id = command.get("id")
        try:
            async with asyncio.timeout(_COMMAND_TIMEOUT_S):
                while command.get("status") in {"queued", "started"}:
                    await asyncio.sleep(_POLL_S)
                    command = await self._record(lambda lidarr: lidarr.command.get(item_id=command_id))
        except TimeoutError:
            raise NotReachableError("Lidarr has not ended its scan for new files in time.") from None
        if command.get("status") != "completed":
            raise UnexpectedReplyError("Lidarr's scan for new files failed. Look into Lidarr's log.")

    async def find_album(self, artist: str, album: str) -> WantedAlbum | None:
        """Give one of the albums Lidarr knows, with its tracks, by its folded names."""
        for artist_record in await self._list(lambda lidarr: lidarr.artist.get()):
            artist_id, name = artist_record.get("id"), artist_record.get("artistName")
            if not isinstance(name, str) or fold(name) != fold(artist) or not isinstance(artist_id, int):
                continue
            for record in await self._list(partial(_ask_albums, artist_id)):
                found = album_of({"artist": artist_record, **record})
                if found is not None and fold(found.title) == fold(album):
                    return await self.with_tracks(found)
        return None

    async def _pages(self, ask: Callable[[Any, int], Awaitable[Any]]) -> AsyncIterator[dict[str, Any]]:
        """Give the records of a paged reply; an empty page, the total or a bound ends it."""
        given = 0
        for page in range(1, _MAX_PAGES + 1):
            reply = await self._record(partial(_ask_page, ask, page))
            records = reply.get("records")
            if not isinstance(records, list):
                raise UnexpectedReplyError("Lidarr gave an answer that cannot be understood.")
            for record in records:
                if isinstance(record, dict):
                    yield record
            given += len(records)
            total = reply.get("totalRecords")
            if not records or not isinstance(total, int) or given >= total:
                return

    async def _record(self, ask: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
        reply = await self._ask(ask)
        if not isinstance(reply, dict):
            raise UnexpectedReplyError("Lidarr gave an answer that cannot be understood.")
        return reply

    async def _list(self, ask: Callable[[Any], Awaitable[Any]]) -> list[dict[str, Any]]:
        reply = await self._ask(ask)
        if not isinstance(reply, list):
            raise UnexpectedReplyError("Lidarr gave an answer that cannot be understood.")
        return [record for record in reply if isinstance(record, dict)]

    async def _ask(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        """Make one call and give its failure the engine's name."""
        # Its import takes longer than the loop may wait.
        pyarr = await asyncio.to_thread(importlib.import_module, "pyarr")
        try:
            if self._client is None:
                self._client = self._make_client(pyarr)
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                reply = await ask(self._client)
        except TimeoutError, httpx.HTTPError, pyarr.exceptions.PyarrConnectionError, pyarr.exceptions.PyarrBadGateway:
            raise NotReachableError("Lidarr cannot be reached. Is it running, and is the address right?") from None
        except pyarr.exceptions.PyarrUnauthorizedError, pyarr.exceptions.PyarrAccessRestricted:
            raise CredentialsError("Lidarr refuses the API key. Copy it anew from Settings, General.") from None
        except pyarr.exceptions.PyarrResourceNotFound:
            raise UnexpectedReplyError("Lidarr does not know this, or its address lacks the URL base.") from None
        except pyarr.exceptions.PyarrServerError:
            raise NotReachableError("Lidarr answers with an error of its own (500). Look into Lidarr's log.") from None
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises bare ones, with the status as first argument
            raise _bare_failure(error) from None
        # What is not JSON comes back as a success with the text as its message.
        if isinstance(reply, dict) and reply.keys() == {"message"}:
            raise UnexpectedReplyError(
                "A web page came instead of Lidarr's answer, most likely a login page. Check the address and URL base."
            )
        return reply

    def _make_client(self, pyarr: Any) -> Any:
        try:
            url = URL(self._config.url)
        except ValueError:
            url = URL()
        if url.scheme not in {"http", "https"} or not url.host or not self._config.api_key:
            raise UnexpectedReplyError("Lidarr's address or key is missing or is not one.")
        self._http_client = self._http_client_factory()
        return pyarr.AsyncLidarr(
            str(url.with_query(None).with_fragment(None)).rstrip("/"),
            self._config.api_key,
            port=url.port,
            # Without it a wrong key shows as a connection error.
            api_ver="v1",
            session=self._http_client,
        )


def _ask_albums(artist_id: int, lidarr: Any) -> Awaitable[Any]:
    asked: Awaitable[Any] = lidarr.album.get(artist_id=artist_id)
    return asked


def _ask_page(ask: Callable[[Any, int], Awaitable[Any]], page: int, lidarr: Any) -> Awaitable[Any]:
    return ask(lidarr, page)


def _bare_failure(error: Exception) -> EngineError:
    status = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if status == 503:
        return NotReachableError("Lidarr is still starting. Try again in a minute.")
    if status in {429, 504}:
        return NotReachableError(f"Lidarr is too busy to answer ({status}). Try again later.")
    return UnexpectedReplyError("Lidarr gave an answer that cannot be understood.")
