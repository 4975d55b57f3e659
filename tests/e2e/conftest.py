"""A household with a real Home Assistant process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.home_assistant import HomeAssistant
from tests.torrent_clients import RunningClient, torrent_client


@pytest.fixture
async def torrentd(tmp_path: Path) -> AsyncIterator[RunningClient]:
    """Give a running torrentd of this test's own."""
    async with torrent_client("torrentd", tmp_path / "torrentd") as running:
        yield running


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """Give a Home Assistant with its first user."""
    home = HomeAssistant(tmp_path / "home-assistant")
    await home.start()
    try:
        await home.onboard()
        yield home
    finally:
        await home.stop()
