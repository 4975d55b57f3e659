"""Lidarr's records as the engine's albums and tracks; any member may be missing."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .album import WantedAlbum, WantedTrack

_TYPES = frozenset({"album", "ep", "single", "broadcast", "other"})


def album_of(record: Mapping[str, Any]) -> WantedAlbum | None:
    """Read an album record that includes its artist; None without title or artist."""
    artist = record.get("artist")
    name = artist.get("artistName") if isinstance(artist, Mapping) else None
    title = record.get("title")
    if not isinstance(name, str) or not isinstance(title, str) or not name.strip() or not title.strip():
        return None
    year = re.match("[0-9]{4}", str(record.get("releaseDate") or ""))
    kind = str(record.get("albumType", "")).lower()
    album_id, group = record.get("id"), record.get("foreignAlbumId")
    return WantedAlbum(
        artist=name,
        title=title,
        year=int(year[0]) if year else None,
        album_type=kind if kind in _TYPES else "other",
        release_group_id=group if isinstance(group, str) and group else None,
        lidarr_album_id=album_id if isinstance(album_id, int) else None,
    )


def tracks_of(records: Iterable[Mapping[str, Any]]) -> tuple[WantedTrack, ...]:
    """Read track records, in order of disc and place.

    Numbers are text and on vinyl not numbers ("A1"): a disc with such ones, or with the same one
    twice, is numbered by place.
    """
    discs: dict[int, list[Mapping[str, Any]]] = {}
    for record in records:
        discs.setdefault(_count(record.get("mediumNumber")), []).append(record)
    tracks: list[WantedTrack] = []
    for disc in sorted(discs):
        rows = sorted(discs[disc], key=lambda row: _count(row.get("absoluteTrackNumber")))
        told = [str(row.get("trackNumber", "")) for row in rows]
        are_numbers = all(re.fullmatch("0*[1-9][0-9]{0,3}", text) for text in told)
        numbers = [int(text) for text in told] if are_numbers else []
        if len(set(numbers)) != len(rows):
            numbers = list(range(1, len(rows) + 1))
        for number, row in zip(numbers, rows, strict=True):
            duration_ms = row.get("duration")
            is_known = isinstance(duration_ms, int | float) and duration_ms > 0
            tracks.append(
                WantedTrack(
                    disc=disc,
                    number=number,
                    title=str(row.get("title") or ""),
                    duration_s=float(duration_ms) / 1000 if is_known else None,  # type: ignore[arg-type]
                )
            )
    return tuple(tracks)


def _count(value: object) -> int:
    """Read a number that counts from 1."""
    return value if isinstance(value, int) and value >= 1 else 1
