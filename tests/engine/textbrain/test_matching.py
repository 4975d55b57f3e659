"""Matching problems: which candidate is first, which are refused, and when a person is asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.config import QualityProfile
from custom_components.trusttune.engine.textbrain.brain import judge_by_heuristics
from custom_components.trusttune.engine.textbrain.candidate import Finding, Verdict
from custom_components.trusttune.engine.textbrain.identity import judge_identity
from custom_components.trusttune.engine.textbrain.release import parse_release
from custom_components.trusttune.engine.textbrain.scoring import BIAS, confidence
from custom_components.trusttune.engine.wanted.album import WantedAlbum

from .problems import listed, release, rows, wanted_album

WANTED = wanted_album({"artist": "Velvet Orbit", "title": "Glasshouse Songs", "year": 2010, "duration_s": 2400})
PROFILE = QualityProfile()


def judge(title: str, profile: QualityProfile = PROFILE, wanted: WantedAlbum = WANTED, **more: Any) -> Any:
    return judge_by_heuristics(wanted, [release(title, **more)], profile)[0]


@pytest.mark.parametrize("row", rows("matches.jsonl"), ids=lambda row: row["id"])
def test_the_right_candidate_is_first_or_all_are_refused(row: dict[str, Any]) -> None:
    judged = judge_by_heuristics(wanted_album(row["wanted"]), listed(row), PROFILE)
    best = judged[0]
    if row["pick"] is None:
        assert [candidate.release.title for candidate in judged if not candidate.is_refused] == []
        assert {candidate.confidence for candidate in judged} == {0.0}
    else:
        assert not best.is_refused, best.explanation
        assert int(best.release.guid) == row["pick"], best.explanation
        assert (best.confidence < 0.9) is bool(row.get("ask")), (best.confidence, best.explanation)


@pytest.mark.parametrize("categories", [(3020,), (3030,), (2000, 2040), (7020,)])
def test_a_category_that_is_not_an_albums_audio_is_refused(categories: tuple[int, ...]) -> None:
    assert judge("Velvet Orbit - Glasshouse Songs (2010) [FLAC]", categories=categories).is_refused


def test_audio_categories_and_a_trackers_own_numbers_are_let_through() -> None:
    title = "Velvet Orbit - Glasshouse Songs (2010) [FLAC]"
    assert not judge(title, categories=(3000, 3040, 100012)).is_refused
    assert not judge(title, categories=(100012,)).is_refused


def test_a_live_recording_passes_only_a_profile_that_allows_it() -> None:
    title = "Velvet Orbit - Glasshouse Songs (Live) (2010) [FLAC]"
    assert judge(title).is_refused
    allowed = judge(title, QualityProfile(allow_live=True))
    assert not allowed.is_refused
    assert allowed.confidence < judge("Velvet Orbit - Glasshouse Songs (2010) [FLAC]").confidence


def test_an_unknown_format_is_asked_about_or_refused_as_the_profile_says() -> None:
    title = "Velvet Orbit - Glasshouse Songs"
    assert 0 < judge(title).confidence < 0.9
    assert judge(title, QualityProfile(allow_unknown_format=False)).is_refused


def test_negative_seeders_are_nobody_and_unknown_ones_are_let_through() -> None:
    title = "Velvet Orbit - Glasshouse Songs (2010) [FLAC]"
    assert judge(title, seeders=-1).is_refused
    assert not judge(title, seeders=None).is_refused


def test_explanations_are_one_plain_sentence() -> None:
    good = judge("Velvet Orbit - Glasshouse Songs (2010) [CD] [FLAC]", seeders=14)
    assert good.explanation == "Same album and artist, FLAC, from CD, 14 seeders."
    assert (
        judge("Other Band - Glasshouse Songs [FLAC]").explanation
        == "Refused: it is by Other Band, not by Velvet Orbit."
    )


def test_confidence_is_the_documented_formula() -> None:
    def findings(*weights: float, check: str = "year") -> list[Finding]:
        return [Finding(check, Verdict.PASSED, "", weight) for weight in weights]

    assert confidence(findings(-BIAS)) == 0.5
    assert confidence(findings(-BIAS + 1, 1)) == pytest.approx(0.8808, abs=1e-4)
    assert confidence([*findings(-BIAS), *findings(99, check="health")]) == 0.5
    assert confidence([*findings(30), Finding("album", Verdict.REFUSED, "")]) == 0.0


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=120))
def test_the_gate_never_raises_and_always_names_a_reason(artist: str, title: str, listed_title: str) -> None:
    findings = judge_identity(WantedAlbum(artist, title), parse_release(listed_title), PROFILE)
    assert findings
    assert all(finding.text for finding in findings)


@given(st.text(alphabet=st.characters(min_codepoint=0x61, max_codepoint=0x7A), min_size=6, max_size=20))
def test_another_artist_never_passes(artist: str) -> None:
    judged = judge(f"{artist} - Glasshouse Songs (2010) [FLAC]")
    assert judged.is_refused or judged.confidence < 0.9
