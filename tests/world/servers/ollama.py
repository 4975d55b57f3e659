"""Ollama, with a model that follows a simple rule instead of weights (ollama_rule.py)."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Middleware

from .ollama_rule import answer_by_schema, judge_prompt

type Json = dict[str, object]

_SIZE_BYTES = 2_019_393_189


class OllamaServer:
    """One Ollama. `model` is there; `pullable` can be had by /api/pull. `said` overrides the next answers.

    Texts put into `said` are given once each, first in first out, whatever was asked: a model talking nonsense.
    """

    name = "ollama"

    def __init__(self) -> None:
        self.url = ""
        self.model = "world-judge:latest"
        self.pullable = "world-tiny:latest"
        self.said: list[str] = []
        self._installed = {self.model}
        self._loaded: dict[str, datetime] = {}

    def listen_at(self, base_url: str) -> None:
        """Learn the address."""
        self.url = base_url

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=middlewares, client_max_size=16 * 1024**2)
        app.router.add_get("/", self._root)
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/api/ps", self._running)
        app.router.add_post("/api/show", self._show)
        app.router.add_post("/api/pull", self._pull)
        app.router.add_post("/api/chat", self._chat)
        return app

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "0.12.6"})

    async def _tags(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [_described(name) for name in sorted(self._installed)]})

    async def _running(self, _: web.Request) -> web.Response:
        now = datetime.now(UTC)
        models = [
            _described(name) | {"expires_at": until.isoformat(), "size_vram": 0, "context_length": 4096}
            for name, until in self._loaded.items()
            if until > now
        ]
        return web.json_response({"models": models})

    async def _show(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name = self._known(body)
        if name is None:
            return _not_found(body)
        details = _described(name)["details"]
        shown = {"modelfile": "", "parameters": "", "template": "", "details": details, "model_info": {}}
        return web.json_response(shown | {"capabilities": ["completion"]})

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        name = _full_name(body)
        if name not in {*self._installed, self.pullable}:
            return await _lines(request, body, [{"error": "pull model manifest: file does not exist"}])
        digest = _described(name)["digest"]
        self._installed.add(name)
        steps: list[Json] = [{"status": "pulling manifest"}]
        for part in (0, 1, 2):
            done = _SIZE_BYTES * part // 2
            steps.append({"status": f"pulling {digest}", "digest": digest, "total": _SIZE_BYTES, "completed": done})
        steps += [{"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}]
        return await _lines(request, body, steps)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        name = self._known(body)
        if name is None:
            return _not_found(body)
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            return web.json_response({"error": "invalid messages"}, status=400)
        self._loaded[name] = datetime.now(UTC) + timedelta(minutes=5)
        prompt = next((str(one.get("content", "")) for one in reversed(messages) if one.get("role") == "user"), "")
        content = self.said.pop(0) if self.said else _answer(prompt, body.get("format"))
        answer: Json = {
            "model": name,
            "created_at": datetime.now(UTC).isoformat(),
            "message": {"role": "assistant", "content": content},
            "done": True,
            "done_reason": "stop",
            "total_duration": 41_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": len(prompt.split()),
            "prompt_eval_duration": 20_000_000,
            "eval_count": len(content.split()),
            "eval_duration": 20_000_000,
        }
        if body.get("stream", True) is False:
            return web.json_response(answer)
        part = {"model": name, "created_at": answer["created_at"], "message": answer["message"], "done": False}
        end = answer | {"message": {"role": "assistant", "content": ""}}
        return await _lines(request, body, [part, end])

    def _known(self, body: Json) -> str | None:
        name = _full_name(body)
        return name if name in self._installed else None


def _answer(prompt: str, schema: object) -> str:
    judged = judge_prompt(prompt)
    if isinstance(schema, dict):
        return json.dumps(answer_by_schema(schema, judged))
    if schema == "json":
        return json.dumps({str(one.index): one.reason for one in judged})
    return "; ".join(one.reason for one in judged) or "There is nothing to compare."


def _full_name(body: Json) -> str:
    name = str(body.get("model") or body.get("name") or "")
    return name if ":" in name else f"{name}:latest"


def _described(name: str) -> Json:
    details = {"format": "gguf", "family": "rule", "families": ["rule"], "parameter_size": "3.2B"}
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-01-05T10:00:00Z",
        "size": _SIZE_BYTES,
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "details": details | {"parent_model": "", "quantization_level": "Q4_K_M"},
    }


def _not_found(body: Json) -> web.Response:
    return web.json_response({"error": f"model '{body.get('model')}' not found"}, status=404)


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        error = json.dumps({"error": "invalid character in the body"})
        raise web.HTTPBadRequest(text=error, content_type="application/json")
    return body


async def _lines(request: web.Request, body: Json, lines: list[Json]) -> web.StreamResponse:
    """Answer in JSON lines, or with the last of them when no stream was asked for."""
    if body.get("stream", True) is False:
        return web.json_response(lines[-1], status=500 if "error" in lines[-1] else 200)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    for line in lines:
        await response.write(json.dumps(line).encode() + b"\n")
    await response.write_eof()
    return response
