"""Spreadsheet damage in one file, found while its rows go by."""

from __future__ import annotations

from collections import Counter
from typing import Final

import polars as pl

from kartra_sf_pipeline.kartra.exports import UNKNOWN_PREFIX
from kartra_sf_pipeline.kartra.spreadsheet import (
    DATES,
    KEYS,
    LONGEST_CELL,
    MONEY,
    MOST_ROWS,
    NUMBERS,
    PHONES,
    PLACES,
    SHORT_CODES,
    TEXTS,
    WHAT_TO_DO,
)

DAMAGE_SCHEMA: dict[str, type[pl.DataType]] = {
    "export": pl.String,
    "source_file": pl.String,
    "column": pl.String,
    "kind": pl.String,
    "rows": pl.Int64,
    "example": pl.String,
    "what_to_do": pl.String,
}

_SCIENTIFIC: Final = r"^[+-]?\d([.,]\d*)?E\+\d{1,3}$"
_DECIMAL: Final = r"^\d{1,3}(,\d{3})+([.,]0*)?$|^\d+[.,]0*$"
# ASCII alone, which is looked for several times faster; a spreadsheet writes no other.
_DIGITS: Final = r"^[0-9]+$"
_ROUNDED: Final = r"^[1-9][0-9]{14}0+$"
_SLASHED: Final = r"^\s*\d{1,4}/\d{1,2}/\d{1,4}"
_DOTTED: Final = r"^\s*\d{1,2}\.\d{1,2}\.\d{2,4}"
_SERIAL: Final = r"^[2-6]\d{4}([.,]\d+)?$"
_COMMA: Final = r"^[^\d,]*\d+(\.\d{3})*,\d{1,2}\D*$"
_FORMULA: Final = r"^#(NAME\?|REF!|VALUE!|N/A|NUM!|DIV/0!|NULL!|#+)$"
# A habit needs so many cells to be one, and this share of them.
_HABIT_CELLS: Final = 20
_PHONE_SHARE: Final = 0.8
_WIDTH_SHARE: Final = 0.6
_ZERO_SHARE: Final = 0.05
_KEPT_DIGITS: Final = 15
# No day number takes more.
_SERIAL_SIZE: Final = 8
_ROUNDED_SHARE: Final = 0.9


class Damage:
    """What of a file a spreadsheet has spoilt; `look` at each batch of its rows."""

    def __init__(self, export: str, names: tuple[str, ...], delimiter: str) -> None:
        present = set(names)
        self._export = export
        self._rows: Counter[tuple[str | None, str]] = Counter()
        self._examples: dict[tuple[str | None, str], str] = {}
        self._keys = [name for name in KEYS.get(export, ()) if name in present]
        custom = [name for name in names if name.startswith(UNKNOWN_PREFIX)]
        self._custom = custom
        numbers = [name for name in NUMBERS.get(export, ()) if name in present]
        self._numbers = [*self._keys, *numbers, *custom]
        self._dates = [name for name in DATES.get(export, ()) if name in present]
        money = [name for name in MONEY.get(export, ()) if name in present]
        # Between commas, an amount with one is rare enough for the first column to tell.
        self._money = money if delimiter != "," else money[:1]
        self._places = [pair for pair in PLACES.get(export, ()) if present.issuperset(pair)]
        phones = PHONES.get(export)
        self._phones = phones if phones and present.issuperset(phones) else None
        self._texts = [name for name in TEXTS.get(export, ()) if name in present]
        self._phone_forms: Counter[tuple[str | None, bool, int]] = Counter()
        self._widths: dict[str, Counter[tuple[bool, int]]] = {}
        self._long: Counter[str] = Counter()

    def look(self, rows: pl.DataFrame) -> pl.Series | None:
        """Take note of what is damaged in `rows`; which of them have a damaged key, if any."""
        signs = self._signs(rows)
        damaged: pl.Series | None = None
        for name in self._numbers:
            found = self._number(rows[name], signs, key=name in self._keys)
            if name in self._keys and found is not None:
                damaged = found if damaged is None else damaged | found
        for name in self._dates:
            self._with_sign(rows[name], signs, "/", _SLASHED, "slash_date")
            self._with_sign(rows[name], signs, ".", _DOTTED, "dotted_date")
            if signs[name, "short"]:
                short = rows[name].filter(rows[name].str.len_bytes() <= _SERIAL_SIZE)
                self._note(name, "serial_date", short.filter(short.str.contains(_SERIAL)))
        for name in self._money:
            self._with_sign(rows[name], signs, ",", _COMMA, "decimal_comma")
        for name in self._texts:
            self._with_sign(rows[name], signs, "#", _FORMULA, "formula_error")
            if signs[name, "cut"]:
                long = rows[name].filter(rows[name].str.len_chars() == LONGEST_CELL)
                self._note(name, "cut_text", long.str.head(0))
        for code, country in self._places:
            self._postal_codes(rows[code], rows[country], signs)
        self._habits(rows)
        return damaged

    def _signs(self, rows: pl.DataFrame) -> dict[tuple[str, str], bool]:
        """Which columns hold the sign of a kind of damage, or a cell of its size, at all.

        Far cheaper to look for than the form, and in one pass over all columns.
        """
        asked: dict[tuple[str, str], pl.Expr] = {}
        for name in self._numbers:
            asked[name, "E+"] = _holds(name, "E+")
            asked[name, "long"] = pl.col(name).str.len_bytes().max() > _KEPT_DIGITS
        for name in self._keys:
            asked |= {(name, sign): _holds(name, sign) for sign in ".,"}
        for name in self._dates:
            asked |= {(name, sign): _holds(name, sign) for sign in "/."}
            asked[name, "short"] = pl.col(name).str.len_bytes().min() <= _SERIAL_SIZE
        asked |= {(name, ","): _holds(name, ",") for name in self._money}
        for name in self._texts:
            asked[name, "#"] = _holds(name, "#")
            asked[name, "cut"] = pl.col(name).str.len_bytes().max() >= LONGEST_CELL
        for name, _ in self._places:
            size = pl.col(name).str.len_bytes()
            asked |= {(name, str(length)): (size == length).any() for length in SHORT_CODES}
        if not asked or not rows.height:
            return dict.fromkeys(asked, False)
        answers = rows.select(
            answer.alias(str(place)) for place, answer in enumerate(asked.values())
        ).row(0)
        return {question: bool(answer) for question, answer in zip(asked, answers, strict=True)}

    def findings(self, path: str, records: int) -> pl.DataFrame:
        """What was found in the file of that many records, in `DAMAGE_SCHEMA`."""
        self._judge_habits()
        for name, count in self._long.items():
            # One long number in ten ends with a zero by itself.
            if self._rows[name, "rounded_number"] < _ROUNDED_SHARE * count:
                del self._rows[name, "rounded_number"]
        self._rows = +self._rows
        if records == MOST_ROWS:
            self._rows[None, "row_limit"] = records
        return pl.DataFrame(
            [
                {
                    "export": self._export,
                    "source_file": path,
                    "column": column,
                    "kind": kind,
                    "rows": count,
                    "example": self._examples.get((column, kind)),
                    "what_to_do": WHAT_TO_DO[kind],
                }
                for (column, kind), count in self._rows.items()
            ],
            schema=DAMAGE_SCHEMA,
        )

    def _number(
        self, cells: pl.Series, signs: dict[tuple[str, str], bool], *, key: bool
    ) -> pl.Series | None:
        """Which cells of a column of ids or phone numbers have lost digits, if any."""
        found: list[pl.Series] = []
        if signs[cells.name, "E+"]:
            found.append(self._marked(cells, _SCIENTIFIC, "scientific_number"))
        if signs[cells.name, "long"]:
            self._rounded(cells)
        if key and any(signs[cells.name, mark] for mark in ".,"):
            found.append(self._marked(cells, _DECIMAL, "decimal_number"))
        if not found:
            return None
        marked = found[0]
        for other in found[1:]:
            marked = marked | other
        return marked if marked.any() else None

    def _rounded(self, cells: pl.Series) -> None:
        """Count numbers of more digits than a spreadsheet keeps, and those that end in zeros."""
        # Most long ids begin with letters; a form is dearer to look for than a size.
        size = cells.str.len_bytes() > _KEPT_DIGITS
        plain = size & ~cells.str.contains("_", literal=True)
        if not plain.any():
            return
        long = cells.filter(plain)
        long = long.filter(long.str.contains(_DIGITS))
        if long.len():
            self._long[cells.name] += long.len()
            self._note(cells.name, "rounded_number", long.filter(long.str.contains(_ROUNDED)))

    def _marked(self, cells: pl.Series, pattern: str, kind: str) -> pl.Series:
        found = cells.str.contains(pattern).fill_null(value=False)
        self._note(cells.name, kind, cells.filter(found))
        return found

    def _with_sign(
        self,
        cells: pl.Series,
        signs: dict[tuple[str, str], bool],
        sign: str,
        pattern: str,
        kind: str,
    ) -> None:
        if signs[cells.name, sign]:
            cells = cells.filter(cells.str.contains(sign, literal=True))
            self._note(cells.name, kind, cells.filter(cells.str.contains(pattern)))

    def _postal_codes(
        self, codes: pl.Series, countries: pl.Series, signs: dict[tuple[str, str], bool]
    ) -> None:
        for length, names in SHORT_CODES.items():
            if signs[codes.name, str(length)]:
                short = codes.str.len_bytes() == length
                held = codes.filter(short & countries.is_in(list(names)))
                self._note(
                    codes.name, "lost_zero", held.filter(held.str.contains(r"^[1-9][0-9]*$"))
                )

    def _habits(self, rows: pl.DataFrame) -> None:
        """Count the forms of phone numbers and of custom fields that are all digits."""
        if self._phones is not None:
            phone, code = self._phones
            digits = rows.select(code, phone).filter(pl.col(phone).str.contains(_DIGITS))
            if digits.height:
                forms = digits.group_by(
                    code, pl.col(phone).str.starts_with("0").alias("zero"), _length(phone)
                ).len()
                for land, zero, length, count in forms.rows():
                    self._phone_forms[land, zero, length] += count
        for name in self._custom:
            cells = rows[name].drop_nulls()
            cells = cells.filter(cells.str.contains(_DIGITS))
            if cells.len():
                forms = (
                    cells.to_frame()
                    .group_by(pl.col(name).str.starts_with("0").alias("zero"), _length(name))
                    .len()
                )
                seen = self._widths.setdefault(name, Counter())
                for zero, length, count in forms.rows():
                    seen[zero, length] += count

    def _judge_habits(self) -> None:
        """Cells that are shorter by their zeros than the rest of their column."""
        if self._phones is not None:
            by_land: dict[str | None, Counter[tuple[bool, int]]] = {}
            for (land, zero, length), count in self._phone_forms.items():
                by_land.setdefault(land, Counter())[zero, length] += count
            for forms in by_land.values():
                total = sum(forms.values())
                (zero, length), count = forms.most_common(1)[0]
                lost = forms[False, length - 1]
                if zero and lost and total >= _HABIT_CELLS and count >= _PHONE_SHARE * total:
                    self._rows[self._phones[0], "lost_zero"] += lost
        for name, forms in self._widths.items():
            total = sum(forms.values())
            length = max({length for _, length in forms}, key=lambda n: _of_length(forms, n))
            usual = _of_length(forms, length)
            lost = sum(count for (zero, size), count in forms.items() if not zero and size < length)
            habit = total >= _HABIT_CELLS and usual >= _WIDTH_SHARE * total
            if lost and length > 1 and habit and forms[True, length] >= _ZERO_SHARE * usual:
                self._rows[name, "lost_zero"] += lost

    def _note(self, column: str, kind: str, cells: pl.Series) -> None:
        if cells.len():
            self._rows[column, kind] += cells.len()
            self._examples.setdefault((column, kind), _mask(str(cells[0]), kind))


def _holds(column: str, sign: str) -> pl.Expr:
    return pl.col(column).str.contains(sign, literal=True).any()


def _length(column: str) -> pl.Expr:
    return pl.col(column).str.len_bytes().alias("length")


def _of_length(forms: Counter[tuple[bool, int]], length: int) -> int:
    return forms[False, length] + forms[True, length]


def _mask(cell: str, kind: str) -> str:
    """The form of a cell without what it says."""
    shown = "".join("9" if letter.isdigit() else letter for letter in cell[:24])
    if kind in {"scientific_number", "formula_error"}:
        return shown
    return "".join("x" if letter.isalpha() else letter for letter in shown)
