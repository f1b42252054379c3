"""YAML as a map is written in it: a key stands once, and what looks like a day is text."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

_DAYS = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"


class _MapLoader(yaml.SafeLoader):
    """A rule's values are texts, so `constant: 2024-02-30` is one, too: the org's field judges it.
    Of a key that is written twice YAML would keep the last without a word.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the class that it replaces has it
        first: [(tag, form) for tag, form in found if tag != _DAYS]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            word = self.construct_object(key)
            if word in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key `{word}` is written twice, first on line {lines[word]}",
                    problem_mark=key.start_mark,
                )
            lines[word] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def _own_mapping(loader: _MapLoader, node: yaml.MappingNode) -> Any:
    # The parts are there once the whole document is: an anchor may be named within itself.
    found: dict[Hashable, Any] = {}
    yield found
    found.update(loader.construct_mapping(node))


_MapLoader.add_constructor("tag:yaml.org,2002:map", _own_mapping)


def read_yaml(text: str) -> Any:
    """The content of the text; raises yaml.YAMLError, with a mark wherever a place can be told."""
    loader = _MapLoader(text)
    try:
        return loader.get_single_data()
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from None
    finally:
        loader.dispose()
