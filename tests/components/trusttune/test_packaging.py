"""What Home Assistant and HACS read of the integration: manifest, translations, icons, blueprints, layers."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import homeassistant.components
import pytest
import yaml
from homeassistant.components.blueprint.models import Blueprint, BlueprintInputs
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.components.script.config import async_validate_config_item as async_validate_script
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement

from custom_components.trusttune import event, flow_forms, services
from custom_components.trusttune.engine import errors as engine_errors
from custom_components.trusttune.engine.config import BrainMode, IndexerKind
from custom_components.trusttune.engine.status import ProblemKind
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.tickets.ticket import Priority
from custom_components.trusttune.errors import error_key

ROOT = Path(__file__).parents[3]
INTEGRATION = ROOT / "custom_components" / "trusttune"
TEXTS: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())
ICONS: dict[str, Any] = json.loads((INTEGRATION / "icons.json").read_text())
MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((INTEGRATION / "services.yaml").read_text())


def test_the_engine_never_imports_home_assistant() -> None:
    forbidden = {"homeassistant", "voluptuous", "probatio"}
    for module in (INTEGRATION / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                parents = len(module.relative_to(INTEGRATION / "engine").parts)
                assert node.level <= parents, f"{module} imports from above the engine"
            assert not {name.split(".")[0] for name in names} & forbidden, module


def test_our_requirements_include_what_core_pins() -> None:
    ours = {each.name.lower(): each for each in map(Requirement, MANIFEST["requirements"])}
    pins = 0
    for manifest in Path(homeassistant.components.__path__[0]).glob("*/manifest.json"):
        for text in json.loads(manifest.read_text()).get("requirements", []):
            theirs = Requirement(text)
            if (mine := ours.get(theirs.name.lower())) is None:
                continue
            for pin in theirs.specifier:
                pins += 1
                assert mine.specifier.contains(pin.version), f"{manifest.parent.name} pins {text}, we want {mine}"
    assert pins >= 4


def test_the_manifest_is_in_order_and_asks_for_what_the_project_asks_for() -> None:
    keys = list(MANIFEST)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {Requirement(each).name for each in MANIFEST["requirements"]} == {
        Requirement(each).name for each in project["dependency-groups"]["runtime"]
    }
    assert MANIFEST["version"] == project["project"]["version"]


def test_every_action_and_field_has_words_and_an_icon() -> None:
    assert set(SERVICES) == set(TEXTS["services"]) == set(ICONS["services"]) == set(services.Action)
    for name, action in SERVICES.items():
        words = TEXTS["services"][name]
        assert words["name"]
        assert words["description"]
        assert set(action["fields"]) == set(words["fields"])
        for field in words["fields"].values():
            assert field["name"]
            assert field["description"]


def test_the_actions_files_and_schemas_name_the_same_fields() -> None:
    schemas = {
        "request_album": services.REQUEST_ALBUM_SCHEMA,
        "search": services.SEARCH_SCHEMA,
        "approve": services.APPROVE_SCHEMA,
        "reject": services.REJECT_SCHEMA,
        "cancel": services.TICKET_SCHEMA,
        "retry": services.TICKET_SCHEMA,
        "force_search": services.TICKET_SCHEMA,
        "force_magnet": services.FORCE_MAGNET_SCHEMA,
        "get_tickets": services.GET_TICKETS_SCHEMA,
        "scan_now": services.SCAN_NOW_SCHEMA,
    }
    for name, schema in schemas.items():
        assert {str(marker) for marker in schema.schema} == set(SERVICES[name]["fields"])
    assert set(SERVICES["get_tickets"]["fields"]["states"]["selector"]["select"]["options"]) == set(State)


def test_every_entity_has_a_name_and_an_icon() -> None:
    keys: dict[str, set[str]] = {}
    for platform in ("binary_sensor", "button", "event", "sensor", "switch", "todo"):
        source = (INTEGRATION / f"{platform}.py").read_text()
        keys[platform] = set(re.findall(r"translation_key *= *\"(\w+)\"", source)) - {"approvals_only_check_off"}
        assert keys[platform] == set(TEXTS["entity"][platform]) == set(ICONS["entity"][platform])
    words = TEXTS["entity"]["event"]["tickets"]["state_attributes"]["event_type"]["state"]
    assert set(words) == set(event.EVENT_TYPES)


def test_every_error_problem_and_choice_has_words() -> None:
    kinds = [each for each in vars(engine_errors).values() if isinstance(each, type)]
    for kind in kinds:
        error = kind("x", 1.0) if kind is engine_errors.RateLimitedError else kind("x")
        assert error_key(error) in TEXTS["exceptions"]
    used = set(re.findall(r'translation_key="(\w+)"', "".join(_sources("todo.py", "coordinator.py"))))
    assert used - {"approvals"} <= set(TEXTS["exceptions"])
    assert set(TEXTS["issues"]) == set(ProblemKind)
    assert set(TEXTS["selector"]["brain_mode"]["options"]) == set(BrainMode)
    assert set(TEXTS["selector"]["indexer_kind"]["options"]) == set(IndexerKind)
    assert set(TEXTS["selector"]["priority"]["options"]) == set(Priority)
    assert set(TEXTS["selector"]["states"]["options"]) == set(State)


@pytest.mark.parametrize(
    ("form", "step"),
    [
        (flow_forms.CLIENT_FORM, TEXTS["config"]["step"]["user"]),
        (flow_forms.SERVICES_FORM, TEXTS["config"]["step"]["services"]),
        (flow_forms.NEW_LIBRARY_FORM, TEXTS["config"]["step"]["library"]),
        (flow_forms.OPTIONS_FORM, TEXTS["options"]["step"]["init"]),
        (flow_forms.INDEXER_FORM, TEXTS["config_subentries"]["indexer"]["step"]["user"]),
        (flow_forms.INDEXER_FORM, TEXTS["config_subentries"]["indexer"]["step"]["reconfigure"]),
        (flow_forms.BANDWIDTH_RULE_FORM, TEXTS["config_subentries"]["bandwidth_rule"]["step"]["user"]),
        (flow_forms.BANDWIDTH_RULE_FORM, TEXTS["config_subentries"]["bandwidth_rule"]["step"]["reconfigure"]),
    ],
)
def test_every_field_of_a_form_is_named_and_described(form: Any, step: dict[str, Any]) -> None:
    names = {str(marker) for marker in form.schema}
    for section in step.get("sections", {}):
        names.remove(section)
        inner = {
            str(marker) for marker in next(form.schema[key] for key in form.schema if key == section).schema.schema
        }
        words = step["sections"][section]
        assert inner == set(words["data"]) == set(words["data_description"])
    assert names == set(step["data"]) == set(step["data_description"])


def test_every_error_of_a_form_has_words() -> None:
    found = set(re.findall(r'\.add\([^"]*(?:"\w+", )?"(\w+)"', "".join(_sources("flow_forms.py", "*_flow*.py"))))
    assert {"mapping_incomplete", "name_needed", "quiet_hours_incomplete", "local_folder_missing"} <= found
    known = {
        *TEXTS["config"]["error"],
        *TEXTS["options"]["error"],
        *TEXTS["config_subentries"]["indexer"]["error"],
        *TEXTS["config_subentries"]["bandwidth_rule"]["error"],
    }
    assert found - {"base"} <= known


def test_all_rules_of_the_quality_scale_are_stated() -> None:
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert len(rules) == 54
    for rule in rules.values():
        assert rule == "done" or (rule["status"] in {"done", "todo", "exempt"} and rule["comment"])


async def test_the_blueprint_for_the_voice_is_a_script(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "script", {})
    path = ROOT / "blueprints" / "script" / "trusttune" / "request_by_voice.yaml"
    blueprint = Blueprint(load_yaml_dict(path), expected_domain="script", schema=BLUEPRINT_SCHEMA)
    filled = BlueprintInputs(blueprint, {"use_blueprint": {"path": path.name, "input": {}}})
    filled.validate()
    config = await async_validate_script(hass, "voice", filled.async_substitute())
    assert config is not None
    assert config.validation_error is None


def _sources(*patterns: str) -> Iterator[str]:
    for pattern in patterns:
        for path in INTEGRATION.glob(pattern):
            yield path.read_text()


def test_no_text_has_an_address_in_it() -> None:
    assert "://" not in json.dumps(TEXTS), "addresses come as placeholders, so that translators cannot change them"
