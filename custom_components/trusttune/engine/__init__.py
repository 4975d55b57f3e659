"""The acquisition engine: plain asyncio, never Home Assistant. Engine is its one door."""

from .config import EngineConfig
from .engine import Engine, Snapshot, TicketDetails
from .ports import Ports
from .status import EngineStatus, Problem, ProblemKind

__all__ = ["Engine", "EngineConfig", "EngineStatus", "Ports", "Problem", "ProblemKind", "Snapshot", "TicketDetails"]
