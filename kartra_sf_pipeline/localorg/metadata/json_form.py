"""Components as the JSON of the Tooling API: what `Metadata` holds, and back to elements."""

from __future__ import annotations

from typing import Any

from kartra_sf_pipeline.localorg.metadata.markup import Element, add, local, node
from kartra_sf_pipeline.localorg.metadata.problems import Problem

# Elements that may come more than once, and are a list even when there is one.
_LISTS = frozenset(
    {
        "actionOverrides",
        "customPermissions",
        "customValue",
        "fieldPermissions",
        "objectPermissions",
        "picklistValues",
        "recordTypeVisibilities",
        "standardValue",
        "userPermissions",
        "value",
        "valueSettings",
        "values",
    }
)
_NUMBERS = frozenset(
    {
        "activeVersionNumber",
        "length",
        "precision",
        "probability",
        "relationshipOrder",
        "scale",
        "startingNumber",
        "visibleLines",
    }
)
# The name of a value of a picklist, in XML and in JSON.
_XML_NAME, _JSON_NAME = "fullName", "valueName"


def to_json(element: Element) -> dict[str, Any]:
    """The content of a component's element; its own full name is told beside it."""
    return {k: v for k, v in _object(element).items() if k != _JSON_NAME}


def _object(element: Element) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in element:
        name = _JSON_NAME if local(part) == _XML_NAME else local(part)
        value = _object(part) if len(part) else _scalar(name, part.text or "")
        if name in _LISTS:
            out.setdefault(name, []).append(value)
        elif name in out:
            held = out[name]
            out[name] = [*held, value] if isinstance(held, list) else [held, value]
        else:
            out[name] = value
    return out


def _scalar(name: str, value: str) -> Any:
    if value in {"true", "false"}:
        return value == "true"
    if name in _NUMBERS and value.lstrip("-").isdigit():
        return int(value)
    return value or None


def to_element(kind: str, full_name: str, body: dict[str, Any]) -> Element:
    """The element that a `Metadata` object describes.

    Raises:
        Problem: when it is no object.

    """
    root = node(kind)
    add(root, "fullName", full_name)
    _fill(root, body)
    return root


def _fill(parent: Element, body: Any) -> None:
    if not isinstance(body, dict):
        raise Problem("The Metadata field must be an object", "JSON_PARSER_ERROR")
    for key, value in body.items():
        if value is None or key in {"attributes", "urls"}:
            continue
        name = _XML_NAME if key == _JSON_NAME else key
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _fill(add(parent, name), item)
            elif item is not None:
                add(parent, name, item)
