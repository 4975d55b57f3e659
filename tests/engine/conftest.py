"""Fixtures of the engine's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.torrent_clients import RunningClient, torrent_client


@pytest.fixture
async def torrentd(tmp_path: Path) -> AsyncIterator[RunningClient]:
    """Give a running torrentd of this test's own."""
    async with torrent_client("torrentd", tmp_path / "torrentd") as running:
        yield running
