"""What every test may do: talk to 127.0.0.1 and nobody else, and live in the small world."""

import os

import pytest
from hypothesis import settings
from pytest_socket import enable_socket, socket_allow_hosts

from .world.fixtures import quiet_world, world

__all__ = ["quiet_world", "world"]


# No test asserts on time. In CI the same examples come every time: what they find new belongs to a change of its own.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Undo the complete block of sockets: the world's servers are real, and on this machine."""
    enable_socket()
    socket_allow_hosts(["127.0.0.1"])
