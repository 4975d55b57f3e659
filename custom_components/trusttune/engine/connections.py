"""Trying a connection before it is kept: what a configuration dialog asks the engine."""

import asyncio
import os
import tempfile
from pathlib import Path

from .config import ClientConfig, IndexerConfig, JellyfinConfig, LidarrConfig, OllamaConfig
from .errors import LibraryError
from .indexers.kinds import make_indexer
from .indexers.query import Query
from .ports import Ports
from .textbrain.llm import OllamaJudge
from .torrents.qbittorrent import QBittorrentClient
from .wanted.jellyfin import JellyfinLibrary
from .wanted.lidarr import LidarrLibrary

LIDARR_TIMEOUT_S = 60.0


async def check_client(config: ClientConfig) -> str:
    """Log in to the torrent client and give its version. Raises EngineError."""
    client = QBittorrentClient(config)
    try:
        return await client.connect()
    finally:
        await client.close()


async def check_lidarr(config: LidarrConfig, ports: Ports) -> str:
    """Ask Lidarr who it is and give its version. Raises EngineError."""
    lidarr = LidarrLibrary(config, lambda: ports.http_client(LIDARR_TIMEOUT_S))
    try:
        return await lidarr.check()
    finally:
        await lidarr.close()


async def check_jellyfin(config: JellyfinConfig) -> str:
    """Log in to Jellyfin and give its version. Raises EngineError."""
    return await JellyfinLibrary(config).check()


async def check_indexer(config: IndexerConfig, ports: Ports) -> str:
    """Search an indexer for something harmless, which tries its address and key. Raises EngineError."""
    found = await make_indexer(config, ports.session).search(Query("", "music", None, "music"))
    return f"{len(found)} releases for a trial search"


async def check_ollama(config: OllamaConfig, ports: Ports) -> str:
    """See that Ollama answers and has the model. Raises EngineError."""
    judge = OllamaJudge(config, ports.ssl_context)
    try:
        return await judge.check()
    finally:
        await judge.close()


async def check_music_folder(folder: Path) -> None:
    """See that the folder is there and takes files. Raises LibraryError saying what is wrong."""
    await asyncio.to_thread(_check_folder, folder)


def _check_folder(folder: Path) -> None:
    if not folder.is_absolute():
        raise LibraryError(f"{folder} is not a whole path: begin it with /")
    if not folder.is_dir():
        raise LibraryError(f"There is no folder {folder}")
    try:
        handle, probe = tempfile.mkstemp(prefix=".trusttune-", dir=folder)
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise LibraryError(f"{folder} takes no files: {error.strerror}") from error
