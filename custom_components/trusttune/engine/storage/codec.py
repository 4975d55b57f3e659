"""Wanted albums and candidates as JSON texts, and back."""

import json
from typing import Any

from ..indexers.release import IndexedRelease
from ..textbrain.candidate import Candidate, FileMapping, Finding, Verdict
from ..wanted.album import WantedAlbum, WantedTrack


def wanted_to_dict(wanted: WantedAlbum) -> dict[str, Any]:
    """Give a wanted album as plain values."""
    return {
        "artist": wanted.artist,
        "title": wanted.title,
        "year": wanted.year,
        "album_type": wanted.album_type,
        "tracks": [[track.disc, track.number, track.title, track.duration_s] for track in wanted.tracks],
        "artist_aliases": list(wanted.artist_aliases),
        "release_group_id": wanted.release_group_id,
        "lidarr_album_id": wanted.lidarr_album_id,
    }


def encode_wanted(wanted: WantedAlbum) -> str:
    """Give a wanted album as JSON."""
    return json.dumps(wanted_to_dict(wanted), ensure_ascii=False)


def decode_wanted(text: str) -> WantedAlbum:
    """Read what encode_wanted wrote."""
    values = json.loads(text)
    values["tracks"] = tuple(WantedTrack(*track) for track in values["tracks"])
    values["artist_aliases"] = tuple(values["artist_aliases"])
    return WantedAlbum(**values)


def position_text(position: tuple[int, int]) -> str:
    """Write a (disc, track number) the way people and JSON see it: `1-4`."""
    return f"{position[0]}-{position[1]}"


def read_position(text: str) -> tuple[int, int]:
    """Read what position_text wrote."""
    disc, number = text.split("-")
    return int(disc), int(number)


def mapping_to_dict(mapping: FileMapping | None) -> dict[str, Any] | None:
    """Give a file mapping as plain values."""
    if mapping is None:
        return None
    return {
        "files": {position_text(position): index for position, index in mapping.files.items()},
        "missing": [position_text(position) for position in mapping.missing],
    }


def findings_to_list(candidate: Candidate) -> list[dict[str, Any]]:
    """Give a candidate's findings as plain values."""
    return [
        {"check": finding.check, "verdict": finding.verdict.value, "text": finding.text, "weight": finding.weight}
        for finding in candidate.findings
    ]


def encode_candidate(candidate: Candidate) -> str:
    """Give a candidate as JSON; with its link, so the text stays inside the private database."""
    release = candidate.release
    return json.dumps(
        {
            "release": {
                "indexer_id": release.indexer_id,
                "guid": release.guid,
                "title": release.title,
                "link": release.link,
                "size_bytes": release.size_bytes,
                "seeders": release.seeders,
                "info_hash": release.info_hash,
                "categories": list(release.categories),
                "licence": release.licence,
            },
            "confidence": candidate.confidence,
            "findings": findings_to_list(candidate),
            "explanation": candidate.explanation,
            "format": candidate.format,
            "mapping": mapping_to_dict(candidate.mapping),
        },
        ensure_ascii=False,
    )


def decode_candidate(text: str) -> Candidate:
    """Read what encode_candidate wrote."""
    values = json.loads(text)
    release = values["release"]
    release["categories"] = tuple(release["categories"])
    mapping = values["mapping"]
    return Candidate(
        release=IndexedRelease(**release),
        confidence=values["confidence"],
        findings=tuple(
            Finding(finding["check"], Verdict(finding["verdict"]), finding["text"], finding["weight"])
            for finding in values["findings"]
        ),
        explanation=values["explanation"],
        format=values["format"],
        mapping=mapping
        and FileMapping(
            {read_position(position): index for position, index in mapping["files"].items()},
            tuple(read_position(position) for position in mapping["missing"]),
        ),
    )
