"""An album that is missing: what the wanted side finds, what a ticket asks for."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WantedTrack:
    """One track of a wanted album; numbers start at 1."""

    disc: int
    number: int
    title: str
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class WantedAlbum:
    """A release group that is wanted, with what is known about it.

    `release_group_id` is MusicBrainz's; `album_type` is one of album, ep, single, broadcast, other.
    """

    artist: str
    title: str
    year: int | None = None
    album_type: str = "album"
    tracks: tuple[WantedTrack, ...] = ()
    artist_aliases: tuple[str, ...] = ()
    release_group_id: str | None = None
    lidarr_album_id: int | None = None

    @property
    def key(self) -> str:
        """What makes two requests the same wanted album: folded artist and title."""
        return f"{fold(self.artist)}\x1f{fold(self.title)}"


def fold(text: str) -> str:
    """Fold case, width, composition and white space, and nothing that tells two names apart."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
