"""From a finished download to the library: find the files, check them, place them, tell the library's programs."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import EngineConfig
from ..errors import EngineError, TorrentClientError
from ..journal.journal import Journal
from ..textbrain.files import map_files
from ..tickets import store
from ..tickets.ticket import Ticket
from ..torrents.paths import local_path
from ..torrents.qbittorrent import QBittorrentClient
from ..wanted.jellyfin import JellyfinLibrary
from ..wanted.lidarr import LidarrLibrary
from .place import forget_plan, place_album
from .verify import verify_album

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the files are what they claim to be, with the trust report as plain values."""

    is_trusted: bool
    why: str
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The download folder, and of each wanted track (disc, number) its file there and the size it must have."""

    folder: Path
    paths: Mapping[tuple[int, int], Path]
    sizes: Mapping[tuple[int, int], int]


class Settling:
    """Works on one ticket's files; decides nothing about the ticket."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        client: QBittorrentClient,
        lidarr: LidarrLibrary | None,
        jellyfin: JellyfinLibrary | None,
    ) -> None:
        self._config = config
        self._journal = journal
        self._client = client
        self._lidarr = lidarr
        self._jellyfin = jellyfin

    async def verify(self, ticket: Ticket) -> Checked:
        """Check every mapped file. Raises EngineError."""
        files = await self._files(ticket)
        if not files.paths:
            return Checked(False, "None of its files is a track of the album", {})
        report = await verify_album(ticket.wanted, files.paths, root=files.folder, expected_sizes=files.sizes)
        return Checked(report.is_trusted, report.summary, report.to_dict())

    async def place(self, ticket: Ticket) -> Mapping[str, Any]:
        """Place the files; give the placement as plain values. Raises EngineError, and then nothing was placed."""
        files = await self._files(ticket)
        placement = await place_album(
            self._config.music_folder, ticket.wanted, files.paths, ticket_id=ticket.id, keep_plan=True
        )
        return placement.to_dict()

    async def tell(self, ticket: Ticket) -> tuple[str, ...]:
        """Tell Lidarr and Jellyfin of a placed album whose placement is kept; give what a person should know."""
        await forget_plan(self._config.music_folder, ticket.id)
        notes = [
            note
            for note in (
                await self._tell("Lidarr", self._tell_lidarr(ticket)),
                await self._tell("Jellyfin", self._tell_jellyfin()),
            )
            if note
        ]
        return tuple(notes)

    async def _files(self, ticket: Ticket) -> Downloaded:
        """Find the downloaded file of every wanted track."""
        info_hash, number = ticket.info_hash, ticket.chosen
        if info_hash is None or number is None:
            raise TorrentClientError("The ticket has no torrent")
        torrent = (await self._client.torrents()).get(info_hash)
        if torrent is None:
            raise TorrentClientError("The torrent is no longer in the torrent client")
        files = await self._client.files(info_hash)
        stored = await self._journal.read(lambda connection: store.get_candidate(connection, ticket.id, number))
        mapping = stored.candidate.mapping if stored is not None else None
        if mapping is None:
            mapping = await asyncio.to_thread(map_files, ticket.wanted, files)
        folder = local_path(self._config.client, torrent.save_path)
        listed = {each.index: each for each in files}
        if not set(mapping.files.values()) <= set(listed):
            raise TorrentClientError("The torrent client lists other files than the torrent has")
        chosen = {position: listed[index] for position, index in mapping.files.items()}
        return Downloaded(
            folder,
            {position: _inside(folder, each.path) for position, each in chosen.items()},
            {position: each.size_bytes for position, each in chosen.items()},
        )

    async def _tell(self, name: str, told: Awaitable[None]) -> str:
        """Tell a program of the new files; a failure is a note, the album is in its place all the same."""
        try:
            await told
        except EngineError as error:
            return f"{name} does not know of the new album yet: {error}"
        except Exception as error:
            _LOGGER.exception("%s could not be told of an album", name)
            return f"{name} does not know of the new album yet ({type(error).__name__})"
        return ""

    async def _tell_lidarr(self, ticket: Ticket) -> None:
        album_id = ticket.wanted.lidarr_album_id
        if self._lidarr is not None and album_id is not None:
            artist = await self._lidarr.artist_path(album_id)
            # Its own path for the artist: Lidarr may see the music folder under another name.
            await self._lidarr.rescan(artist.path, artist.artist_id)

    async def _tell_jellyfin(self) -> None:
        if self._jellyfin is not None:
            await self._jellyfin.refresh()


def _inside(folder: Path, relative: str) -> Path:
    """Join a torrent's path to its folder. Raises TorrentClientError where it would leave it."""
    parts = relative.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise TorrentClientError("A file of the torrent lies outside its folder")
    return folder.joinpath(*parts)
