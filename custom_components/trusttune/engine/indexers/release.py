"""A release as an indexer lists it, before anybody has judged it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IndexedRelease:
    """One row of an indexer's answer. Unknown is None, never 0.

    `link` leads to a .torrent or a magnet and may carry the indexer's key: it never reaches a log,
    the journal or a person.
    """

    indexer_id: str
    guid: str
    title: str
    link: str = field(repr=False)
    size_bytes: int | None = None
    seeders: int | None = None
    info_hash: str | None = None
    categories: tuple[int, ...] = ()
    licence: str | None = None
