"""Reads the music folder as a media server does: what the tags say, else what the names say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mutagen

AUDIO_SUFFIXES = frozenset({".flac", ".mp3", ".m4a", ".ogg", ".opus", ".wav", ".ape", ".wv", ".aac", ".aiff"})

_NUMBERED = re.compile(r"(?:(?P<disc>\d)-)?(?P<number>\d{1,3})(?:\s*[-.]\s*|\s+)(?P<title>.+)")
_DISC_FOLDER = re.compile(r"(?:cd|disc|disk)\s*(\d+)", re.IGNORECASE)
_YEAR = re.compile(r"\s*\((\d{4})\)$")

_EASY_TO_PROVIDER = {
    "musicbrainz_artistid": "MusicBrainzArtist",
    "musicbrainz_albumartistid": "MusicBrainzAlbumArtist",
    "musicbrainz_albumid": "MusicBrainzAlbum",
    "musicbrainz_releasegroupid": "MusicBrainzReleaseGroup",
    "musicbrainz_trackid": "MusicBrainzRecording",
}


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One audio file as it lies in a folder."""

    path: Path
    artist: str
    album_artist: str
    album: str
    title: str
    disc: int
    number: int
    year: int | None
    duration_s: float
    bitrate_bps: int
    size_bytes: int
    provider_ids: dict[str, str] = field(default_factory=dict)

    @property
    def album_folder(self) -> Path:
        """The album's folder, whether or not the file lies in one for its disc."""
        parent = self.path.parent
        return parent.parent if _DISC_FOLDER.fullmatch(parent.name) else parent


def scan_folder(folder: Path) -> list[ScannedFile]:
    """Read all audio files below a folder; hidden ones are not seen. Blocking."""
    return [scan_file(path) for path in _audio_paths(folder)]


def _audio_paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.casefold() in AUDIO_SUFFIXES and not hidden and path.is_file():
            yield path


def scan_file(path: Path) -> ScannedFile:
    """Read one file: tags first, then the names of file and folders. Blocking."""
    try:
        sound = mutagen.File(path, easy=True)
    except mutagen.MutagenError:
        sound = None
    tags = dict(sound.tags or {}) if sound is not None else {}

    def tag(name: str) -> str:
        values = tags.get(name) or [""]
        return str(values[0]).strip()

    named = _NUMBERED.fullmatch(path.stem)
    disc_folder = _DISC_FOLDER.fullmatch(path.parent.name)
    album_folder = path.parent.parent if disc_folder else path.parent
    year = _YEAR.search(album_folder.name)
    disc = _count(tag("discnumber")) or _count(disc_folder[1] if disc_folder else "") or _count(named and named["disc"])
    return ScannedFile(
        path=path,
        artist=tag("artist") or album_folder.parent.name,
        album_artist=tag("albumartist") or tag("artist") or album_folder.parent.name,
        album=tag("album") or _YEAR.sub("", album_folder.name),
        title=tag("title") or (named["title"] if named else path.stem),
        disc=disc or 1,
        number=_count(tag("tracknumber")) or _count(named and named["number"]) or 0,
        year=_count(tag("date")[:4]) or (int(year[1]) if year else None),
        duration_s=float(sound.info.length) if sound is not None else 0.0,
        bitrate_bps=int(getattr(sound.info, "bitrate", 0)) if sound is not None else 0,
        size_bytes=path.stat().st_size,
        provider_ids={theirs: tag(easy) for easy, theirs in _EASY_TO_PROVIDER.items() if tag(easy)},
    )


def _count(text: str | None) -> int | None:
    digits = re.match(r"\d+", text or "")
    return int(digits[0]) if digits else None
