"""A torrent's state in qBittorrent 5.1's words, and the filters that select by it."""

from enum import StrEnum

import libtorrent as lt

from .torrent import TorrentRecord

_States = lt.torrent_status


class State(StrEnum):
    """The values of the field `state`."""

    ERROR = "error"
    MISSING_FILES = "missingFiles"
    UPLOADING = "uploading"
    STOPPED_UP = "stoppedUP"
    STALLED_UP = "stalledUP"
    CHECKING_UP = "checkingUP"
    FORCED_UP = "forcedUP"
    DOWNLOADING = "downloading"
    META_DL = "metaDL"
    FORCED_META_DL = "forcedMetaDL"
    STOPPED_DL = "stoppedDL"
    STALLED_DL = "stalledDL"
    CHECKING_DL = "checkingDL"
    FORCED_DL = "forcedDL"
    CHECKING_RESUME_DATA = "checkingResumeData"
    MOVING = "moving"


STOPPED = frozenset({State.STOPPED_DL, State.STOPPED_UP})
BROKEN = frozenset({State.ERROR, State.MISSING_FILES})
SEEDING = frozenset({State.UPLOADING, State.STALLED_UP, State.CHECKING_UP, State.FORCED_UP})
COMPLETED = SEEDING | {State.STOPPED_UP}
DOWNLOADING = frozenset(
    {
        State.DOWNLOADING,
        State.META_DL,
        State.FORCED_META_DL,
        State.STALLED_DL,
        State.CHECKING_DL,
        State.STOPPED_DL,
        State.FORCED_DL,
    }
)
CHECKING = frozenset({State.CHECKING_DL, State.CHECKING_UP, State.CHECKING_RESUME_DATA})


def state_of(record: TorrentRecord) -> State:
    """Return the state; a torrent whose last bytes are not confirmed on disk is still downloading."""
    status = record.status
    if status is None:
        return State.CHECKING_RESUME_DATA
    if record.are_files_missing:
        return State.MISSING_FILES
    if status.errc.value() != 0:
        return State.ERROR
    if status.moving_storage:
        return State.MOVING
    if record.is_stopped and not (status.state == _States.checking_files and not status.paused):
        return State.STOPPED_UP if record.is_complete else State.STOPPED_DL
    if status.state == _States.checking_resume_data:
        return State.CHECKING_RESUME_DATA
    if status.state in (_States.checking_files, _States.queued_for_checking):
        return State.CHECKING_UP if record.is_complete else State.CHECKING_DL
    if record.contents is None:
        return State.FORCED_META_DL if record.is_forced else State.META_DL
    if record.is_complete:
        if record.is_forced:
            return State.FORCED_UP
        return State.UPLOADING if status.upload_payload_rate > 0 else State.STALLED_UP
    if record.is_forced:
        return State.FORCED_DL
    # Finished but not yet confirmed on disk counts as moving bytes.
    return State.DOWNLOADING if status.download_payload_rate > 0 or status.is_finished else State.STALLED_DL


def passes(name: str, state: State, rates: tuple[int, int]) -> bool:
    """Tell whether a torrent belongs to `filter=name`; unknown names mean all, as in qBittorrent."""
    download_bps, upload_bps = rates
    match name:
        case "downloading":
            return state in DOWNLOADING
        case "seeding":
            return state in SEEDING
        case "completed":
            return state in COMPLETED
        case "stopped":
            return state in STOPPED
        case "running":
            return state not in STOPPED and state not in BROKEN
        case "active":
            return download_bps > 0 or upload_bps > 0 or state in (State.META_DL, State.FORCED_META_DL)
        case "inactive":
            return not passes("active", state, rates)
        case "stalled":
            return state in (State.STALLED_UP, State.STALLED_DL)
        case "stalled_uploading":
            return state is State.STALLED_UP
        case "stalled_downloading":
            return state is State.STALLED_DL
        case "checking":
            return state in CHECKING
        case "moving":
            return state is State.MOVING
        case "errored":
            return state in BROKEN
        case _:
            return True
