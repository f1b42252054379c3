"""Why a component is refused, in the words of the platform."""

from __future__ import annotations


class Problem(Exception):
    """A refused component; `code` is the status code that a CRUD call reports."""

    def __init__(self, message: str, code: str = "FIELD_INTEGRITY_EXCEPTION") -> None:
        self.message = message
        self.code = code
        super().__init__(message)


def must_specify(what: str, kind: str) -> Problem:
    """A setting without which a field type cannot be made."""
    return Problem(f"Must specify '{what}' for a CustomField of type {kind}")


def cannot_specify(what: str, kind: str) -> Problem:
    """A setting that a field type does not have."""
    return Problem(f"Can not specify '{what}' for a CustomField of type {kind}")
