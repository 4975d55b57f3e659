"""Jellyfin: which albums the household can already play, and telling it to look for new ones."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..config import JellyfinConfig
from ..errors import CredentialsError, NotReachableError, UnexpectedReplyError
from .album import WantedAlbum, fold

_PAGE: Final = 500
_MAX_PAGES: Final = 1000
_TIMEOUT: Final = (5, 60)
_MAX_REPLY_BYTES: Final = 32 * 1024**2
_CLIENT: Final = ("TrustTune", "1", "Home Assistant", "trusttune")


@dataclass(frozen=True, slots=True)
class AlbumIndex:
    """The albums that are there, by MusicBrainz release group and by folded names."""

    release_groups: frozenset[str]
    names: frozenset[tuple[str, str]]

    def has(self, album: WantedAlbum) -> bool:
        """Whether an album is there."""
        if album.release_group_id and album.release_group_id.lower() in self.release_groups:
            return True
        return any((fold(name), fold(album.title)) in self.names for name in (album.artist, *album.artist_aliases))


class JellyfinLibrary:
    """One Jellyfin. Every method raises CredentialsError, NotReachableError or UnexpectedReplyError.

    The library is synchronous: every call runs in the executor, one at a time. Its own client
    object is made here, since the one it shares belongs to Home Assistant's integration, and its
    websocket is never started.
    """

    def __init__(self, config: JellyfinConfig) -> None:
        self._config = config
        self._in_use = threading.Lock()
        self._client: Any = None

    async def check(self) -> str:
        """Give Jellyfin's version."""
        reply = await asyncio.to_thread(self._ask, "GET", "System/Info", {})
        if not isinstance(reply, Mapping) or not isinstance(version := reply.get("Version"), str):
            raise UnexpectedReplyError("This address does not answer like Jellyfin. Check the address.")
        return version

    async def albums(self) -> AlbumIndex:
        """Give every album of the library."""
        records: list[Mapping[str, Any]] = []
        for page in range(_MAX_PAGES):
            parameters = {
                "includeItemTypes": "MusicAlbum",
                "recursive": "true",
                "fields": "ProviderIds",
                "sortBy": "SortName",
                "startIndex": page * _PAGE,
                "limit": _PAGE,
            }
            reply = await asyncio.to_thread(self._ask, "GET", "Items", parameters)
            rows = reply.get("Items") if isinstance(reply, Mapping) else None
            if not isinstance(rows, list):
                raise UnexpectedReplyError("Jellyfin did not answer with its albums. Check the address.")
            records += [row for row in rows if isinstance(row, Mapping)]
            if len(rows) < _PAGE:
                break
        return _index(records)

    async def refresh(self) -> None:
        """Let Jellyfin scan its libraries; it answers before it has."""
        await asyncio.to_thread(self._ask, "POST", "Library/Refresh", {})

    def _ask(self, method: str, handler: str, parameters: Mapping[str, object]) -> Any:
        """Make one request and give its failure the engine's name."""
        exceptions, http_exception = _failures()
        with self._in_use:
            if self._client is None:
                self._client = _make_client(self._config)
            try:
                return self._client.http.request(
                    {
                        "type": method,
                        "handler": handler,
                        "params": dict(parameters),
                        "headers": {"Accept": "application/json", "Authorization": _authorization(self._config)},
                        "timeout": _TIMEOUT,
                        "retry": 0,
                    }
                )
            except http_exception as error:
                # After a 401 the library has forgotten the token: the next call begins anew.
                self._client = None
                raise _failure(getattr(error, "status", "")) from None
            except exceptions:
                raise NotReachableError("Jellyfin cannot be reached. Is the address right?") from None


class _QuietTokens(logging.Filter):
    """Keeps the library's debug lines out of the log: they hold the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_QUIET_TOKENS: Final = _QuietTokens()


def _make_client(config: JellyfinConfig) -> Any:
    from jellyfin_apiclient_python import JellyfinClient  # not on Home Assistant's loop

    # Adding the same filter twice does nothing.
    logging.getLogger("Jellyfin.jellyfin_apiclient_python.http").addFilter(_QUIET_TOKENS)
    client = JellyfinClient()
    name, version, device, device_id = _CLIENT
    client.config.app(name, version, device, device_id)
    client.config.data["auth.ssl"] = config.verify_ssl
    client.config.data["auth.server"] = config.url.rstrip("/")
    client.config.data["auth.token"] = config.api_key
    client.config.data["http.max_retries"] = 0
    client.http.start_session()
    client.http.keep_alive = True
    client.http.session.hooks["response"].append(_judge)
    return client


class _RefusedReplyError(Exception):
    """A reply whose status the library would hide, or which is not one to read."""

    def __init__(self, status: int | str) -> None:
        self.status = status


def _judge(response: Any, **_: object) -> None:
    """See a reply before the library does: it takes a 500 and a login page for an empty answer."""
    is_json = "json" in response.headers.get("Content-Type", "")
    length = response.headers.get("Content-Length", "")
    if response.status_code == 500:
        raise _RefusedReplyError(500)
    if response.status_code == 200 and not is_json and length != "0":
        raise _RefusedReplyError("page")
    if length.isdecimal() and int(length) > _MAX_REPLY_BYTES:
        raise _RefusedReplyError("size")


def _failures() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """Give what the library raises: for the connection, and with a status."""
    from jellyfin_apiclient_python.exceptions import HTTPException  # not on Home Assistant's loop

    # The rest of requests' own errors are all OSError or ValueError.
    return (OSError, ValueError, KeyError), (HTTPException, _RefusedReplyError)


def _failure(status: int | str) -> CredentialsError | NotReachableError | UnexpectedReplyError:
    if status in {"Unauthorized", "AccessRestricted", 401, 403}:
        return CredentialsError("Jellyfin refuses the API key. Make a new one in its dashboard.")
    if status == "page":
        return UnexpectedReplyError("A web page came instead of Jellyfin's answer. Check the address.")
    if status == "size":
        return UnexpectedReplyError("Jellyfin sends more than was asked for.")
    if status == 503:
        return NotReachableError("Jellyfin is still starting or updating. Try again in a minute.")
    if status == 404:
        return UnexpectedReplyError("This address does not answer like Jellyfin. Check the address.")
    if isinstance(status, int):
        return NotReachableError(f"Jellyfin answers with an error ({status}). Look into its log.")
    return NotReachableError("Jellyfin cannot be reached. Is it running, and is the address right?")


def _authorization(config: JellyfinConfig) -> str:
    """Give the one header that Jellyfin 12 accepts; the library sends it only in its newer versions."""
    name, version, device, device_id = _CLIENT
    token = config.api_key.replace('"', "")
    return (
        f'MediaBrowser Token="{token}", Client="{name}", Device="{device}", DeviceId="{device_id}", Version="{version}"'
    )


def _index(records: Iterable[Mapping[str, Any]]) -> AlbumIndex:
    groups: set[str] = set()
    names: set[tuple[str, str]] = set()
    for record in records:
        ids, title = record.get("ProviderIds"), record.get("Name")
        group = ids.get("MusicBrainzReleaseGroup") if isinstance(ids, Mapping) else None
        if isinstance(group, str) and group:
            groups.add(group.lower())
        artists = record.get("AlbumArtists")
        told = [row.get("Name") for row in artists if isinstance(row, Mapping)] if isinstance(artists, list) else []
        for artist in (*told, record.get("AlbumArtist")):
            if isinstance(artist, str) and isinstance(title, str) and artist and title:
                names.add((fold(artist), fold(title)))
    return AlbumIndex(frozenset(groups), frozenset(names))
