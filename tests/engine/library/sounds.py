"""Makes small real audio files with ffmpeg."""

import asyncio
from pathlib import Path


async def make_sound(path: Path, seconds: float = 4.0, *, tone_hz: int = 440) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", "-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i",
        f"sine=f={tone_hz}:d={seconds},volume=0.5", "-ac", "2", str(path),
    )  # fmt: skip
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    return path
