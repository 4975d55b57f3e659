"""Runs the world in the foreground until Ctrl-C or SIGTERM; scripts/world starts this."""

import argparse
import asyncio
import json
import os
import signal
import tempfile
from pathlib import Path

from .world import World

_PROJECT = Path(__file__).parents[2]


def addresses(world: World) -> dict[str, object]:
    """Say where everything is and which keys open it."""
    return {
        "pid": os.getpid(),
        "music_folder": str(world.music_folder),
        "lidarr": {"url": world.lidarr.url, "api_key": world.lidarr.api_key},
        "jellyfin": {
            "url": world.jellyfin.url,
            "api_key": world.jellyfin.api_key,
            "version": world.jellyfin.version,
            "username": world.jellyfin.username,
            "password": world.jellyfin.password,
        },
        "torznab": {"url": world.torznab.url, "api_key": world.torznab.api_key},
        "musicbrainz": {"url": world.musicbrainz.url},
        "coverart": {"url": world.coverart.url},
        "ollama": {"url": world.ollama.url, "model": world.ollama.model},
        "internet_archive": {"url": world.internet_archive.url},
        "tracker": {"url": world.tracker.url},
        "wanted": [
            {"artist": album.artist.name, "album": album.title, "year": album.year, "lidarr_id": album.id}
            for album in world.lidarr.library.missing()
            if album.monitored and album.artist.monitored
        ],
    }


async def _run(folder: Path, document: Path | None, jellyfin_version: str) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    audio_cache = _PROJECT / ".cache" / "world"
    async with World(folder, audio_cache=audio_cache, jellyfin_version=jellyfin_version, keep_library=True) as world:
        text = json.dumps(addresses(world), indent=2, ensure_ascii=False)
        if document is not None:
            await asyncio.to_thread(_write_private, document, text + "\n")
        print(text, flush=True)
        await ended.wait()


def _write_private(document: Path, text: str) -> None:
    """Write the file whole, readable by its owner alone: it holds keys."""
    unfinished = document.with_name(f".{document.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(document)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="scripts/world")
    parser.add_argument("--folder", type=Path, help="folder for the music folder; the music in it is kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the addresses and keys to this file")
    parser.add_argument("--jellyfin", default="10.11.11", metavar="VERSION", help="10.11.11 (default) or 12.0.0")
    arguments = parser.parse_args()
    try:
        if arguments.folder is not None:
            arguments.folder.mkdir(parents=True, exist_ok=True)
            asyncio.run(_run(arguments.folder.resolve(), arguments.json, arguments.jellyfin))
        else:
            with tempfile.TemporaryDirectory(prefix="trusttune-world-") as folder:
                asyncio.run(_run(Path(folder), arguments.json, arguments.jellyfin))
    finally:
        if arguments.json is not None:
            arguments.json.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
