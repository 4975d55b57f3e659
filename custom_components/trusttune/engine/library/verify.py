"""Checks the files of a finished download before they are placed: there, whole, decodable and of the right length."""

import asyncio
import contextlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..wanted.album import WantedAlbum

DURATION_TOLERANCE_S = 3.0
DURATION_TOLERANCE_SHARE = 0.05
_PARALLEL_DECODES = 2
_MAX_ERROR_BYTES = 4096
_FORGIVEN_COMPLAINTS = 2
# Containers of music only: a playlist or a script of another format could make ffmpeg open other files.
_FORMATS = "flac,mp3,ogg,mov,wav,aiff,ape,wv,asf,aac,tta,dsf,w64,caf"


class Check(StrEnum):
    """What is checked of each track's file."""

    FILE = "file"
    SIZE = "size"
    DECODE = "decode"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class TrackFinding:
    """What one check says about one track's file."""

    check: Check
    is_sound: bool
    text: str


@dataclass(frozen=True, slots=True)
class TrackReport:
    """All findings about the file of one track; `duration_s` is what decoding it really gave."""

    disc: int
    number: int
    file: str
    findings: tuple[TrackFinding, ...]
    duration_s: float | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether no check speaks against the file."""
        return all(finding.is_sound for finding in self.findings)


@dataclass(frozen=True, slots=True)
class TrustReport:
    """What verification found. `is_decoded` is false when ffmpeg was absent; `note` then says so."""

    tracks: tuple[TrackReport, ...]
    is_decoded: bool
    note: str = ""

    @property
    def is_trusted(self) -> bool:
        """Whether there are tracks and no check that was made speaks against any of them."""
        return bool(self.tracks) and all(track.is_trusted for track in self.tracks)

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if problems := self.problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            return f"{problems[0]}{more}"
        if not self.tracks:
            return "There is no file to check."
        return self.note or f"All {len(self.tracks)} files are whole."

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values for the journal."""
        return {
            "is_trusted": self.is_trusted,
            "is_decoded": self.is_decoded,
            "note": self.note,
            "tracks": [
                {
                    "disc": track.disc,
                    "number": track.number,
                    "file": track.file,
                    "duration_s": track.duration_s,
                    "findings": [
                        {"check": finding.check.value, "is_sound": finding.is_sound, "text": finding.text}
                        for finding in track.findings
                    ],
                }
                for track in self.tracks
            ],
        }

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on what speaks against the files."""
        return tuple(
            f"Track {track.disc}-{track.number}: {finding.text}"
            for track in self.tracks
            for finding in track.findings
            if not finding.is_sound
        )


async def verify_album(
    wanted: WantedAlbum,
    files: Mapping[tuple[int, int], Path],
    *,
    root: Path | None = None,
    expected_sizes: Mapping[tuple[int, int], int] | None = None,
    track_timeout_s: float = 300.0,
    ffmpeg: str = "ffmpeg",
) -> TrustReport:
    """Check each track's file, two decodes at a time, and report; a bad file is a finding, never an exception.

    `root` is the folder the files must lie in after links are resolved; without it a link is refused.
    `expected_sizes` are the sizes in bytes that the torrent promised. Durations are compared with the wanted
    track's within 3 s or 5 %, whichever is more.
    """
    durations = {(track.disc, track.number): track.duration_s for track in wanted.tracks}
    slots = asyncio.Semaphore(_PARALLEL_DECODES)
    has_ffmpeg = await _is_there(ffmpeg)

    async def verify(place: tuple[int, int], file: Path) -> TrackReport:
        async with slots:
            expected = (expected_sizes or {}).get(place)
            findings = await asyncio.to_thread(_check_file, file, root, expected)
            duration = None
            if has_ffmpeg and all(finding.is_sound for finding in findings):
                duration, decoding = await _decode(ffmpeg, file, track_timeout_s)
                findings.append(decoding)
                if duration is not None and (wanted_s := durations.get(place)):
                    findings.append(_compare(duration, wanted_s))
        return TrackReport(*place, file.name, tuple(findings), duration)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(verify(place, file)) for place, file in sorted(files.items())]
    note = "" if has_ffmpeg else "ffmpeg is not installed: the files were only checked for existence and size."
    return TrustReport(tuple(task.result() for task in tasks), has_ffmpeg, note)


def _check_file(file: Path, root: Path | None, expected_size: int | None) -> list[TrackFinding]:
    try:
        if root is None and file.is_symlink():
            return [TrackFinding(Check.FILE, False, "The file is a link.")]
        resolved = file.resolve(strict=True)
        if root is not None and not resolved.is_relative_to(root.resolve()):
            return [TrackFinding(Check.FILE, False, "The file leads out of the download's folder.")]
        status = resolved.stat()
    except OSError, RuntimeError, ValueError:
        return [TrackFinding(Check.FILE, False, "The file is not there or cannot be read.")]
    if not stat.S_ISREG(status.st_mode):
        return [TrackFinding(Check.FILE, False, "It is not a regular file.")]
    there = TrackFinding(Check.FILE, True, "The file is there.")
    if status.st_size == 0:
        return [there, TrackFinding(Check.SIZE, False, "The file is empty.")]
    if expected_size is not None and status.st_size != expected_size:
        text = f"The file has {status.st_size:,} bytes instead of {expected_size:,}."
        return [there, TrackFinding(Check.SIZE, False, text)]
    return [there, TrackFinding(Check.SIZE, True, f"{status.st_size:,} bytes.")]


def _compare(duration_s: float, wanted_s: float) -> TrackFinding:
    tolerance = max(DURATION_TOLERANCE_S, wanted_s * DURATION_TOLERANCE_SHARE)
    is_sound = abs(duration_s - wanted_s) <= tolerance
    text = f"It lasts {duration_s:.1f} s" + ("." if is_sound else f" where {wanted_s:.1f} s were expected.")
    return TrackFinding(Check.DURATION, is_sound, text)


async def _is_there(ffmpeg: str) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            ffmpeg, "-version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    try:
        async with asyncio.timeout(20):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        await _end(process)


async def _decode(ffmpeg: str, file: Path, timeout_s: float) -> tuple[float | None, TrackFinding]:
    """Decode the whole first audio stream: its duration in seconds, and whether nothing was broken."""
    process = await asyncio.create_subprocess_exec(
        ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1",
        "-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS, "-i", f"file:{file}",
        "-map", "0:a:0", "-f", "null", "-",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(timeout_s):
            progress, complaints, code = await asyncio.gather(
                _tail(process.stdout), _tail(process.stderr), process.wait()
            )
    except TimeoutError:
        return None, TrackFinding(Check.DECODE, False, f"Decoding did not end within {timeout_s:g} s.")
    finally:
        await _end(process)
    duration = _last_time(progress)
    # Players' tags at the end of an MP3 are read as one broken frame; a broken recording has many.
    forgiven = _FORGIVEN_COMPLAINTS if file.suffix.lower() == ".mp3" else 0
    if code != 0 or len(complaints.strip().splitlines()) > forgiven:
        return duration, TrackFinding(Check.DECODE, False, "It cannot be decoded without errors.")
    if not duration:
        return None, TrackFinding(Check.DECODE, False, "There is no sound in it.")
    return duration, TrackFinding(Check.DECODE, True, "It decodes without errors.")


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end and keep only the last bytes, however much a broken file makes ffmpeg say."""
    kept = b""
    while chunk := await stream.read(65536):
        kept = (kept + chunk)[-_MAX_ERROR_BYTES:]
    return kept


def _last_time(progress: bytes) -> float | None:
    for line in reversed(progress.decode(errors="replace").splitlines()):
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.strip().isdecimal():
            return int(value) / 1_000_000
    return None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave no process behind, whatever happened, cancellation included."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())
