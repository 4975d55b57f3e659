"""How the world's model judges: words of the wanted album in a candidate's title, and no suspicious ones.

It answers by whatever JSON schema it is given, as a model under constrained decoding does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .lucene import words

_SUSPICIOUS = frozenset({"tribute", "karaoke", "live", "concert", "remix", "instrumental", "cover", "exe", "1080p"})
_AFFIRMATIVE = ("yes", "match", "right", "same", "correct", "accept", "good", "high")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rule says of one candidate; sureness from 0 to 1."""

    index: int
    is_right: bool
    sureness: float
    reason: str


def judge_prompt(prompt: str) -> list[Judgement]:
    """Judge the candidates of a prompt, best first; none when the prompt is not JSON that lists any."""
    try:
        asked = json.loads(prompt)
        wanted, candidates = asked["wanted"], asked["candidates"]
        album = words(str(wanted.get("album") or wanted.get("title") or ""))
        judged = [
            _judge(int(one.get("index", place)), words(str(one["title"])), album, words(str(wanted["artist"])))
            for place, one in enumerate(candidates)
        ]
    except ValueError, KeyError, TypeError, AttributeError:
        return []
    return sorted(judged, key=lambda one: (not one.is_right, -one.sureness, one.index))


def _judge(index: int, title: set[str], album: set[str], artist: set[str]) -> Judgement:
    if suspicious := sorted((title & _SUSPICIOUS) - album - artist):
        return Judgement(index, is_right=False, sureness=0.95, reason=f"The title says {suspicious[0]}")
    if not album <= title:
        return Judgement(index, is_right=False, sureness=0.9, reason="The album's name is not in the title")
    if artist <= title:
        return Judgement(index, is_right=True, sureness=0.92, reason="Artist and album are in the title")
    if all(word.isascii() for word in artist):
        return Judgement(index, is_right=False, sureness=0.8, reason="Another artist")
    return Judgement(index, is_right=True, sureness=0.6, reason="The artist may be written in other letters")


def answer_by_schema(schema: object, judged: Sequence[Judgement]) -> object:
    """Make the value that a JSON schema asks for, out of the judgements."""
    root = schema if isinstance(schema, dict) else {}
    return _value(root, root, "", list(judged))


def _value(schema: dict[str, object], root: dict[str, object], name: str, judged: list[Judgement]) -> object:
    schema = _resolved(schema, root)
    first = judged[0] if judged else Judgement(0, is_right=False, sureness=0.5, reason="Nothing to compare")
    if "const" in schema:
        return schema["const"]
    if isinstance(choices := schema.get("enum"), list) and choices:
        affirmed = [one for one in choices if str(one).casefold().startswith(_AFFIRMATIVE)]
        denied = [one for one in choices if one not in affirmed]
        return (affirmed if first.is_right and affirmed else denied or choices)[0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties")
            members = properties.items() if isinstance(properties, dict) else ()
            return {key: _value(member, root, key, judged) for key, member in members}
        case "array":
            items, most = schema.get("items"), schema.get("maxItems", len(judged))
            listed = judged[: most if isinstance(most, int) else len(judged)]
            return [_value(items if isinstance(items, dict) else {}, root, name, [one]) for one in listed]
        case "boolean":
            return first.is_right
        case "integer":
            return first.index
        case "number":
            most = schema.get("maximum", 1)
            sure = first.sureness if first.is_right or "score" not in name else 1 - first.sureness
            return round(sure * (most if isinstance(most, int | float) else 1), 3)
        case "null":
            return None
        case _:
            longest = schema.get("maxLength", 200)
            return first.reason[: longest if isinstance(longest, int) else 200]


def _resolved(schema: dict[str, object], root: dict[str, object]) -> dict[str, object]:
    """Follow $ref into $defs, take the first of anyOf that is not null, and the first of several types."""
    for _ in range(16):
        if isinstance(target := schema.get("$ref"), str):
            found: object = root
            for part in target.removeprefix("#/").split("/"):
                found = found.get(part, {}) if isinstance(found, dict) else {}
            schema = found if isinstance(found, dict) else {}
        elif isinstance(options := schema.get("anyOf"), list) and options:
            schema = next((one for one in options if one.get("type") != "null"), options[0])
        elif isinstance(kinds := schema.get("type"), list) and kinds:
            schema = schema | {"type": next((one for one in kinds if one != "null"), "null")}
        else:
            break
    return schema
