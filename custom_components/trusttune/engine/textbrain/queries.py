"""What to ask indexers for a wanted album, from precise to broad."""

import re

from anyascii import anyascii

from ..indexers.query import Query
from ..wanted.album import WantedAlbum, fold

_LEADING_ARTICLE = re.compile(r"^(?:the|a|an|die|der|das|les|le|la|los|el) (?=\S)", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[^\w\s]+")
_EDITION = re.compile(r" [(\[][^)\]]*(?:edition|remaster|version|deluxe)[^)\]]*[)\]]$", re.IGNORECASE)
_MOST = 8


def query_ladder(wanted: WantedAlbum) -> tuple[Query, ...]:
    """Give queries in the order to try them, until one brings a sound candidate. At most 8, no two alike.

    With the year, without it, without punctuation and article, transliterated, by the artist's aliases, and last the
    artist's discography.
    """
    artist, title = wanted.artist.strip(), _EDITION.sub("", wanted.title.strip()) or wanted.title.strip()
    ladder: list[Query] = []
    seen: set[str] = set()

    def add(artist: str, album: str, *, year: int | None = None, extra: str = "") -> None:
        text = " ".join(f"{artist} {album} {year or ''} {extra}".split())
        if text and fold(text) not in seen and len(ladder) < _MOST:
            seen.add(fold(text))
            ladder.append(Query(artist=artist, album=album, year=year, text=text))

    if fold(artist) == fold(title):
        add(artist, title, year=wanted.year)
        if wanted.year:
            add(artist, "", year=wanted.year)
        add(artist, "")
    else:
        add(artist, title, year=wanted.year)
        add(artist, title)
    add(_plain(artist), _plain(title))
    add(_plain(anyascii(artist)), _plain(anyascii(title)))
    for alias in wanted.artist_aliases[:3]:
        add(alias, title)
    if len(title.split()) >= 3:
        add("", title)
    add(artist, "", extra="discography")
    return tuple(ladder)


def _plain(text: str) -> str:
    """Words only, without a leading article; a name of symbols stays as it is."""
    words = " ".join(_NOT_WORDS.sub(" ", _LEADING_ARTICLE.sub("", text)).split())
    return words or text
