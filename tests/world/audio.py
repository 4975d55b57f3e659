"""Makes the world's audio with ffmpeg, once: real FLAC and MP3 files, tagged, always the same bytes.

The cache folder keeps one folder for each seeded release, laid out as its torrent is.
"""

import asyncio
import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .catalogue import Album, Catalogue, Release, ReleaseKind, Track, mbid

_RECIPE = 3
"""Counts changes of the recipe below, so that an older cache is not taken for this one."""

_parallel = 2


class FfmpegError(Exception):
    """Audio could not be made; the message holds what ffmpeg said."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One file of a release: where it lies in the release's folder and what it sounds and says like."""

    path: str
    codec: str
    tone_hz: int
    duration_s: int
    tags: dict[str, str]


def release_files(release: Release) -> tuple[AudioFile, ...]:
    """Say which audio files a seeded release consists of."""
    album = release.album
    if release.kind is ReleaseKind.TRIBUTE:
        return tuple(_tribute_file(album, track) for track in album.tracks)
    codec = "mp3" if release.kind is ReleaseKind.MP3 else "flac"
    files = [_album_file(album, track, codec) for track in album.tracks]
    if release.kind is ReleaseKind.DELUXE:
        last = max(track.number for track in album.tracks if track.disc == album.discs)
        for extra, title in enumerate(("First Demo", "Alternate Take"), 1):
            bonus = Track(
                0, album.discs, last + extra, f"{title} (Bonus Track)", 8, mbid("recording", album.key, title)
            )
            files.append(_album_file(album, bonus, codec, album_title=f"{album.title} (Deluxe Edition)"))
    return tuple(files)


def library_files(album: Album) -> tuple[tuple[str, AudioFile], ...]:
    """Say where an album's FLAC files lie in a tidy library: path under the music folder, and the file."""
    named = []
    for track in album.tracks:
        disc = f"{track.disc}-" if album.discs > 1 else ""
        path = f"{album.folder}/{disc}{track.number:02d} - {track.title}.flac"
        named.append((path, _album_file(album, track, "flac")))
    return tuple(named)


async def make_audio(catalogue: Catalogue, cache: Path) -> Path:
    """Make every seeded release and the library's files under the cache; give the folder they lie in.

    What an earlier run has made is reused. Raises FfmpegError.
    """
    wanted = dict(_all_files(catalogue))
    fingerprint = hashlib.sha256(
        json.dumps([_RECIPE, {path: asdict(file) for path, file in wanted.items()}], sort_keys=True).encode()
    ).hexdigest()[:12]
    folder = cache / fingerprint
    if await asyncio.to_thread((folder / ".complete").exists):
        return folder
    unfinished = cache / f"{fingerprint}.{secrets.token_hex(4)}"
    try:
        gate = asyncio.Semaphore(_parallel)
        async with asyncio.TaskGroup() as group:
            for chunk in _chunks(tuple(wanted.items()), 6):
                group.create_task(_make_files(unfinished, chunk, gate))
            group.create_task(make_image(unfinished / "cover.jpg", gate))
        await asyncio.to_thread(_publish, unfinished, folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    return folder


async def make_image(path: Path, gate: asyncio.Semaphore | None = None) -> None:
    """Make a square JPEG picture. Raises FfmpegError."""
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    async with gate or asyncio.Semaphore(1):
        await _ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=500x500", "-frames:v", "1", "-bitexact", "-q:v", "6", str(path)
        )


def _all_files(catalogue: Catalogue) -> Iterator[tuple[str, AudioFile]]:
    for release in catalogue.releases:
        if release.is_seeded:
            for file in release_files(release):
                yield f"releases/{release.folder}/{file.path}", file
    for album in catalogue.albums:
        if album.in_library:
            for path, file in library_files(album):
                yield f"library/{path}", file


def _album_file(album: Album, track: Track, codec: str, album_title: str | None = None) -> AudioFile:
    disc = f"CD{track.disc}/" if album.discs > 1 else ""
    tags = {
        "artist": album.artist.name,
        "album_artist": album.artist.name,
        "album": album_title or album.title,
        "title": track.title,
        "track": str(track.number),
        "disc": str(track.disc),
        "date": str(album.year),
    }
    if codec == "flac":  # The MP3 files come without: identifiers are often missing in life.
        tags |= {
            "MUSICBRAINZ_ARTISTID": album.artist.artist_id,
            "MUSICBRAINZ_ALBUMARTISTID": album.artist.artist_id,
            "MUSICBRAINZ_ALBUMID": album.release_id,
            "MUSICBRAINZ_RELEASEGROUPID": album.release_group_id,
            "MUSICBRAINZ_TRACKID": track.recording_id,
        }
    name = f"{disc}{track.number:02d} - {track.title}.{codec}"
    return AudioFile(name, codec, _tone(album.key, track.disc, track.number), track.duration_s, tags)


def _tribute_file(album: Album, track: Track) -> AudioFile:
    tags = {
        "artist": "The Imitators",
        "album": f"A Tribute to {album.title}",
        "title": f"{track.title} (Tribute)",
        "track": str(track.number),
    }
    name = f"{(track.disc - 1) * 10 + track.number:02d} - {track.title} (Tribute).mp3"
    return AudioFile(name, "mp3", _tone("tribute", album.key, track.disc, track.number), track.duration_s, tags)


def _tone(*names: object) -> int:
    return 110 + int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:4]) % 770


def _chunks(files: Sequence[tuple[str, AudioFile]], size: int) -> Iterator[Sequence[tuple[str, AudioFile]]]:
    for start in range(0, len(files), size):
        yield files[start : start + size]


async def _make_files(folder: Path, files: Sequence[tuple[str, AudioFile]], gate: asyncio.Semaphore) -> None:
    """Make several files by one ffmpeg: starting it costs more than the few seconds of sound."""
    inputs: list[str] = []
    outputs: list[str] = []
    for index, (path, file) in enumerate(files):
        target = folder / path
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        # A tone says which track it is; the faint noise fills the band up to 22 kHz, as a recording does.
        source = (
            f"sine=f={file.tone_hz}:r=44100,volume=0.5[a{index}];anoisesrc=r=44100:a=0.02:seed={file.tone_hz}[n{index}];"
            f"[a{index}][n{index}]amix=duration=first,atrim=duration={file.duration_s},aformat=channel_layouts=stereo"
        )
        inputs += ["-f", "lavfi", "-i", source]
        codec = (
            ["-c:a", "libmp3lame", "-b:a", "320k", "-id3v2_version", "4"] if file.codec == "mp3" else ["-c:a", "flac"]
        )
        tags = [part for name, value in file.tags.items() for part in ("-metadata", f"{name}={value}")]
        outputs += ["-map", str(index), *codec, "-sample_fmt", "s16p" if file.codec == "mp3" else "s16"]
        outputs += ["-t", str(file.duration_s), *tags, "-fflags", "+bitexact", "-flags:a", "+bitexact", str(target)]
    async with gate:
        await _ffmpeg(*inputs, *outputs)


async def _ffmpeg(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise FfmpegError(said.decode(errors="replace").strip()[-2000:])


def _publish(unfinished: Path, folder: Path) -> None:
    """Give a finished folder its name; when another process was faster, keep the other's."""
    (unfinished / ".complete").touch()
    try:
        unfinished.rename(folder)
    except OSError:
        if not (folder / ".complete").exists():
            raise
