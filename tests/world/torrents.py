"""Makes the world's .torrent files (BEP 3) for every listed release, seeded or not."""

import asyncio
import hashlib
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from .audio import release_files
from .catalogue import Catalogue, Release, ReleaseKind

type Bencodable = int | bytes | str | Sequence[Bencodable] | Mapping[str, Bencodable]

_PIECE_BYTES = 32 * 1024
_HUGE_PIECE_BYTES = 4 * 1024 * 1024


def bencode(value: Bencodable) -> bytes:
    """Encode as BEP 3 says: keys sorted by their bytes, text as UTF-8."""
    match value:
        case int():
            return b"i%de" % value
        case str():
            return bencode(value.encode())
        case bytes():
            return b"%d:%b" % (len(value), value)
        case Mapping():
            pairs = sorted((key.encode(), member) for key, member in value.items())
            return b"d%be" % b"".join(bencode(key) + bencode(member) for key, member in pairs)
        case _:
            return b"l%be" % b"".join(bencode(member) for member in value)


@dataclass(frozen=True, slots=True)
class WorldTorrent:
    """The torrent of one release: what its .torrent file says, and where its files lie when it is seeded."""

    release: Release
    info: bytes = field(repr=False)
    info_hash: str
    size_bytes: int
    files: tuple[tuple[str, int], ...]
    save_path: Path | None

    def metainfo(self, tracker_url: str) -> bytes:
        """Give the .torrent file that names this tracker."""
        return b"d8:announce%b4:info%be" % (bencode(tracker_url), self.info)

    def magnet(self, tracker_url: str) -> str:
        """Give the magnet link that names this tracker (BEP 9)."""
        name, tracker = quote(self.release.folder, safe=""), quote(tracker_url, safe="")
        return f"magnet:?xt=urn:btih:{self.info_hash}&dn={name}&tr={tracker}"


async def make_torrents(catalogue: Catalogue, audio: Path) -> dict[str, WorldTorrent]:
    """Make the torrents of all releases, by release key; `audio` is the folder make_audio gave."""
    return await asyncio.to_thread(lambda: {release.key: _make(release, audio) for release in catalogue.releases})


def _make(release: Release, audio: Path) -> WorldTorrent:
    if release.is_seeded:
        root = audio / "releases" / release.folder
        paths = sorted(file.path for file in release_files(release))
        files = tuple((path, (root / path).stat().st_size) for path in paths)
        pieces = _cached_pieces(root, paths)
        piece_bytes, save_path = _PIECE_BYTES, root.parent
    else:
        files = _invented_files(release)
        piece_bytes, save_path = _HUGE_PIECE_BYTES, None
        count = -(-sum(size for _, size in files) // piece_bytes)
        pieces = random.Random(release.key).randbytes(20 * count)
    info = bencode(
        {
            "files": [{"length": size, "path": _path_parts(path)} for path, size in files],
            "name": release.folder,
            "piece length": piece_bytes,
            "pieces": pieces,
        }
    )
    return WorldTorrent(
        release=release,
        info=info,
        info_hash=hashlib.sha1(info, usedforsecurity=False).hexdigest(),
        size_bytes=sum(size for _, size in files),
        files=files,
        save_path=save_path,
    )


def _path_parts(path: str) -> list[str]:
    """Split a path as a torrent holds it; a leading slash stays with the first part, as a hostile one has it."""
    parts = path.split("/")
    return [f"/{parts[1]}", *parts[2:]] if path.startswith("/") else parts


def _cached_pieces(root: Path, paths: Sequence[str]) -> bytes:
    cached = root.with_name(f".{root.name}.pieces")
    if cached.exists():
        return cached.read_bytes()
    content = b"".join((root / path).read_bytes() for path in paths)
    pieces = b"".join(
        hashlib.sha1(content[start : start + _PIECE_BYTES], usedforsecurity=False).digest()
        for start in range(0, len(content), _PIECE_BYTES)
    )
    unfinished = cached.with_name(f"{cached.name}.{secrets.token_hex(4)}")
    unfinished.write_bytes(pieces)
    unfinished.rename(cached)
    return pieces


def _invented_files(release: Release) -> tuple[tuple[str, int], ...]:
    """Say what the files of a torrent nobody seeds are called, and how large they claim to be."""
    size, album = release.stated_size_bytes or 1_000_000, release.album
    match release.kind:
        case ReleaseKind.VIDEO:
            return (f"{release.folder}.mkv", size), ("sample.mkv", 20_000_000)
        case ReleaseKind.EXECUTABLE:
            return ("Setup.exe", size), ("readme.txt", 900)
        case ReleaseKind.HOSTILE_NAMES:
            share = size // 6
            names = (
                "../../../escaped.flac",
                "/etc/cron.d/absolute.flac",
                "01 - Ropes\n\x1b[31m.flac",
                "CD1/../../02 - The Ferryman's Sum.flac",
                "03 - Low\x00Water.flac",
                "04 - Caf\u202ecalf.exe",
            )
            return tuple((name, share) for name in names)
        case _:
            share = size // len(album.tracks)
            suffix = "mp3" if release.category == 3010 else "flac"
            return tuple(
                (f"{number:02d} - {track.title}.{suffix}", share) for number, track in enumerate(album.tracks, 1)
            )
