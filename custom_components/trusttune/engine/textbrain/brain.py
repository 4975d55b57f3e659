"""Judges the releases found for a wanted album: gate, score, and a language model where the household wants one.

The model can lower a confidence and order equals. It never lifts a refusal, never raises a confidence, and so never
approves by itself; when it is away or talks nonsense the heuristics stand and a note says so.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..config import BrainConfig, BrainMode, QualityProfile
from ..errors import LlmError
from ..indexers.release import IndexedRelease
from ..wanted.album import WantedAlbum
from .candidate import Candidate, FileMapping, Finding, Verdict
from .identity import judge_identity
from .llm import MAX_CANDIDATES, Judge, LlmOpinion
from .release import parse_release
from .scoring import confidence, coverage_finding, preference, score

MODEL_CHECK = "language model"
_MODEL_SAYS_NO = 0.3
"""A candidate the model takes for something else keeps at most this confidence: a person decides."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every release judged, the best first and refused ones last; notes are for the journal."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()


class Brain:
    """Judges releases as the household configured it."""

    def __init__(self, config: BrainConfig, profile: QualityProfile, llm: Judge | None = None) -> None:
        """Without `llm` every mode is the heuristics, and modes that want a model say so in a note."""
        self._config = config
        self._profile = profile
        self._llm = llm

    async def judge(self, wanted: WantedAlbum, releases: Sequence[IndexedRelease]) -> Judgement:
        """Judge releases in a worker thread, then ask the model if the mode wants it. Never raises for a release."""
        ranked = await asyncio.to_thread(judge_by_heuristics, wanted, tuple(releases), self._profile)
        passed = [candidate for candidate in ranked if not candidate.is_refused]
        if not passed or not self._wants_model(passed):
            return Judgement(ranked)
        if self._llm is None:
            return Judgement(ranked, ("No language model is configured; the heuristics judged alone.",))
        asked = passed[:MAX_CANDIDATES]
        try:
            opinion = await self._llm.judge(wanted, asked)
        except LlmError as error:
            return Judgement(ranked, (f"The heuristics judged alone: {error}",))
        heard, order = _hear(asked, opinion)
        rest = ranked[len(asked) :]
        alone = self._config.mode is BrainMode.LLM_ONLY
        judged = sorted(
            [*heard, *rest],
            key=lambda candidate: standing(candidate, order.get(candidate.release, len(asked)), by_model=alone),
        )
        return Judgement(tuple(judged), (f"The language model was asked about {len(asked)} candidates.",))

    def _wants_model(self, passed: Sequence[Candidate]) -> bool:
        match self._config.mode:
            case BrainMode.HEURISTICS_ONLY:
                return False
            case BrainMode.HEURISTICS_FIRST:
                best = passed[0]
                equals = [other for other in passed[1:] if _class(other) == _class(best)]
                return best.confidence < self._config.auto_approve_threshold or bool(equals)
            case BrainMode.LLM_FIRST | BrainMode.LLM_ONLY:
                return True


def judge_by_heuristics(
    wanted: WantedAlbum, releases: Sequence[IndexedRelease], profile: QualityProfile
) -> tuple[Candidate, ...]:
    """Judge each release by gate and score, the best first, refused ones last. CPU work: call it off the event loop."""
    judged = [_judge_one(wanted, release, profile) for release in releases]
    return tuple(sorted(judged, key=standing))


def with_mapping(candidate: Candidate, mapping: FileMapping, wanted: WantedAlbum) -> Candidate:
    """Give the candidate with its file list known: findings, confidence and explanation are made again."""
    findings = [finding for finding in candidate.findings if finding.check != "tracks"]
    if wanted.tracks or not mapping.files:
        findings.append(coverage_finding(mapping))
    else:
        text = f"{len(mapping.files)} numbered tracks were found; the wanted track list is not known."
        findings.append(Finding("tracks", Verdict.PASSED, text))
    return replace(
        candidate,
        findings=tuple(findings),
        mapping=mapping,
        confidence=confidence(findings),
        explanation=explain(findings),
    )


def explain(findings: Sequence[Finding]) -> str:
    """One plain sentence: the reason of a refusal, or what was found and what speaks against it."""
    refusals = [finding for finding in findings if finding.verdict is Verdict.REFUSED]
    if refusals:
        # "A tribute by others" tells more than the artist's name that follows from it.
        telling = min(refusals, key=lambda finding: finding.check not in {"kind", "content"})
        return f"Refused: {_lower_first(telling.text)}"
    by_check = {finding.check: finding for finding in findings}
    exact = all(by_check[check].verdict is Verdict.GOOD for check in ("artist", "album") if check in by_check)
    parts = ["same album and artist"] if exact and "album" in by_check else []
    said = ("artist", "album", "format", "source", "health", "tracks") if not exact else (
        "format", "source", "health", "tracks")  # fmt: skip
    parts += [_clause(by_check[check]) for check in said if check in by_check]
    doubts = [
        _clause(finding)
        for finding in findings
        if finding.verdict is Verdict.POOR and finding.check not in {*said, "format is said"}
    ]
    sentence = ", ".join(part for part in parts if part)
    if doubts:
        sentence += f"; but {', '.join(doubts)}"
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _judge_one(wanted: WantedAlbum, release: IndexedRelease, profile: QualityProfile) -> Candidate:
    parsed = parse_release(release.title)
    findings = (*judge_identity(wanted, parsed, profile), *score(wanted, release, parsed, profile))
    return Candidate(
        release=release,
        confidence=confidence(findings),
        findings=findings,
        explanation=explain(findings),
        format=parsed.format,
    )


def _class(candidate: Candidate) -> tuple[bool, int, int]:
    """Give what makes candidates equals: one tier of confidence and one preference but for seeders."""
    tier = 0 if candidate.confidence >= 0.9 else 1 if candidate.confidence >= 0.6 else 2
    return candidate.is_refused, tier, -round(preference(candidate.findings))


def standing(
    candidate: Candidate, model_order: int = 0, *, by_model: bool = False
) -> tuple[bool, int, int, int, float, float, str]:
    """Give the sort key, best smallest: refused last, then tier of confidence, then preference, then the fine print.

    `model_order` is where the language model placed it: among equals, or with `by_model` before preference.
    """
    refused, tier, liked = _class(candidate)
    middle = (model_order, liked) if by_model else (liked, model_order)
    fine = -preference(candidate.findings)
    return refused, tier, *middle, fine, -candidate.confidence, candidate.release.guid


def _hear(asked: Sequence[Candidate], opinion: LlmOpinion) -> tuple[list[Candidate], dict[IndexedRelease, int]]:
    """Apply an opinion: confidences may only fall. Also gives the place in which the model listed each release."""
    heard = list(asked)
    order: dict[IndexedRelease, int] = {}
    for place, verdict in enumerate(opinion.verdicts):
        if not 0 <= verdict.index < len(asked):
            continue
        candidate = asked[verdict.index]
        order[candidate.release] = place
        ceiling = verdict.confidence if verdict.is_right else min(verdict.confidence, _MODEL_SAYS_NO)
        if not math.isfinite(ceiling) or ceiling >= candidate.confidence:
            finding = Finding(MODEL_CHECK, Verdict.PASSED, "The language model agrees.")
        else:
            weight = _log_odds(max(ceiling, 0.01)) - _log_odds(candidate.confidence)
            doubt = "doubts it" if verdict.is_right else "takes it for something else"
            finding = Finding(MODEL_CHECK, Verdict.POOR, f"The language model {doubt}: {verdict.reason}", weight)
        findings = (*candidate.findings, finding)
        heard[verdict.index] = replace(
            candidate, findings=findings, confidence=confidence(findings), explanation=explain(findings)
        )
    return heard, order


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


def _clause(finding: Finding) -> str:
    return _lower_first(finding.text).rstrip(".")


def _lower_first(text: str) -> str:
    """Lower the first letter unless the word is a name of a format such as FLAC."""
    return text if text[1:2].isupper() or text[1:2].isdecimal() else text[:1].lower() + text[1:]
