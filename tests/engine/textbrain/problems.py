"""Reads the tables of titles and matching problems and turns their rows into the engine's own values."""

import json
from pathlib import Path
from typing import Any

from custom_components.trusttune.engine.indexers.release import IndexedRelease
from custom_components.trusttune.engine.wanted.album import WantedAlbum, WantedTrack


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()]


def wanted_album(row: dict[str, Any]) -> WantedAlbum:
    seconds = row.get("duration_s")
    tracks = tuple(WantedTrack(1, n, f"Song {n}", seconds / 10) for n in range(1, 11)) if seconds else ()
    return WantedAlbum(
        artist=row["artist"],
        title=row["title"],
        year=row["year"],
        tracks=tracks,
        artist_aliases=tuple(row.get("artist_aliases", ())),
    )


def release(title: str, *, size_mb: float | None = 300, seeders: int | None = 9, **more: Any) -> IndexedRelease:
    size = None if size_mb is None else round(size_mb * 1024**2)
    guid = more.pop("guid", title)
    return IndexedRelease("world", guid, title, "magnet:?", size_bytes=size, seeders=seeders, **more)


def listed(row: dict[str, Any]) -> list[IndexedRelease]:
    return [
        release(each["title"], size_mb=each["size_mb"], seeders=each["seeders"], guid=f"{index}")
        for index, each in enumerate(row["candidates"])
    ]
