"""The calls under `torrents` about categories and tags."""

import asyncio
import re

from ..records.names import clean_text
from ..records.roots import OutsideRootsError
from ..records.sync import categories_reply
from .call import WRITE, ApiError, Call, Endpoint, Reply

MAX_NAME_CHARACTERS = 200
_CATEGORY = re.compile(r"[^\\/]([^\\/]|/(?=[^\\/]))*")


def is_category_name(name: str) -> bool:
    """Tell whether this can name a category: no backslash, no empty part."""
    return len(name) <= MAX_NAME_CHARACTERS and clean_text(name) == name and _CATEGORY.fullmatch(name) is not None


def split_tags(text: str) -> frozenset[str]:
    """Return the tags of a comma separated list."""
    tags = (clean_text(tag).strip()[:MAX_NAME_CHARACTERS] for tag in text.split(","))
    return frozenset(tag for tag in tags if tag)


async def categories(call: Call) -> Reply:
    """`torrents/categories`."""
    return dict(categories_reply(call.register.preferences.categories))


async def create_category(call: Call) -> Reply:
    """`torrents/createCategory`."""
    (name,) = call.required("category")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    if not is_category_name(name):
        raise ApiError(409, "Incorrect category name")
    known = call.register.preferences.categories
    if name in known:
        raise ApiError(409, "Unable to create category")
    known[name] = await _category_path(call, "Unable to create category")
    await call.register.save_preferences()
    return None


async def edit_category(call: Call) -> Reply:
    """`torrents/editCategory`."""
    name, _ = call.required("category", "savePath")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    if name not in call.register.preferences.categories:
        raise ApiError(409, "Unable to edit category")
    call.register.preferences.categories[name] = await _category_path(call, "Unable to edit category")
    await call.register.save_preferences()
    return None


async def remove_categories(call: Call) -> Reply:
    """`torrents/removeCategories`: one a line; torrents in them lose it."""
    (names,) = call.required("categories")
    gone = set(names.split("\n")) & call.register.preferences.categories.keys()
    for name in gone:
        del call.register.preferences.categories[name]
    for record in list(call.register.records):
        if record.category in gone:
            record.category = ""
            await call.register.save_record(record)
    await call.register.save_preferences()
    return None


async def set_category(call: Call) -> Reply:
    """`torrents/setCategory`: an empty name takes it away."""
    _, name = call.required("hashes", "category")
    if name and name not in call.register.preferences.categories:
        raise ApiError(409, "Incorrect category name")
    for record in call.torrents():
        record.category = name
        await call.register.save_record(record)
    return None


async def tags(call: Call) -> Reply:
    """`torrents/tags`."""
    return [*sorted(call.register.preferences.tags)]


async def create_tags(call: Call) -> Reply:
    """`torrents/createTags`."""
    (names,) = call.required("tags")
    call.register.preferences.tags |= split_tags(names)
    await call.register.save_preferences()
    return None


async def delete_tags(call: Call) -> Reply:
    """`torrents/deleteTags`: torrents that carry them lose them."""
    (names,) = call.required("tags")
    gone = split_tags(names)
    call.register.preferences.tags -= gone
    for record in list(call.register.records):
        if record.tags & gone:
            record.tags -= gone
            await call.register.save_record(record)
    await call.register.save_preferences()
    return None


async def add_tags(call: Call) -> Reply:
    """`torrents/addTags`."""
    _, names = call.required("hashes", "tags")
    new = split_tags(names)
    for record in call.torrents():
        record.tags |= new
        await call.register.save_record(record)
    call.register.preferences.tags |= new
    await call.register.save_preferences()
    return None


async def remove_tags(call: Call) -> Reply:
    """`torrents/removeTags`: without names all of them."""
    (_,) = call.required("hashes")
    gone = split_tags(call.get("tags"))
    for record in call.torrents():
        record.tags -= gone or set(record.tags)
        await call.register.save_record(record)
    return None


async def _category_path(call: Call, refusal: str) -> str:
    path = call.get("savePath")
    if not path:
        return ""
    try:
        return str(await asyncio.to_thread(call.services.roots.resolve, path))
    except OutsideRootsError:
        raise ApiError(409, refusal) from None


ENDPOINTS = {
    "categories": Endpoint(categories),
    "createCategory": Endpoint(create_category, WRITE),
    "editCategory": Endpoint(edit_category, WRITE),
    "removeCategories": Endpoint(remove_categories, WRITE),
    "setCategory": Endpoint(set_category, WRITE),
    "tags": Endpoint(tags),
    "createTags": Endpoint(create_tags, WRITE),
    "deleteTags": Endpoint(delete_tags, WRITE),
    "addTags": Endpoint(add_tags, WRITE),
    "removeTags": Endpoint(remove_tags, WRITE),
}
