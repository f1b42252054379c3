"""A second opinion on names: off by default, never needed, never sure by itself.

What embeddings or a language model know of words can be asked through a program of the user's own.
It is told names, labels and types of columns and fields, and the org's picklist values; no value of
the account leaves the machine.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kartra_sf_pipeline.errors import SettingsError

if TYPE_CHECKING:
    from kartra_sf_pipeline.mapping.column import Column
    from kartra_sf_pipeline.salesforce.describe import FieldDescribe

SECONDS = 120


class Judge(Protocol):
    """Whoever says how alike the meanings of names are."""

    def likeness(
        self, columns: Sequence[Column], fields: Sequence[FieldDescribe]
    ) -> list[list[float]]:
        """For each column one number from 0 to 1 per field."""
        ...


@dataclass(frozen=True)
class ProgramJudge:
    """A program that reads one JSON document and answers with `{"likeness": [[0.0, …], …]}`."""

    command: str

    def likeness(
        self, columns: Sequence[Column], fields: Sequence[FieldDescribe]
    ) -> list[list[float]]:
        """Raises SettingsError where the program cannot be run or does not answer as it must."""
        question = {
            "columns": [
                {"names": list(one.names), "type": one.kind, "several": one.several}
                for one in columns
            ],
            "fields": [
                {
                    "name": one.name,
                    "label": one.label,
                    "type": one.type,
                    "length": one.length,
                    "values": list(one.picklist_values),
                }
                for one in fields
            ],
        }
        try:
            done = subprocess.run(
                shlex.split(self.command),
                input=json.dumps(question),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
            answer = json.loads(done.stdout)
        except subprocess.CalledProcessError as error:
            told = (error.stderr or "").strip().splitlines()
            raise self._unfit(
                f"it ended with code {error.returncode}{f': {told[-1]}' if told else ''}"
            ) from None
        except subprocess.TimeoutExpired:
            raise self._unfit(f"it did not answer within {SECONDS} s") from None
        except (OSError, ValueError) as error:
            raise self._unfit(str(error)) from None
        return self._table(answer, len(columns), len(fields))

    def _table(self, answer: Any, rows: int, width: int) -> list[list[float]]:
        table = answer.get("likeness") if isinstance(answer, dict) else None
        fits = (
            isinstance(table, list)
            and len(table) == rows
            and all(isinstance(row, list) and len(row) == width for row in table)
            and all(isinstance(x, int | float) and 0 <= x <= 1 for row in table for x in row)
        )
        if not fits or table is None:
            raise self._unfit(
                f"its answer is not `likeness` with {rows} rows of {width} numbers from 0 to 1"
            )
        return [[float(x) for x in row] for row in table]

    def _unfit(self, why: str) -> SettingsError:
        return SettingsError(
            f"The judge `{self.command}` is of no use: {why}.",
            next_step="Correct the program, or propose without --judge.",
        )
