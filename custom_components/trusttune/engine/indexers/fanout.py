"""Ask every indexer at once; what one of them fails at is told, and ends nothing."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import EngineError
from .query import Query
from .release import IndexedRelease

_LOGGER = logging.getLogger(__name__)


class Indexer(Protocol):
    """Anything that lists releases."""

    id: str
    name: str

    async def search(self, query: Query) -> tuple[IndexedRelease, ...]:
        """Give the releases listed for a query. Raises EngineError."""


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What was found, each torrent once, and why some indexers gave nothing, by their id."""

    releases: tuple[IndexedRelease, ...]
    failures: Mapping[str, str]


async def search_all(indexers: Iterable[Indexer], query: Query, *, timeout_s: float = 30) -> SearchReport:
    """Ask all indexers and wait for each for `timeout_s` at most."""
    failures: dict[str, str] = {}

    async def ask(indexer: Indexer) -> tuple[IndexedRelease, ...]:
        try:
            async with asyncio.timeout(timeout_s):
                return await indexer.search(query)
        except EngineError as error:
            failures[indexer.id] = str(error)
        except TimeoutError:
            failures[indexer.id] = f"{indexer.name} did not answer within {timeout_s:.0f} s."
        except Exception as error:  # noqa: BLE001 - a mistake in one indexer's code ends no search
            # Only the kind: the message could hold an address with a key.
            _LOGGER.error("Indexer %s failed unexpectedly: %s", indexer.name, type(error).__name__)  # noqa: TRY400 - see above
            failures[indexer.id] = f"{indexer.name} failed unexpectedly ({type(error).__name__})."
        return ()

    found = await asyncio.gather(*map(ask, indexers))
    return SearchReport(releases=_each_once(release for rows in found for release in rows), failures=failures)


def _each_once(releases: Iterable[IndexedRelease]) -> tuple[IndexedRelease, ...]:
    """Keep of each torrent the row that knows of the most seeders, with the licence any row tells."""
    kept: dict[tuple[str, ...], IndexedRelease] = {}
    for release in releases:
        key = (release.info_hash,) if release.info_hash else (release.indexer_id, release.guid)
        other = kept.get(key, release)
        best = release if (release.seeders or 0) > (other.seeders or 0) else other
        kept[key] = replace(best, licence=release.licence or other.licence)
    return tuple(kept.values())
