"""How a query is refused: Salesforce's code, its sentence and, where it has one, the caret."""

from __future__ import annotations

import re

# Observed window of the quoted text: about thirty characters to each side, then whole words.
_WINDOW = 30

NAME_HINT = " Please reference your WSDL or the describe call for the appropriate names."


class SoqlError(Exception):
    """A refused query; `code` is the errorCode, `message` the whole text a client sees."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


def at(code: str, soql: str, pos: int, sentence: str) -> SoqlError:
    r"""An error that quotes the query around `pos`, with a caret under it.

    The text starts with a line feed and names row and column, both counted from 1.
    """
    pos = min(pos, len(soql))
    row = soql.count("\n", 0, pos) + 1
    line_start = soql.rfind("\n", 0, pos) + 1
    line_end = soql.find("\n", pos)
    line = soql[line_start : line_end if line_end >= 0 else len(soql)]
    column = pos - line_start
    start = max(0, column - _WINDOW)
    while start > 0 and not re.match(r"[\s,]", line[start - 1]):
        start -= 1
    end = min(len(line), column + _WINDOW)
    while end < len(line) and not re.match(r"[\s,]", line[end]):
        end += 1
    caret = " " * (column - start) + "^"
    place = f"ERROR at Row:{row}:Column:{column + 1}"
    return SoqlError(code, f"\n{line[start:end]}\n{caret}\n{place}\n{sentence}")


def no_such_column(soql: str, pos: int, name: str, entity: str) -> SoqlError:
    """A field that does not exist or that the user may not see: the two are told alike."""
    return at(
        "INVALID_FIELD",
        soql,
        pos,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom "
        f"field, be sure to append the '__c' after the custom field name.{NAME_HINT}",
    )


def unsupported_type(soql: str, pos: int, name: str) -> SoqlError:
    """An sObject that does not exist or cannot be queried."""
    return at(
        "INVALID_TYPE",
        soql,
        pos,
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
        f"be sure to append the '__c' after the entity name.{NAME_HINT}",
    )


def unknown_relationship(soql: str, pos: int, name: str, *, child: bool) -> SoqlError:
    """A relationship name that leads nowhere, in a field path or in a subquery's FROM."""
    where = "FROM part of query call" if child else "field path"
    return at(
        "INVALID_TYPE" if child else "INVALID_FIELD",
        soql,
        pos,
        f"Didn't understand relationship '{name}' in {where}. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship "
        f"name.{NAME_HINT}",
    )


def malformed(message: str) -> SoqlError:
    """A query whose parts do not go together."""
    return SoqlError("MALFORMED_QUERY", message)
