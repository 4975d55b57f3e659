"""The kinds of indexers there are, by what a configuration calls them."""

import aiohttp

from ..config import IndexerConfig, IndexerKind
from .fanout import Indexer
from .internet_archive import InternetArchiveIndexer
from .torznab import TorznabIndexer


def make_indexer(config: IndexerConfig, session: aiohttp.ClientSession) -> Indexer:
    """Give the adapter that speaks to this indexer."""
    match config.kind:
        case IndexerKind.TORZNAB:
            return TorznabIndexer(config, session)
        case IndexerKind.INTERNET_ARCHIVE:
            return InternetArchiveIndexer(session, config.url)
