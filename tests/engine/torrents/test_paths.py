"""Where the client's paths lie on this machine."""

from pathlib import Path

import pytest

from custom_components.trusttune.engine.config import ClientConfig, PathMapping
from custom_components.trusttune.engine.errors import TorrentClientError
from custom_components.trusttune.engine.torrents.paths import local_path

_CONFIG = ClientConfig(
    url="http://127.0.0.1",
    username="a",
    password="b",
    path_mappings=(
        PathMapping("/data", "/mnt/data"),
        PathMapping("/data/music/", "/srv/music"),
        PathMapping("D:\\Downloads", "/mnt/d"),
    ),
)


@pytest.mark.parametrize(
    ("remote", "local"),
    [
        ("/data/a/b.flac", "/mnt/data/a/b.flac"),
        ("/data/music/a", "/srv/music/a"),
        ("/database/a", "/database/a"),
        ("/data", "/mnt/data"),
        ("D:\\Downloads\\a\\b.flac", "/mnt/d/a/b.flac"),
    ],
)
def test_the_longest_mapping_that_holds_a_path_translates_it(remote: str, local: str) -> None:
    assert local_path(_CONFIG, remote) == Path(local)


@pytest.mark.parametrize("remote", ["", "a/b", "/data/../etc/passwd", "/data/a\0b", "E:\\other\\a", "\\\\nas\\music"])
def test_a_path_that_leads_nowhere_safe_is_refused(remote: str) -> None:
    with pytest.raises(TorrentClientError):
        local_path(_CONFIG, remote)
