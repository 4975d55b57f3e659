"""Where a path of the torrent client's machine lies on ours."""

import re
from pathlib import Path, PurePosixPath

from ..config import ClientConfig
from ..errors import TorrentClientError


def local_path(config: ClientConfig, remote: str) -> Path:
    """Translate a path by the longest mapping that holds it; without one it is the same here.

    Raises TorrentClientError for a path that is relative, climbs with `..` or is not one at all.
    """
    steps = _steps(remote)
    found: tuple[int, Path] | None = None
    for mapping in config.path_mappings:
        prefix = _steps(mapping.remote)
        if steps[: len(prefix)] == prefix and (found is None or len(prefix) > found[0]):
            found = len(prefix), Path(mapping.local, *steps[len(prefix) :])
    if found is not None:
        return found[1]
    if not PurePosixPath(remote).is_absolute():
        raise TorrentClientError("The torrent client's folder needs a path mapping: it is not a path of this machine.")
    return Path(remote)


def _steps(remote: str) -> tuple[str, ...]:
    """Split an absolute path of a POSIX or Windows machine."""
    if re.match(r"[A-Za-z]:[\\/]|\\\\", remote):
        remote = "/" + remote.replace("\\", "/").lstrip("/")
    path = PurePosixPath(remote)
    if not path.is_absolute() or ".." in path.parts or "\0" in remote:
        raise TorrentClientError("The torrent client names a folder that is not an absolute path.")
    return path.parts[1:]
