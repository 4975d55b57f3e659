"""The folders below which torrents may be saved; every save path passes here."""

from collections.abc import Iterable
from pathlib import Path


class OutsideRootsError(ValueError):
    """A save path that leads out of the configured folders."""


class Roots:
    """Resolves save paths. The first folder is the default one."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folder.resolve() for folder in folders)

    @property
    def default(self) -> Path:
        """Where a torrent goes that was not told otherwise."""
        return self._folders[0]

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """Return the real path meant by the text, relative to the base. Touches the disk; raises OutsideRootsError."""
        if not text.strip():
            return base or self.default
        if "\0" in text or len(text.encode(errors="replace")) > 2_000:
            raise OutsideRootsError("This is no path")
        try:
            path = ((base or self.default) / text).resolve()
        except (OSError, RuntimeError, ValueError):
            raise OutsideRootsError("This path cannot be resolved") from None
        if not any(path.is_relative_to(folder) for folder in self._folders):
            raise OutsideRootsError("This path is outside the folders torrentd may write to")
        return path
