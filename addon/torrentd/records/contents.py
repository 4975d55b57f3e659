"""What a torrent consists of once its metadata is known, with the names it really has on disk."""

from collections.abc import Mapping
from dataclasses import dataclass

import libtorrent as lt

from .names import clean_text, safe_paths


@dataclass(frozen=True, slots=True)
class ContentFile:
    """One file that a person sees; the native index also counts padding files."""

    native_index: int
    path: str
    size_bytes: int
    offset_bytes: int
    first_piece: int
    last_piece: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything fixed about a torrent with metadata."""

    name: str
    files: tuple[ContentFile, ...]
    native_count: int
    total_bytes: int
    piece_bytes: int
    pieces: int
    is_private: bool
    info_hash_v1: str
    info_hash_v2: str
    creation_date: int

    @property
    def root(self) -> str:
        """The one folder all files share, or nothing."""
        roots = {file.path.split("/", 1)[0] for file in self.files}
        has_folders = all("/" in file.path for file in self.files)
        return roots.pop() if has_folders and len(roots) == 1 else ""

    @property
    def top(self) -> str:
        """The file or folder under the save path that is the content; nothing when there are several."""
        return self.files[0].path if len(self.files) == 1 and "/" not in self.files[0].path else self.root


def renames_of(metadata: lt.torrent_info, existing: Mapping[int, str] | None = None) -> dict[int, str]:
    """Return the new names, by native index, that make every file of the torrent safe."""
    layout = metadata.layout()
    current = [(existing or {}).get(index, layout.file_path(index)) for index in range(layout.num_files())]
    return {
        index: safe
        for index, (path, safe) in enumerate(zip(current, safe_paths(current), strict=True))
        if path != safe or index in (existing or {})
    }


def contents_of(metadata: lt.torrent_info, renames: Mapping[int, str]) -> Contents:
    """Return the contents as they will be on disk."""
    layout = metadata.layout()
    hashes = metadata.info_hashes()
    files = []
    for index in range(layout.num_files()):
        if layout.file_flags(index) & lt.file_storage.flag_pad_file:
            continue
        size = layout.file_size(index)
        offset = layout.file_offset(index)
        first = min(offset // metadata.piece_length(), max(0, metadata.num_pieces() - 1))
        last = (offset + size - 1) // metadata.piece_length() if size else first
        files.append(ContentFile(index, renames.get(index, layout.file_path(index)), size, offset, first, last))
    return Contents(
        name=clean_text(metadata.name()) or "_",
        files=tuple(files),
        native_count=layout.num_files(),
        total_bytes=metadata.total_size(),
        piece_bytes=metadata.piece_length(),
        pieces=metadata.num_pieces(),
        is_private=bool(metadata.priv()),
        info_hash_v1=str(hashes.v1) if hashes.has_v1() else "",
        info_hash_v2=str(hashes.v2) if hashes.has_v2() else "",
        creation_date=int(metadata.creation_date()) or -1,
    )
