"""The small world: outside services on 127.0.0.1, real audio and a real swarm, all from one catalogue."""

import asyncio
import shutil
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from .audio import make_audio
from .catalogue import CATALOGUE
from .faults import Faults
from .seeder import Seeder
from .servers.coverart import CoverArtServer
from .servers.internet_archive import InternetArchiveServer
from .servers.jellyfin import JellyfinServer
from .servers.lidarr import LidarrServer
from .servers.musicbrainz import MusicBrainzServer
from .servers.ollama import OllamaServer
from .servers.torznab import TorznabServer
from .serving import Requests, Service, serve
from .torrents import WorldTorrent, make_torrents
from .tracker import Tracker

SERVICES = frozenset({"lidarr", "jellyfin", "torznab", "musicbrainz", "coverart", "ollama", "internet_archive"})


class World:
    """Everything outside of TrustTune, as an async context manager.

    `folder` gets the music folder; the audio is made once under `audio_cache` (default: in `folder`).
    `seed=False` leaves the swarm out, `only` starts some services only. A service that is not started has an
    empty url. `keep_library` leaves what an earlier world has put into the music folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: bool = True,
        only: Collection[str] | None = None,
        audio_cache: Path | None = None,
        jellyfin_version: str = "10.11.11",
        music_parameters: tuple[str, ...] = ("q",),
        keep_library: bool = False,
    ) -> None:
        if unknown := set(only or ()) - SERVICES:
            raise ValueError(f"No such service: {', '.join(sorted(unknown))}")
        self.folder = folder
        self.catalogue = CATALOGUE
        self.music_folder = folder / "music"
        self.tracker = Tracker()
        self.faults = Faults(SERVICES | {self.tracker.name})
        self.requests = Requests()
        self.seeder = Seeder()
        self.torrents: dict[str, WorldTorrent] = {}
        self.lidarr = LidarrServer(CATALOGUE, self.music_folder)
        self.jellyfin = JellyfinServer(self.music_folder, version=jellyfin_version)
        self.torznab = TorznabServer(CATALOGUE, self.torrents, "", music_parameters=music_parameters)
        self.musicbrainz = MusicBrainzServer(CATALOGUE)
        self.coverart = CoverArtServer(CATALOGUE)
        self.ollama = OllamaServer()
        self.internet_archive = InternetArchiveServer(CATALOGUE, self.torrents)
        self._seeds = seed
        self._only = SERVICES if only is None else frozenset(only)
        self._audio_cache = audio_cache or folder / "audio"
        self._keep_library = keep_library
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            audio = await make_audio(self.catalogue, self._audio_cache)
            await asyncio.to_thread(self._fill_library, audio)
            self.torrents.update(await make_torrents(self.catalogue, audio))
            await self._serve(stack, self.tracker)
            self.torznab.tracker_url = self.internet_archive.tracker_url = self.tracker.url
            self.coverart.picture = audio / "cover.jpg"
            for service in self.services():
                if service.name in self._only:
                    await self._serve(stack, service)
            if self._seeds:
                await stack.enter_async_context(self.seeder)
                self.tracker.seeder_port = await self.seeder.port()
                await self.seeder.add(self.torrents.values(), self.tracker.url)
                # Whoever asks the tracker earlier would find nobody, and ask again only after a while.
                await self.tracker.wait_for_seeds(
                    torrent.info_hash for torrent in self.torrents.values() if torrent.save_path is not None
                )
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    def services(self) -> tuple[Service, ...]:
        """Give all outside services, started or not."""
        return (
            self.lidarr,
            self.jellyfin,
            self.torznab,
            self.musicbrainz,
            self.coverart,
            self.ollama,
            self.internet_archive,
        )

    def torrent(self, release_key: str) -> WorldTorrent:
        """Give the torrent of a release; KeyError when there is none."""
        return self.torrents[release_key]

    async def _serve(self, stack: AsyncExitStack, service: Service) -> None:
        runner = await serve(service, self.faults, self.requests)
        stack.push_async_callback(runner.cleanup)

    def _fill_library(self, audio: Path) -> None:
        """Put the albums that are there from the start into the music folder."""
        if self.music_folder.exists() and not self._keep_library:
            shutil.rmtree(self.music_folder)
        shutil.copytree(audio / "library", self.music_folder, dirs_exist_ok=True)
