"""References in composite calls: `@{ref.records[0].Id}` stands for a value of an earlier answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"@\{([^{}]*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_HEAD = re.compile(r"[A-Za-z0-9_]+")


class ReferenceMissing(Exception):
    """Nothing has that name or that path in the answers so far; the text is the org's."""


def fill(value: Any, answers: Mapping[str, Any]) -> Any:
    """`value` with every reference in it replaced; a text that is one reference keeps its type.

    Raises ReferenceMissing.
    """
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _find(whole[1], answers)
        return _REFERENCE.sub(lambda m: _text(_find(m[1], answers)), value)
    if isinstance(value, list):
        return [fill(item, answers) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, answers) for key, item in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _find(path: str, answers: Mapping[str, Any]) -> Any:
    head = _HEAD.match(path)
    name = head[0] if head else path
    missing = ReferenceMissing(f"Invalid reference specified. No value for {path} found in {name}.")
    if head is None or name not in answers:
        raise missing
    value = answers[name]
    place = head.end()
    while place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            raise missing
        if step[1] is not None and isinstance(value, dict) and step[1] in value:
            value = value[step[1]]
        elif step[2] is not None and isinstance(value, list) and int(step[2]) < len(value):
            value = value[int(step[2])]
        else:
            raise missing
        place = step.end()
    if value is None or isinstance(value, dict | list):
        raise missing
    return value
