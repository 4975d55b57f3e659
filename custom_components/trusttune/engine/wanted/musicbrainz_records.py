"""MusicBrainz' answers as the engine's albums and tracks, and which of several is the one that was meant."""

import importlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..errors import UnexpectedReplyError
from .album import WantedTrack, fold

_ROOT: Final = "{http://musicbrainz.org/ns/mmd-2.0#}metadata"
_MBID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES: Final = ("album", "ep", "single", "broadcast", "other")
_MAX_NAME: Final = 500
_MAX_ALIASES: Final = 20
_MAX_TRACKS: Final = 2000
_LAST_YEAR: Final = 9999
# MusicBrainz writes names with typographers' signs, people with those on their keyboard.
_TYPEWRITTEN: Final = str.maketrans("‘’‚‛ʼ′`´“”„‟″‐‑‒–—―−", "''''''''\"\"\"\"\"-------")


@dataclass(frozen=True, slots=True)
class ReleaseGroup:
    """A release group and whom it is by; `artist_ids` has several for a collaboration."""

    id: str
    title: str
    artist: str
    artist_ids: tuple[str, ...]
    names: tuple[str, ...]
    """All that the artist is called on it."""
    aliases: tuple[str, ...]
    album_type: str
    secondary_types: int
    year: int | None


def comparable(name: str) -> str:
    """Give what two ways to write one name have in common: folded, with the signs of a typewriter."""
    return fold(fold(name).translate(_TYPEWRITTEN))


def parse(body: bytes) -> Mapping[str, Any]:
    """Read an answer of web service 2 (musicbrainz.org/doc/MusicBrainz_API); takes CPU. Raises UnexpectedReplyError."""
    try:
        # Decoded once, and so seen alike by the parser that looks for traps and by the one that reads.
        text = body.decode("utf-8").strip()
        root: Element = fromstring(text, forbid_dtd=True)
        if root.tag != _ROOT:
            raise UnexpectedReplyError("Something else than MusicBrainz answered. Check its address.")
        # The package brings a whole client along, which takes long to import.
        message: Mapping[str, Any] = importlib.import_module("musicbrainzngs.mbxml").parse_message(text)
    except ParseError, DefusedXmlException, ValueError, LookupError, TypeError, AttributeError, RecursionError:
        raise UnexpectedReplyError("MusicBrainz gave an answer that cannot be understood.") from None
    return message


def release_groups_of(message: Mapping[str, Any]) -> tuple[ReleaseGroup, ...]:
    """Read the release groups of a search; those without title, artist or a proper id are left out."""
    found = (_release_group(record) for record in message.get("release-group-list", ()))
    return tuple(group for group in found if group is not None)


def _release_group(record: Mapping[str, Any]) -> ReleaseGroup | None:
    # Between the artists stand the words that join them.
    artists = [part.get("artist", {}) for part in record.get("artist-credit", ()) if isinstance(part, dict)]
    ids = tuple(_mbid(artist) for artist in artists)
    title, phrase = _line(record.get("title")), _line(record.get("artist-credit-phrase"))
    # An artist is filed under the own name, whatever this one album calls it.
    own = _line(artists[0].get("name")) if len(artists) == 1 else ""
    if not title or not phrase or not all(ids) or not _mbid(record):
        return None
    kind = (record.get("primary-type") or record.get("type") or "").casefold()
    return ReleaseGroup(
        id=_mbid(record),
        title=title,
        artist=own or phrase,
        artist_ids=ids,
        names=(phrase, own) if own else (phrase,),
        aliases=_aliases(artists[0]) if len(artists) == 1 else (),
        album_type=kind if kind in _TYPES else "other",
        secondary_types=len(record.get("secondary-type-list", ())),
        year=_year(record.get("first-release-date")),
    )


def same_name(
    groups: Iterable[ReleaseGroup], artist: str, title: str, known: Collection[str] = ()
) -> tuple[ReleaseGroup, ...]:
    """Give the groups of just this title and artist, those known by another name only where none has this one.

    `known` are ids of artists that are known to have the name among their aliases.
    """
    wanted = comparable(artist)
    titled = [group for group in groups if comparable(group.title) == comparable(title)]
    exact = tuple(group for group in titled if wanted in map(comparable, group.names))
    return exact or tuple(
        group
        for group in titled
        if wanted in map(comparable, group.aliases) or (len(group.artist_ids) == 1 and group.artist_ids[0] in known)
    )


def the_one_meant(groups: Sequence[ReleaseGroup], year: int | None) -> ReleaseGroup | None:
    """Give the one group of several of one name that can be meant; None if it could be one or another.

    The year tells them apart; for the groups of one artist so does the type: an album before its single or its
    live recording. Two artists of one name are never told apart by guessing.
    """
    of_year = [group for group in groups if year is not None and group.year == year] or list(groups)
    if len({group.artist_ids for group in of_year}) != 1:
        return None
    ranks = [(group.secondary_types > 0, _TYPES.index(group.album_type)) for group in of_year]
    return of_year[ranks.index(min(ranks))] if Counter(ranks)[min(ranks)] == 1 else None


def artists_known_as(message: Mapping[str, Any], name: str) -> dict[str, tuple[str, ...]]:
    """Give the artists of a search that have an alias of just this name: all aliases of each id."""
    found = {_mbid(artist): _aliases(artist) for artist in message.get("artist-list", ())}
    return {
        artist_id: aliases
        for artist_id, aliases in found.items()
        if artist_id and comparable(name) in map(comparable, aliases)
    }


def aliases_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the aliases of an artist that was looked up."""
    return _aliases(message.get("artist", {}))


def _aliases(artist: Mapping[str, Any]) -> tuple[str, ...]:
    # Search hints are slips and confusions: no names.
    rows = (row for row in artist.get("alias-list", ()) if (row.get("type") or "").casefold() != "search hint")
    names = {comparable(name): name for row in rows if (name := _line(row.get("alias")))}
    return tuple(names.values())


def other_names(group: ReleaseGroup, aliases: Iterable[str], asked: str) -> tuple[str, ...]:
    """Give what else the artist is called, the name that was asked for first, the artist's own left out."""
    names = {comparable(name): name for name in (asked, *group.names, *aliases)}
    names.pop(comparable(group.artist), None)
    return tuple(names.values())[:_MAX_ALIASES]


def nearest_original(message: Mapping[str, Any]) -> str | None:
    """Give the id of the official release nearest to the original: of the earliest year, and there the plainest."""
    releases = [release for release in message.get("release-list", ()) if _mbid(release)]
    official = [release for release in releases if (release.get("status") or "").casefold() == "official"]
    return _mbid(min(official, key=_distance_from_original)) if official else None


def _distance_from_original(release: Mapping[str, Any]) -> tuple[int, bool, int, int, str, str]:
    media = release.get("medium-list", ())
    return (
        _year(release.get("date")) or _LAST_YEAR,
        bool(_line(release.get("disambiguation"))),
        len(media),
        sum(medium.get("track-count", 0) for medium in media),
        # A day or month that is not known is no early one.
        (release.get("date") or "").ljust(10, "~"),
        _mbid(release),
    )


def tracks_of(message: Mapping[str, Any]) -> tuple[WantedTrack, ...]:
    """Read the tracks of a release that was looked up with its recordings, without films."""
    tracks = {(track.disc, track.number): track for track in _tracks(message.get("release", {}))}
    return tuple(tracks[place] for place in sorted(tracks))[:_MAX_TRACKS]


def _tracks(release: Mapping[str, Any]) -> Iterator[WantedTrack]:
    for disc, medium in enumerate(release.get("medium-list", ()), 1):
        for number, row in enumerate(medium.get("track-list", ()), 1):
            recording = row.get("recording", {})
            if recording.get("video") == "true":
                continue
            length_ms = _count(row.get("length")) or _count(recording.get("length"))
            yield WantedTrack(
                disc=_count(medium.get("position")) or disc,
                # "number" is as printed, and "A1" on vinyl; the position is a number.
                number=_count(row.get("position")) or number,
                # A track has a title of its own only where it is not the recording's.
                title=_line(row.get("title")) or _line(recording.get("title")),
                duration_s=length_ms / 1000 if length_ms else None,
            )


def _mbid(record: Mapping[str, Any]) -> str:
    """Give a record's id, empty where it has none: ids become part of addresses."""
    text = (record.get("id") or "").casefold()
    return text if _MBID.fullmatch(text) else ""


def _line(text: str | None) -> str:
    return " ".join((text or "").split())[:_MAX_NAME]


def _year(date: str | None) -> int | None:
    match = re.match("[0-9]{4}", date or "")
    return int(match[0]) or None if match else None


def _count(text: str | None) -> int:
    """Read a number, 0 where there is none."""
    text = (text or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
