"""One table of the names that qBittorrent 4.x and 5.x give to a torrent's state."""

from collections.abc import Mapping
from typing import Any, Final

from .client import Progress, Torrent

PROGRESS: Final[Mapping[str, Progress]] = {
    "error": Progress.BROKEN,
    "missingFiles": Progress.BROKEN,
    "allocating": Progress.CHECKING,
    "checkingResumeData": Progress.CHECKING,
    "checkingDL": Progress.CHECKING,
    "checkingUP": Progress.CHECKING,
    "unknown": Progress.CHECKING,
    "moving": Progress.MOVING,
    "metaDL": Progress.METADATA,
    "forcedMetaDL": Progress.METADATA,
    "downloading": Progress.DOWNLOADING,
    "forcedDL": Progress.DOWNLOADING,
    "stalledDL": Progress.STALLED,
    "queuedDL": Progress.QUEUED,
    "stoppedDL": Progress.STOPPED,
    "pausedDL": Progress.STOPPED,  # 4.x
    "uploading": Progress.COMPLETE,
    "forcedUP": Progress.COMPLETE,
    "stalledUP": Progress.COMPLETE,
    "queuedUP": Progress.COMPLETE,
    "stoppedUP": Progress.COMPLETE,
    "pausedUP": Progress.COMPLETE,  # 4.x
}


def torrent_of(info_hash: str, fields: Mapping[str, Any]) -> Torrent:
    """Read one torrent out of its merged `sync/maindata` fields; what is not there is 0 or empty."""
    # A name of a version to come decides nothing: wait, as for a check.
    state = PROGRESS.get(_text(fields, "state"), Progress.CHECKING)
    if state is Progress.COMPLETE and _number(fields, "amount_left") != 0:
        state = Progress.DOWNLOADING
    progress = fields.get("progress")
    return Torrent(
        info_hash=info_hash,
        name=_text(fields, "name"),
        progress=min(max(float(progress), 0.0), 1.0) if isinstance(progress, int | float) else 0.0,
        state=state,
        tags=frozenset(tag for part in _text(fields, "tags").split(",") if (tag := part.strip())),
        save_path=_text(fields, "save_path"),
        content_path=_text(fields, "content_path"),
        size_bytes=max(_number(fields, "size"), 0),
        completed_bytes=max(_number(fields, "completed"), 0),
        download_bps=max(_number(fields, "dlspeed"), 0),
        upload_bps=max(_number(fields, "upspeed"), 0),
        seeds=max(_number(fields, "num_seeds"), _number(fields, "num_complete"), 0),
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return int(value) if isinstance(value, int | float) and value == value and abs(value) < 2**63 else 0
