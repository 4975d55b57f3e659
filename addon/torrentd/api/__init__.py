"""The qBittorrent Web API over aiohttp, one module per group of calls."""
