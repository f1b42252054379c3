"""`control_totals.yaml`: figures that a person has read off Kartra's screens.

Nothing in an export says that another one is missing, so completeness can only be proven by figures
from outside the exports. Every figure is optional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.files import CONTROL_TOTALS_NAME

TEMPLATE_NAME: Final = "control_totals.template.yaml"

# What may be counted, and where a person finds the figure.
COUNTS: Final = {
    "contacts": "Contacts > All contacts: the number above the table",
    "transactions": "Products > Analytics > Transactions: all types, all time",
    "subscriptions": "Products > Analytics > Subscriptions: all of them, cancelled ones too",
    "affiliates": "Products > Affiliates: all of them",
    "lists": "Communications > Lists: all of them, empty ones too",
    "tags": "Contacts > Tags: all that are on at least one contact",
}
MONEY: Final = {
    "revenue": "Products > Analytics > Sales, all time: Revenue (payments received less sales tax "
    "and shipping; refunds are not taken off)",
    "refunds": "The same page: what refunds and chargebacks have paid back, as a positive figure",
}
_OTHER: Final = ("read_on", "tolerance_percent")
_KEYS: Final = (*_OTHER, *COUNTS, *MONEY)

_COUNT: Final = re.compile(r"\d+|\d{1,3}(,\d{3})+")
_AMOUNT: Final = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d{1,2})?")
_CODE: Final = re.compile(r"[A-Z]{3}")
_NEXT: Final = (
    f"Correct the file, or take the line out; {TEMPLATE_NAME} in the folder of a scope run shows "
    "every key."
)


@dataclass(frozen=True)
class ControlTotals:
    """`counts` by key of `COUNTS`; `money` by key of `MONEY` and currency code.

    A figure agrees where it differs by at most `tolerance_percent` of the expected one: 0 unless
    the file says otherwise.
    """

    counts: dict[str, int] = field(default_factory=dict)
    money: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    read_on: date | None = None
    tolerance_percent: Decimal = Decimal(0)

    @property
    def empty(self) -> bool:
        """Whether no figure is given at all."""
        return not self.counts and not self.money


def load_control_totals(folder: Path) -> ControlTotals:
    """The figures in a folder of exports; empty without the file.

    Raises ExportError naming file, line and key of what cannot be read.
    """
    path = folder / CONTROL_TOTALS_NAME
    if not path.exists():
        _refuse_near_miss(folder)
        return ControlTotals()
    try:
        # From bytes: YAML finds UTF-16 and a byte order mark by itself.
        root = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        what = getattr(error, "problem", None) or "it is not text that YAML allows"
        raise ExportError(
            f"this is not YAML: {what}", file=path, line=line, next_step=_NEXT
        ) from None
    except OSError as error:
        raise ExportError(
            f"the file cannot be read: {error.strerror}", file=path, next_step=_NEXT
        ) from None
    return _Reader(path).read(root) if root is not None else ControlTotals()


def _refuse_near_miss(folder: Path) -> None:
    """A file that was meant to be read, and would not be, must not pass for none."""
    for name in (TEMPLATE_NAME, "control_totals.yml", "control_totals.yaml.txt"):
        if (folder / name).exists():
            raise ExportError(
                "the file is not read under this name",
                file=folder / name,
                next_step=f"Rename it to {CONTROL_TOTALS_NAME}, or take it out of the folder.",
            )


class _Reader:
    """Reads the nodes of one file: nodes, unlike values, know their line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, root: yaml.Node) -> ControlTotals:
        counts: dict[str, int] = {}
        money: dict[tuple[str, str], Decimal] = {}
        read_on: date | None = None
        tolerance = Decimal(0)
        for key, node in self._entries(root, "the file"):
            if key in COUNTS:
                text = self._text(key, node)
                if text is not None:
                    counts[key] = self._count(key, text, node)
            elif key in MONEY:
                money.update(self._currencies(key, node))
            elif key == "read_on":
                text = self._text(key, node)
                read_on = self._date(key, text, node) if text is not None else None
            elif key == "tolerance_percent":
                text = self._text(key, node)
                if text is not None:
                    tolerance = self._percent(key, text, node)
            else:
                raise self._error(f"no such key; there are {', '.join(_KEYS)}", node, key)
        return ControlTotals(counts, money, read_on, tolerance)

    def _entries(self, node: yaml.Node, whose: str) -> list[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(f"{whose} must hold lines of the form `key: figure`", node)
        seen: set[str] = set()
        entries: list[tuple[str, yaml.Node]] = []
        for name, value in node.value:
            key = str(name.value) if isinstance(name, yaml.ScalarNode) else "(not a word)"
            if key in seen:
                raise self._error("the key stands twice", name, key)
            seen.add(key)
            entries.append((key, value))
        return entries

    def _text(self, key: str, node: yaml.Node) -> str | None:
        """The figure as it was typed: never through a float. None for a key without a figure."""
        if not isinstance(node, yaml.ScalarNode):
            raise self._error("one figure is expected here", node, key)
        text = str(node.value).strip()
        return None if text.lower() in {"", "~", "null"} else text

    def _count(self, key: str, text: str, node: yaml.Node) -> int:
        if not _COUNT.fullmatch(text):
            raise self._error(f"{text!r} is not a whole number such as 2500 or 2,500", node, key)
        return int(text.replace(",", ""))

    def _currencies(self, key: str, node: yaml.Node) -> dict[tuple[str, str], Decimal]:
        if isinstance(node, yaml.ScalarNode):
            text = self._text(key, node)
            if text is None:
                return {}
            raise self._error(f"the figure needs its currency: `{key}: {{USD: {text}}}`", node, key)
        found: dict[tuple[str, str], Decimal] = {}
        for code, amount in self._entries(node, key):
            where = f"{key}.{code}"
            if not _CODE.fullmatch(code):
                raise self._error(f"{code!r} is not a currency code such as USD", amount, where)
            text = self._text(where, amount)
            if text is None:
                continue
            if not _AMOUNT.fullmatch(text):
                raise self._error(
                    f"{text!r} is not an amount such as 1234.56 or 1,234.56", amount, where
                )
            found[key, code] = Decimal(text.replace(",", ""))
        return found

    def _date(self, key: str, text: str, node: yaml.Node) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self._error(f"{text!r} is not a date such as 2026-06-30", node, key) from None

    def _percent(self, key: str, text: str, node: yaml.Node) -> Decimal:
        if not re.fullmatch(r"\d{1,2}(\.\d+)?", text):
            raise self._error(f"{text!r} is not a share of 0 to 99 percent", node, key)
        return Decimal(text)

    def _error(self, what: str, node: yaml.Node, key: str | None = None) -> ExportError:
        line = node.start_mark.line + 1
        said = f"{key}: {what}" if key else what
        return ExportError(said, file=self._path, line=line, next_step=_NEXT)


def template(currencies: list[str]) -> str:
    """A commented file to fill in; it holds no figure, so that nobody confirms what was read."""
    codes = currencies or ["USD"]
    lines = [
        "# Control totals: figures read off Kartra's screens by a person, to prove that the",
        "# exports are complete. Read them on the day of the exports, take the leading # off,",
        f"# and save the file as {CONTROL_TOTALS_NAME} in the folder of the exports.",
        "# Leave out what you cannot see: every line is optional.",
        "",
        "# The day on which the figures were read",
        "# read_on: 2026-06-30",
        "",
        "# How far, in percent, a figure may be off where the account went on working between",
        "# reading and exporting",
        "# tolerance_percent: 0",
    ]
    for key, where in COUNTS.items():
        lines += ["", f"# {where}", f"# {key}: "]
    for key, where in MONEY.items():
        lines += ["", f"# {where}", f"# {key}:", *(f"#   {code}: " for code in codes)]
    return "\n".join(lines) + "\n"
