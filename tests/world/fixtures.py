"""Fixtures for tests that need the world; tests/conftest.py imports them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .world import World

AUDIO_CACHE = Path(__file__).parents[2] / ".cache" / "world"
"""Where the audio is kept from one run of the tests to the next."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give the whole world, with its swarm, and a music folder of its own."""
    async with World(tmp_path / "world", audio_cache=AUDIO_CACHE) as started:
        yield started


@pytest.fixture
async def quiet_world(tmp_path: Path) -> AsyncIterator[World]:
    """Give the world without its swarm: quicker, for tests that download nothing."""
    async with World(tmp_path / "world", seed=False, audio_cache=AUDIO_CACHE) as started:
        yield started
