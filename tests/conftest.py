"""What every test may do: talk to 127.0.0.1 and nobody else, and live in the small world."""

import pytest
from pytest_socket import enable_socket, socket_allow_hosts

from .world.fixtures import quiet_world, world

__all__ = ["quiet_world", "world"]


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Undo the complete block of sockets: the world's servers are real, and on this machine."""
    enable_socket()
    socket_allow_hosts(["127.0.0.1"])
