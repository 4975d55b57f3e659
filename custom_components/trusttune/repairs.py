"""What is wrong, where a person looks: a problem of the engine is a repair issue until it is solved."""

import logging

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .coordinator import TrustTuneConfigEntry
from .engine import Problem, ProblemKind

_LOGGER = logging.getLogger(__name__)

_REFUSED = {ProblemKind.CLIENT_CREDENTIALS, ProblemKind.LIDARR_CREDENTIALS, ProblemKind.JELLYFIN_CREDENTIALS}


class ProblemIssues:
    """Keeps the issues of an entry the same as the problems in its status."""

    def __init__(self, hass: HomeAssistant, entry: TrustTuneConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._open: dict[str, Problem] = {}

    def listen(self) -> CALLBACK_TYPE:
        """Follow the status; the answer ends it and takes the issues away."""
        unsubscribe = self._entry.runtime_data.status.async_add_listener(self._compare)
        self._compare()

        def stop() -> None:
            unsubscribe()
            for issue_id in self._open:
                ir.async_delete_issue(self._hass, DOMAIN, issue_id)

        return stop

    @callback
    def _compare(self) -> None:
        problems = {
            f"{self._entry.entry_id}_{problem.kind}_{problem.subject}": problem
            for problem in self._entry.runtime_data.status.data.problems
        }
        for issue_id in self._open.keys() - problems.keys():
            _LOGGER.info("%s: well again", self._open[issue_id].subject)
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        for issue_id, problem in problems.items():
            if self._open.get(issue_id) == problem:
                continue
            if issue_id not in self._open:
                self._appeared(problem)
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING if problem.kind is ProblemKind.INDEXER else ir.IssueSeverity.ERROR,
                translation_key=problem.kind.value,
                translation_placeholders={"subject": problem.subject, "message": problem.message},
            )
        self._open = problems

    def _appeared(self, problem: Problem) -> None:
        _LOGGER.warning("%s: %s", problem.subject, problem.message)
        if problem.kind in _REFUSED:
            self._entry.async_start_reauth(self._hass)
