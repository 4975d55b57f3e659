"""The preferences that torrentd really has, in qBittorrent's names, and what is kept of them.

A name is here only when setting it changes something, or when it tells a fixed truth.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..options import Options
from ..session.settings import CONNECTIONS_LIMIT

RATE_STEP = 1_024


def whole_rate(limit_bps: int) -> int:
    """Round a limit as qBittorrent does: whole KiB, at least one unless unlimited (0)."""
    return 0 if limit_bps <= 0 else max(RATE_STEP, limit_bps // RATE_STEP * RATE_STEP)


@dataclass(slots=True)
class Preferences:
    """Settable over the API and kept over a restart. Rates are bytes per second, 0 unlimited; times are minutes."""

    dl_limit: int = 0
    up_limit: int = 0
    alt_dl_limit: int = 10_240
    alt_up_limit: int = 10_240
    is_alternative_on: bool = False
    max_ratio: float = -1
    max_seeding_time: int = -1
    max_inactive_seeding_time: int = -1
    max_connec: int = CONNECTIONS_LIMIT
    alltime_download: int = 0
    alltime_upload: int = 0
    categories: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)

    @property
    def download_limit(self) -> int:
        """The limit in force."""
        return self.alt_dl_limit if self.is_alternative_on else self.dl_limit

    @property
    def upload_limit(self) -> int:
        """The limit in force."""
        return self.alt_up_limit if self.is_alternative_on else self.up_limit

    def set_download_limit(self, limit_bps: int) -> None:
        """Change whichever of the two limits is in force."""
        if self.is_alternative_on:
            self.alt_dl_limit = whole_rate(limit_bps)
        else:
            self.dl_limit = whole_rate(limit_bps)

    def set_upload_limit(self, limit_bps: int) -> None:
        """Change whichever of the two limits is in force."""
        if self.is_alternative_on:
            self.alt_up_limit = whole_rate(limit_bps)
        else:
            self.up_limit = whole_rate(limit_bps)

    def update(self, wanted: dict[str, Any]) -> None:
        """Apply what a client sent; unknown names and values of another type are ignored, as qBittorrent does."""
        for name, setter in _SETTERS.items():
            value = wanted.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53:
                setter(self, value)
        for switch, name in _SWITCHES.items():
            if wanted.get(switch) is False:
                setattr(self, name, -1)

    def to_bytes(self) -> bytes:
        """Return what the state folder keeps."""
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps(kept | {"tags": sorted(self.tags)}, indent=1).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Preferences":
        """Read what `to_bytes` wrote; raises ValueError or TypeError when it is something else."""
        kept = json.loads(raw)
        if not isinstance(kept, dict):
            raise TypeError("preferences must be an object")
        known = {name: value for name, value in kept.items() if name in cls.__dataclass_fields__}
        known["tags"] = {str(tag) for tag in known.get("tags", [])}
        known["categories"] = {str(name): str(path) for name, path in dict(known.get("categories", {})).items()}
        return cls(**known)


def _rate(name: str) -> Callable[[Preferences, float], None]:
    return lambda preferences, value: setattr(preferences, name, whole_rate(int(value)))


def _limit(name: str, kind: type) -> Callable[[Preferences, float], None]:
    return lambda preferences, value: setattr(preferences, name, kind(value) if value >= 0 else -1)


_SETTERS: dict[str, Callable[[Preferences, float], None]] = {
    "dl_limit": _rate("dl_limit"),
    "up_limit": _rate("up_limit"),
    "alt_dl_limit": _rate("alt_dl_limit"),
    "alt_up_limit": _rate("alt_up_limit"),
    "max_ratio": _limit("max_ratio", float),
    "max_seeding_time": _limit("max_seeding_time", int),
    "max_inactive_seeding_time": _limit("max_inactive_seeding_time", int),
    "max_connec": lambda preferences, value: setattr(preferences, "max_connec", min(max(int(value), 2), 5_000)),
}
_SWITCHES = {
    "max_ratio_enabled": "max_ratio",
    "max_seeding_time_enabled": "max_seeding_time",
    "max_inactive_seeding_time_enabled": "max_inactive_seeding_time",
}


def preferences_reply(preferences: Preferences, options: Options, save_path: Path, port: int) -> dict[str, Any]:
    """Return the reply of `app/preferences`: what is true of torrentd, nothing else."""
    return {
        "add_stopped_enabled": False,
        "alt_dl_limit": preferences.alt_dl_limit,
        "alt_up_limit": preferences.alt_up_limit,
        "anonymous_mode": False,
        "async_io_threads": 4,
        "auto_tmm_enabled": False,
        "bypass_local_auth": False,
        "dht": options.is_dht_on,
        "disk_queue_size": 1 << 20,
        "dl_limit": preferences.dl_limit,
        "enable_embedded_tracker": False,
        "file_pool_size": 40,
        "hashing_threads": 1,
        "incomplete_files_ext": False,
        "limit_lan_peers": True,
        "lsd": options.is_lsd_on,
        "max_connec": preferences.max_connec,
        "max_inactive_seeding_time": preferences.max_inactive_seeding_time,
        "max_inactive_seeding_time_enabled": preferences.max_inactive_seeding_time >= 0,
        "max_ratio": preferences.max_ratio,
        # Stop, and only stop: Lidarr refuses a client that would remove torrents by itself.
        "max_ratio_act": 0,
        "max_ratio_enabled": preferences.max_ratio >= 0,
        "max_seeding_time": preferences.max_seeding_time,
        "max_seeding_time_enabled": preferences.max_seeding_time >= 0,
        "pex": True,
        "preallocate_all": False,
        "queueing_enabled": False,
        "save_path": str(save_path),
        "scheduler_enabled": False,
        "ssrf_mitigation": True,
        "temp_path_enabled": False,
        "torrent_content_layout": "Original",
        "torrent_file_size_limit": 10 << 20,
        "up_limit": preferences.up_limit,
        "upnp": options.is_upnp_on,
        "use_category_paths_in_manual_mode": False,
        "use_subcategories": False,
        "validate_https_tracker_certificate": True,
        "web_ui_ban_duration": 3_600,
        "web_ui_csrf_protection_enabled": True,
        "web_ui_max_auth_fail_count": 5,
        "web_ui_port": port,
        "web_ui_session_timeout": 3_600,
        "web_ui_username": options.username,
    }
