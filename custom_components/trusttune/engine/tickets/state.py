"""The states of a ticket and the one table of moves between them; only the orchestrator moves tickets."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a ticket stands."""

    PENDING = "pending"
    ACQUIRING = "acquiring"
    ACQUISITION_FAILED = "acquisition_failed"
    NEEDS_APPROVAL = "needs_approval"
    AUTO_APPROVED = "auto_approved"
    APPROVED = "approved"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    CONVERTING = "converting"
    PLACING = "placing"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DRY_RUN_COMPLETE = "dry_run_complete"


_S = State

ALLOWED: Mapping[State, frozenset[State]] = {
    _S.PENDING: frozenset({_S.ACQUIRING, _S.APPROVED, _S.CANCELLED, _S.FAILED}),
    _S.ACQUIRING: frozenset(
        {
            _S.ACQUISITION_FAILED,
            _S.NEEDS_APPROVAL,
            _S.AUTO_APPROVED,
            _S.DRY_RUN_COMPLETE,
            _S.CANCELLED,
            _S.FAILED,
        }
    ),
    _S.ACQUISITION_FAILED: frozenset({_S.PENDING, _S.APPROVED, _S.CANCELLED}),
    _S.NEEDS_APPROVAL: frozenset({_S.APPROVED, _S.PENDING, _S.REJECTED, _S.CANCELLED}),
    _S.AUTO_APPROVED: frozenset({_S.DOWNLOADING, _S.ACQUIRING, _S.CANCELLED, _S.FAILED}),
    _S.APPROVED: frozenset({_S.DOWNLOADING, _S.ACQUIRING, _S.CANCELLED, _S.FAILED}),
    # A stalled or refused download is quarantined and the next candidate is looked for.
    _S.DOWNLOADING: frozenset({_S.VERIFYING, _S.ACQUIRING, _S.CANCELLED, _S.FAILED}),
    _S.VERIFYING: frozenset({_S.CONVERTING, _S.ACQUIRING, _S.CANCELLED, _S.FAILED}),
    _S.CONVERTING: frozenset({_S.PLACING, _S.CANCELLED, _S.FAILED}),
    # Placing takes a moment and rolls itself back: there is nothing to cancel in between.
    _S.PLACING: frozenset({_S.COMPLETED, _S.FAILED}),
    # The last safe state: where retry goes back to.
    _S.FAILED: frozenset({_S.PENDING, _S.APPROVED, _S.DOWNLOADING, _S.VERIFYING, _S.PLACING, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.DRY_RUN_COMPLETE: frozenset(),
}

SAFE_STATE: Mapping[State, State] = {
    _S.PENDING: _S.PENDING,
    _S.ACQUIRING: _S.PENDING,
    _S.AUTO_APPROVED: _S.APPROVED,
    _S.APPROVED: _S.APPROVED,
    _S.DOWNLOADING: _S.DOWNLOADING,
    _S.VERIFYING: _S.VERIFYING,
    _S.CONVERTING: _S.VERIFYING,
    _S.PLACING: _S.PLACING,
}
"""For each state that can fail, where a retry takes the work up again."""

TERMINAL: frozenset[State] = frozenset(state for state, following in ALLOWED.items() if not following)


def is_allowed(current: State, following: State) -> bool:
    """Whether the table lets a ticket move from one state to the other."""
    return following in ALLOWED[current]
