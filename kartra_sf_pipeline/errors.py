"""What may go wrong, split by whose move is next.

PipelineError
├── UserError          the user can mend it: exit code 2, one message, no traceback
│   ├── ExportError    an export file or folder is not what it should be
│   └── SettingsError  a setting, credential or map is missing or wrong
├── GateFailed         a check said no: exit code 1
└── OrgError           the org refused or did not answer
└── OrgUnavailable it may be retried
"""

from __future__ import annotations

from pathlib import Path


class PipelineError(Exception):
    """Base of every error that this package raises on purpose."""

    retryable = False


class UserError(PipelineError):
    """Something the user can mend; `next_step` says how."""

    def __init__(self, what: str, *, next_step: str = "") -> None:
        self.what = what
        self.next_step = next_step
        # Two sentences, however the first one was written.
        ended = not next_step or what.rstrip(" ").endswith((".", "!", "?", ":", "\n"))
        super().__init__(f"{what}{'' if ended else '.'} {next_step}".strip())


class ExportError(UserError):
    """An export file or folder cannot be read; carries file, line and column where known."""

    def __init__(
        self,
        what: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        column: str | None = None,
        next_step: str = "",
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        place = str(file) if file is not None else ""
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column}"
        super().__init__(f"{place}: {what}" if place else what, next_step=next_step)


class SettingsError(UserError):
    """A setting, a credential or the field map is missing or wrong."""


class GateFailed(PipelineError):
    """A blocking check said no, or a step was asked to use data whose gate has not passed."""


class OrgError(PipelineError):
    """The org refused a request; `code` is Salesforce's error code where it gave one."""

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


class OrgUnavailable(OrgError):
    """The org did not answer, or asked to come back later: the same call may succeed."""

    retryable = True
