"""Merging what changed gives the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.torrents.client import Progress
from custom_components.trusttune.engine.torrents.maindata import MainData
from custom_components.trusttune.engine.torrents.progress import PROGRESS, torrent_of

type State = dict[str, dict[str, int]]

_fields = st.dictionaries(st.sampled_from(["state", "dlspeed", "tags"]), st.integers(0, 3), min_size=1)
# A client's torrents always have the same fields; here those a state leaves out are 0.
_states = st.dictionaries(st.sampled_from("abcd"), _fields.map(lambda f: {"state": 0, "dlspeed": 0, "tags": 0, **f}))


def _delta(rid: int, before: State, after: State) -> dict[str, Any]:
    """Say what changed, as the client does: nothing of what stayed the same."""
    changed = {
        info_hash: different
        for info_hash, fields in after.items()
        if (different := {k: v for k, v in fields.items() if before.get(info_hash, {}).get(k) != v})
    }
    delta: dict[str, Any] = {"rid": rid}
    if changed:
        delta["torrents"] = changed
    if removed := sorted(before.keys() - after.keys()):
        delta["torrents_removed"] = removed
    return delta


@given(st.lists(st.tuples(_states, st.booleans())))
def test_merged_deltas_equal_the_full_state(steps: list[tuple[State, bool]]) -> None:
    main = MainData()
    before: State = {}
    for rid, (after, is_full) in enumerate(steps, 1):
        main.merge(
            {"rid": rid, "full_update": True, "torrents": after} if is_full else _delta(rid, before, after),
        )
        before = after
        assert {info_hash: dict(fields) for info_hash, fields in main.torrents.items()} == after
        assert main.rid == rid


@pytest.mark.parametrize(
    "junk",
    [{}, {"rid": "1"}, {"rid": 1, "torrents": []}, {"rid": 1, "torrents": {"a": 1}}, {"rid": 1, "server_state": 3}],
)
def test_an_answer_that_is_none_changes_nothing(junk: dict[str, Any]) -> None:
    main = MainData()
    main.merge({"rid": 5, "full_update": True, "torrents": {"a": {"state": "downloading"}}})
    if junk.get("torrents") == []:
        junk = {**junk, "torrents": ["a"]}
    with pytest.raises(ValueError, match="sync/maindata"):
        main.merge({**junk, "full_update": True})
    assert main.rid == 5
    assert "a" in main.torrents


@pytest.mark.parametrize("state", [name for name, progress in PROGRESS.items() if progress is Progress.COMPLETE])
def test_a_torrent_with_bytes_left_is_never_complete(state: str) -> None:
    assert torrent_of("a", {"state": state, "amount_left": 0}).state is Progress.COMPLETE
    assert torrent_of("a", {"state": state, "amount_left": 1}).state is not Progress.COMPLETE


@pytest.mark.parametrize("state", ["moving", "checkingUP", "checkingResumeData", "a state of 2031", None])
def test_nothing_left_is_not_complete_while_files_move_or_are_checked(state: str | None) -> None:
    assert torrent_of("a", {"state": state, "amount_left": 0, "progress": 1}).state is not Progress.COMPLETE


@given(
    st.dictionaries(
        st.sampled_from(["state", "progress", "tags", "size", "amount_left", "num_seeds"]), st.from_type(object)
    )
)
def test_reading_a_torrent_never_raises(fields: dict[str, Any]) -> None:
    torrent = torrent_of("a", fields)
    assert 0 <= torrent.progress <= 1
    assert torrent.size_bytes >= 0
