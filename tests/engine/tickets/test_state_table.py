"""The one table of transitions, read whole."""

from custom_components.trusttune.engine.tickets.state import ALLOWED, SAFE_STATE, TERMINAL, State, is_allowed


def test_every_state_has_its_row() -> None:
    assert set(ALLOWED) == set(State)


def test_every_state_can_be_reached_from_pending() -> None:
    reached, frontier = {State.PENDING}, {State.PENDING}
    while frontier:
        frontier = set().union(*(ALLOWED[state] for state in frontier)) - reached
        reached |= frontier
    assert reached == set(State)


def test_from_every_open_state_a_ticket_can_come_to_an_end() -> None:
    ending = set(TERMINAL)
    while more := {state for state in State if state not in ending and ALLOWED[state] & ending}:
        ending |= more
    assert ending == set(State)


def test_only_ended_tickets_are_terminal() -> None:
    assert {State.COMPLETED, State.REJECTED, State.CANCELLED, State.DRY_RUN_COMPLETE} == TERMINAL


def test_what_can_fail_has_a_safe_state_that_retry_may_go_back_to() -> None:
    can_fail = {state for state in State if is_allowed(state, State.FAILED)}
    assert set(SAFE_STATE) == can_fail
    assert all(is_allowed(State.FAILED, safe) for safe in SAFE_STATE.values())


def test_nothing_is_downloaded_that_nobody_approved() -> None:
    assert {state for state in State if is_allowed(state, State.DOWNLOADING)} == {
        State.APPROVED,
        State.AUTO_APPROVED,
        State.FAILED,  # whose retry goes back to a download that was approved
    }


def test_nothing_is_placed_that_was_not_verified() -> None:
    assert {state for state in State if is_allowed(state, State.PLACING)} == {State.CONVERTING, State.FAILED}
    assert {state for state in State if is_allowed(state, State.CONVERTING)} == {State.VERIFYING}
