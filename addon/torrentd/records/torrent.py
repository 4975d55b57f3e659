"""One torrent as torrentd keeps it: libtorrent's handle and status, and what libtorrent does not know."""

import time
from dataclasses import dataclass, field
from typing import Any

import libtorrent as lt

from .contents import Contents

GLOBAL_LIMIT = -2
NO_LIMIT = -1


@dataclass(slots=True, eq=False)
class TorrentRecord:
    """Mutable, owned by the register. The id never changes, even when metadata adds a second hash."""

    torrent_id: str
    save_path: str
    info_hash_v1: str = ""
    info_hash_v2: str = ""
    given_name: str = ""
    magnet_name: str = ""
    category: str = ""
    tags: set[str] = field(default_factory=set)
    added_on: int = field(default_factory=lambda: int(time.time()))
    is_stopped: bool = False
    is_forced: bool = False
    has_first_last_priority: bool = False
    ratio_limit: float = GLOBAL_LIMIT
    seeding_time_limit: int = GLOBAL_LIMIT
    inactive_seeding_time_limit: int = GLOBAL_LIMIT
    is_durable: bool = False
    comment: str = ""
    created_by: str = ""
    trackers: list[str] = field(default_factory=list)

    # From here on nothing is saved.
    handle: lt.torrent_handle | None = None
    status: lt.torrent_status | None = None
    contents: Contents | None = None
    is_flushing: bool = False
    is_checked: bool = False
    are_files_missing: bool = False
    unrenamed: int = 0
    unsaved_since: float | None = None
    is_saving: bool = False
    row: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        if self.given_name:
            return self.given_name
        if self.contents is not None:
            return self.contents.name
        return self.magnet_name or self.torrent_id

    @property
    def is_complete(self) -> bool:
        """Everything wanted is on the disk, and the disk has confirmed it."""
        return self.is_durable and self.contents is not None

    def touch(self) -> None:
        """Forget the row that was built before a change."""
        self.row = None

    def to_json(self) -> dict[str, Any]:
        """Return what the state folder keeps beside libtorrent's resume data."""
        return {
            "id": self.torrent_id,
            "given_name": self.given_name,
            "magnet_name": self.magnet_name,
            "category": self.category,
            "tags": sorted(self.tags),
            "added_on": self.added_on,
            "is_stopped": self.is_stopped,
            "is_forced": self.is_forced,
            "has_first_last_priority": self.has_first_last_priority,
            "ratio_limit": self.ratio_limit,
            "seeding_time_limit": self.seeding_time_limit,
            "inactive_seeding_time_limit": self.inactive_seeding_time_limit,
            "is_durable": self.is_durable,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any], save_path: str) -> "TorrentRecord":
        """Read what `to_json` wrote; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            torrent_id=str(kept["id"]),
            save_path=save_path,
            given_name=str(kept["given_name"]),
            magnet_name=str(kept["magnet_name"]),
            category=str(kept["category"]),
            tags={str(tag) for tag in kept["tags"]},
            added_on=int(kept["added_on"]),
            is_stopped=bool(kept["is_stopped"]),
            is_forced=bool(kept["is_forced"]),
            has_first_last_priority=bool(kept["has_first_last_priority"]),
            ratio_limit=float(kept["ratio_limit"]),
            seeding_time_limit=int(kept["seeding_time_limit"]),
            inactive_seeding_time_limit=int(kept["inactive_seeding_time_limit"]),
            is_durable=bool(kept["is_durable"]),
        )
