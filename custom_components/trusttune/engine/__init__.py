"""The acquisition engine: plain asyncio, never Home Assistant."""
