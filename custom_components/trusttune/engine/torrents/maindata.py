"""The client's `sync/maindata`: answers that hold only what changed, merged back into the whole."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class MainData:
    """What the client last said, whole; `rid` is what to send for the next change.

    A delta names changed fields of torrents and of the server's state, and the hashes that are
    gone; one with `full_update` replaces everything (the first, and those after a lost session).
    """

    def __init__(self) -> None:
        self.rid = 0
        self._torrents: dict[str, dict[str, Any]] = {}
        self._server: dict[str, Any] = {}

    @property
    def torrents(self) -> Mapping[str, Mapping[str, Any]]:
        """Every torrent's fields by its hash."""
        return MappingProxyType(self._torrents)

    @property
    def server(self) -> Mapping[str, Any]:
        """The fields of `server_state`."""
        return MappingProxyType(self._server)

    def merge(self, delta: Mapping[str, Any]) -> None:
        """Take in one answer. Raises ValueError, and changes nothing, when it is not one."""
        rid: Any = delta.get("rid")
        torrents = delta.get("torrents") or {}
        removed = delta.get("torrents_removed") or ()
        server = delta.get("server_state") or {}
        is_sound = (
            isinstance(rid, int)
            and isinstance(torrents, Mapping)
            and all(isinstance(fields, Mapping) for fields in torrents.values())
            and isinstance(removed, list | tuple)
            and isinstance(server, Mapping)
        )
        if not is_sound:
            raise ValueError("not an answer of sync/maindata")
        if delta.get("full_update") is True:
            self._torrents, self._server = {}, {}
        # A torrent that was removed and came back between two answers is in both: it is there.
        for info_hash in removed:
            self._torrents.pop(info_hash, None)
        for info_hash, fields in torrents.items():
            self._torrents.setdefault(info_hash, {}).update(fields)
        self._server.update(server)
        self.rid = rid
