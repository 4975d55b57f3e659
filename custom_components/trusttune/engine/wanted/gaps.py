"""What the household lacks: what Lidarr misses, less what Jellyfin plays and Lidarr is fetching."""

from .album import WantedAlbum
from .jellyfin import JellyfinLibrary
from .lidarr import LidarrLibrary


async def find_gaps(lidarr: LidarrLibrary, jellyfin: JellyfinLibrary | None) -> tuple[WantedAlbum, ...]:
    """Give the missing albums, without tracks, each once. Raises EngineError when either cannot be asked."""
    present = await jellyfin.albums() if jellyfin is not None else None
    queued = await lidarr.queued_album_ids()
    gaps: dict[str, WantedAlbum] = {}
    async for album in lidarr.missing_albums():
        if album.lidarr_album_id in queued or (present is not None and present.has(album)):
            continue
        gaps.setdefault(album.key, album)
    return tuple(gaps.values())
