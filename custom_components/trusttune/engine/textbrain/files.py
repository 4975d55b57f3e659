"""Finds the wanted tracks among a torrent's files: one file a track, by disc folder, number and title."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..torrents.client import TorrentFile
from ..wanted.album import WantedAlbum, WantedTrack
from .candidate import FileMapping
from .names import likeness, name_readings
from .release import clean_title, flag_words_of
from .words import Flag

AUDIO_EXTENSIONS = frozenset(
    {"flac", "mp3", "m4a", "aac", "alac", "ogg", "oga", "opus", "wav", "aiff", "aif", "ape", "wv", "wma", "dsf", "tta"}
)
_LOSSLESS_EXTENSIONS = frozenset({"flac", "alac", "wav", "aiff", "aif", "ape", "wv", "dsf", "tta"})
_MOST_FILES = 5000
_OTHER_TAKES = frozenset(
    {Flag.LIVE, Flag.REMIX, Flag.INSTRUMENTAL, Flag.DEMO, Flag.KARAOKE, Flag.COVER, Flag.A_CAPPELLA, Flag.RERECORDED}
)
_DISC_FOLDER = re.compile(
    r"^(?P<before>.*?)[ \-_.(\[]*(?:cd|disc|disk|dis[ck]o|lp|vinyl)[ _.\-]?(?P<disc>\d{1,2})(?!\d).*$", re.IGNORECASE
)
_SAMPLE = re.compile(r"\b(?:sample|samples|extras?|bonus|scans)\b", re.IGNORECASE)
_DISC_AND_NUMBER = re.compile(r"^[\[(]?(?:d|cd|disc ?)?(\d{1,2})[-.](\d{2})(?=\D|$)[\])]?[ .\-]*", re.IGNORECASE)
_HUNDREDS = re.compile(r"^([1-9])(\d{2})(?=\D|$)[ .\-)]*")
_NUMBER = re.compile(r"^[\[(]?(?:track ?)?(\d{1,2})(?=\D|$)[\])]?[ .\-)]*", re.IGNORECASE)
_FEATURING = re.compile(r"[ (\[](?:feat|ft|featuring)\.? .*$", re.IGNORECASE)
_UNNAMED = re.compile(r"(?:audio ?)?(?:track|titel|piste|pista|трек)? ?\d*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _NamedFile:
    """What a file's path says about the track in it."""

    index: int
    disc: int | None
    number: int | None
    titles: tuple[str, ...]
    takes: frozenset[Flag]


def map_files(wanted: WantedAlbum, files: Sequence[TorrentFile]) -> FileMapping:
    """Assign audio files to the wanted tracks, each at most once; what does not convince stays without a file.

    A torrent with several folders (a discography, or one folder a format) is read folder by folder and the one that
    fits the album best is taken, never a mixture. An album whose tracks are not known is mapped by the numbers alone.
    """
    folders: dict[tuple[str, str], list[_NamedFile]] = defaultdict(list)
    for file in files[:_MOST_FILES]:
        folder, stem, extension, disc = _read_path(file.path)
        if extension in AUDIO_EXTENSIONS and file.size_bytes > 0:
            named = _read_stem(wanted, file.index, stem, disc)
            folders[folder, extension].append(named)
    best = FileMapping({}, tuple((track.disc, track.number) for track in wanted.tracks))
    best_rank = (-1.0, False)
    for (folder, extension), found in folders.items():
        if wanted.tracks:
            mapping, alike = _assign(wanted, found)
        else:
            mapping, alike = _by_numbers(found), 0.0
        name = folder.rsplit("/", 1)[-1]
        named_album = _names_album(wanted, name)
        rank = (len(mapping.files) + alike + 0.9 * named_album, extension in _LOSSLESS_EXTENSIONS)
        if rank > best_rank:
            best, best_rank = mapping, rank
    return best


def _read_path(path: str) -> tuple[str, str, str, int | None]:
    """Folder (discs merged), stem, extension and disc of a path as hostile as the torrent."""
    parts = [clean_title(part) for part in re.split(r"[/\\]", path[-2000:])]
    parts = [part for part in parts if part]
    if not parts:
        return "", "", "", None
    stem, _, extension = parts[-1].rpartition(".")
    folders, disc = parts[:-1], None
    if folders and (match := _DISC_FOLDER.match(folders[-1])):
        disc = int(match["disc"])
        folders = [*folders[:-1], match["before"]] if match["before"] else folders[:-1]
    return "/".join(folders), stem, extension.casefold(), disc


def _read_stem(wanted: WantedAlbum, index: int, stem: str, disc: int | None) -> _NamedFile:
    text = stem.replace("_", " ") if " " not in stem else stem
    text = " ".join(text.split())
    number: int | None = None
    rest = text
    parts = re.split(r" - ", text)
    for place, part in enumerate(parts[:-1]):
        if place and part.strip().isdecimal() and len(part.strip()) <= 3:
            rest = " - ".join(parts[place:])  # "Artist - Album - 01 - Title"
            break
    match = _DISC_AND_NUMBER.match(rest) or _HUNDREDS.match(rest)
    if match and 0 < int(match[1]) <= _most_discs(wanted):
        disc, number = disc or int(match[1]), int(match[2])
    elif match := _NUMBER.match(rest):
        number = int(match[1])
    title = rest[match.end() :] if match and number is not None else rest
    pieces = [piece.strip() for piece in re.split(r" - | -|- |(?<=\w)-(?=\w)", title) if piece.strip()]
    own = [piece for piece in pieces if likeness(piece, wanted.artist) < 100]
    titles = [title, text, *(" - ".join(pieces[place:]) for place in range(1, len(pieces)))]
    titles.extend(own if len(own) < len(pieces) or " " not in stem else ())
    cleaned = tuple(dict.fromkeys(_FEATURING.sub("", name).strip() for name in titles))
    takes = frozenset(flag for flag, _ in flag_words_of(title)) & _OTHER_TAKES
    return _NamedFile(index, disc, number, tuple(name for name in cleaned if name)[:10], takes)


def _most_discs(wanted: WantedAlbum) -> int:
    return max((track.disc for track in wanted.tracks), default=1)


def _assign(wanted: WantedAlbum, found: list[_NamedFile]) -> tuple[FileMapping, float]:
    """Greedy one-to-one assignment, the surest pairs first; also the mean likeness of the assigned, 0 to 1."""
    multi_disc = _most_discs(wanted) > 1
    own = frozenset(flag for name in (wanted.title, wanted.artist) for flag, _ in flag_words_of(name))
    pairs = []
    for track in wanted.tracks:
        takes = own | {flag for flag, _ in flag_words_of(track.title)}
        for order, file in enumerate(found):
            if file.takes - takes:
                continue
            sure = _sureness(track, file, multi_disc=multi_disc)
            if sure > 0:
                pairs.append((-sure, order, (track.disc, track.number), file.index))
    pairs.sort()
    mapped: dict[tuple[int, int], int] = {}
    taken: set[int] = set()
    total = 0.0
    for sureness, _, place, index in pairs:
        if place not in mapped and index not in taken:
            mapped[place] = index
            taken.add(index)
            total -= sureness
    places = [(track.disc, track.number) for track in wanted.tracks]
    mapping = FileMapping({place: mapped[place] for place in places if place in mapped},
                          tuple(place for place in places if place not in mapped))  # fmt: skip
    return mapping, total / (4 * len(places))


def _sureness(track: WantedTrack, file: _NamedFile, *, multi_disc: bool) -> float:
    """How sure a file is the track, 0 (not) to 3.5: the title decides, number and disc settle doubts."""
    same_number = file.number == track.number and (file.disc == track.disc or (file.disc is None and not multi_disc))
    other_disc = multi_disc and file.disc is not None and file.disc != track.disc
    unnamed = all(_UNNAMED.fullmatch(title) or title.isdecimal() for title in file.titles) or not track.title
    if unnamed:
        return 1.0 if same_number else 0.0
    title = _FEATURING.sub("", track.title).strip()
    alike = max((likeness(title, name) for name in file.titles), default=0.0) / 100
    if alike < 0.8 and same_number and _is_inside(title, file.titles):
        alike = 0.8
    if alike < (0.6 if same_number else 0.88):
        return 0.0
    return 2 * alike + (1.0 if same_number else 0.0) - (0.5 if other_disc else 0.0)


def _is_inside(title: str, names: tuple[str, ...]) -> bool:
    """Whether the title's words stand in a file's name in their order."""
    wanted = name_readings(title)
    return any(f" {one} " in f" {other} " for one in wanted for name in names for other in name_readings(name))


def _by_numbers(found: list[_NamedFile]) -> FileMapping:
    mapped: dict[tuple[int, int], int] = {}
    for file in found:
        if file.number:
            mapped.setdefault((file.disc or 1, file.number), file.index)
    return FileMapping(mapped)


def _names_album(wanted: WantedAlbum, folder: str) -> bool:
    """Whether a folder's name holds the album's name as whole words."""
    return bool(folder) and not _SAMPLE.search(folder) and _is_inside(wanted.title, (folder,))
