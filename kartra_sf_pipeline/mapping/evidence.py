"""How well an org's field fits a column: by name, synonym, type, length and values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process
from scipy.optimize import linear_sum_assignment

from kartra_sf_pipeline.mapping.column import Column
from kartra_sf_pipeline.mapping.custom_fields import NO, YES
from kartra_sf_pipeline.mapping.judge import Judge
from kartra_sf_pipeline.mapping.model import TransformName
from kartra_sf_pipeline.salesforce.describe import FieldDescribe

SURE = 0.8
"""From here on a proposal may be wrong only by rare bad luck; below, a person must look."""
DOUBTFUL = 0.79
ALIKE = 0.5
"""From here on a judge's word counts."""
WORTH_A_LOOK = 0.55
"""Below this a field of the org is named as the nearest, and the column gets a field of its own."""

# Words for one thing; the first is an org's usual name. Compared as whole names, never as parts.
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("title", "job title", "position", "job role", "occupation"),
    ("birthdate", "birthday", "date of birth", "dob", "birth date"),
    ("mobile phone", "mobile", "cell", "cell phone", "mobile number"),
    ("home phone", "private phone", "landline"),
    ("fax", "fax number", "business fax"),
    ("department", "division", "team name"),
    ("salutation", "honorific"),
    ("industry", "sector", "line of business", "branch"),
    ("lead score", "score", "engagement score", "points"),
    ("lead source", "source", "original source", "acquisition channel"),
    ("time zone", "timezone", "lead preferred time zone"),
    ("twitter", "twitter handle", "twitter profile"),
    ("facebook", "facebook profile", "facebook page"),
    ("linkedin", "linkedin profile", "linkedin url"),
    ("gender", "sex"),
    ("language", "preferred language"),
    ("company size", "team size", "employees", "headcount", "number of employees"),
    ("annual revenue", "yearly revenue"),
    ("monthly revenue", "revenue per month"),
    ("t shirt size", "tshirt size", "shirt size"),
    ("vat number", "tax id", "sales tax id", "vat id"),
)
_GROUP = {word: number for number, words in enumerate(SYNONYMS) for word in words}

_DATE = r"^(\d{4}-\d{2}-\d{2}|[A-Z][a-z]{2,8} \d{1,2}, \d{4})$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
_URL = r"^(https?://|www\.)\S+$"
_PHONE = r"^(\+|\(?0)[0-9 ().\-/]{6,}$"
_NUMBER = r"^-?\d{1,15}(\.\d+)?$"
_PATTERN = {
    "date": _DATE, "datetime": _DATETIME, "email": _EMAIL, "url": _URL, "phone": _PHONE,
    "double": _NUMBER, "currency": _NUMBER, "percent": _NUMBER, "int": r"^-?\d{1,9}$",
}  # fmt: skip
TRANSFORM: dict[str, TransformName] = {
    "date": "date", "datetime": "datetime", "double": "decimal", "currency": "decimal",
    "percent": "decimal", "int": "integer", "boolean": "boolean", "multipicklist": "multi",
    "textarea": "long_text",
}  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """One field's fit for a column."""

    field: FieldDescribe
    confidence: float
    reason: str


def best_fits(
    columns: Sequence[Column], fields: Sequence[FieldDescribe], judge: Judge | None = None
) -> list[list[Fit]]:
    """For each column its fits, best first; no field is first for two columns.

    Where two fields fit a column almost alike, or two columns a field, neither is sure. A `judge`
    of names may lift what is doubtful, never make it sure.
    """
    if not columns or not fields:
        return [[] for _ in columns]
    fits = [[_fit(column, field) for field in fields] for column in columns]
    if judge is not None:
        told = judge.likeness(columns, fields)
        fits = [
            [_lifted(fit, column, alike) for fit, alike in zip(row, judged, strict=True)]
            for column, row, judged in zip(columns, fits, told, strict=True)
        ]
    scores = np.array([[fit.confidence for fit in row] for row in fits])
    rows, chosen = linear_sum_assignment(scores, maximize=True)
    first = dict(zip(rows.tolist(), chosen.tolist(), strict=True))
    ranked = []
    for number, row in enumerate(fits):
        winner = first.get(number)
        order = sorted(range(len(row)), key=lambda at: (at != winner, -row[at].confidence))
        best = [row[at] for at in order if row[at].confidence > 0]
        if winner is not None and best and scores[number, winner] > 0:
            own = np.delete(scores[number], winner)
            others = np.delete(scores[:, winner], number)
            rival = max(own.max(initial=0), others.max(initial=0))
            if rival >= best[0].confidence - 0.05 and best[0].confidence > DOUBTFUL - 0.1:
                best[0] = Fit(
                    best[0].field, DOUBTFUL - 0.1, f"{best[0].reason}; another fits almost as well"
                )
        elif winner is None or scores[number, winner] == 0:
            best = []
        ranked.append(best)
    return ranked


def name_likeness(names: Sequence[str], field: FieldDescribe) -> tuple[float, str]:
    """0 to 1, and what it rests on."""
    theirs = {plain(field.name.removesuffix("__c")), plain(field.label)}
    ours = {plain(name) for name in names}
    if ours & theirs:
        return 1.0, "same name"
    if {_GROUP[n] for n in ours if n in _GROUP} & {_GROUP[n] for n in theirs if n in _GROUP}:
        return 0.95, "synonym"
    near = max(fuzz.token_sort_ratio(a, b) for a in ours for b in theirs) / 100
    return (near * 0.9, "like name") if near >= 0.8 else (0.0, "")


def near_values(ours: Sequence[str], offered: Sequence[str]) -> dict[str, str]:
    """Each of our values that the field lacks, with the one of its own that is meant by it.

    `Cancelled` finds `Canceled`; what nothing is near to is left out.
    """
    known = {plain(value): value for value in offered}
    there = {value.casefold() for value in offered}
    found: dict[str, str] = {}
    for value in ours:
        if value.casefold() in there or not plain(value):
            continue
        # `Level 11` is a value apart from `Level 10`, however like it looks.
        alike = [word for word in known if _digits(word) == _digits(plain(value))]
        near = process.extractOne(plain(value), alike, scorer=fuzz.ratio, score_cutoff=88)
        if near is not None:
            found[value] = known[near[0]]
    return found


def _digits(word: str) -> list[str]:
    return re.findall(r"\d+", word)


def plain(name: str) -> str:
    """`Job_Title`, `jobTitle` and `Job title:` read `job title`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()


def _fit(column: Column, field: FieldDescribe) -> Fit:
    values, why = _value_fit(column, field)
    if values == 0:
        return Fit(field, 0.0, "")
    name, named = name_likeness(column.names, field)
    if name < 0.95 and not field.custom:
        # Every org has these for a purpose of their own: values alone say nothing of it.
        return Fit(field, 0.0, "")
    if name >= 0.95:
        score = 0.97 if name == 1 else 0.92
    elif name >= 0.8:
        score = 0.6 + 0.2 * values
    else:
        score = values
    return Fit(field, round(score, 3), ", ".join(part for part in (named, why) if part))


def _lifted(fit: Fit, column: Column, alike: float) -> Fit:
    values, why = _value_fit(column, fit.field)
    lifted = round(WORTH_A_LOOK + (DOUBTFUL - WORTH_A_LOOK) * alike, 3)
    if values == 0 or alike < ALIKE or lifted <= fit.confidence:
        return fit
    return Fit(fit.field, lifted, f"the judge finds the names alike ({alike:.2f}), {why}")


def _value_fit(column: Column, field: FieldDescribe) -> tuple[float, str]:
    """How much the values alone speak for the field; 0 where it could not hold all of them."""
    kind = field.type
    count = column.values.len()
    if kind in ("picklist", "multipicklist"):
        return _options_fit(column, field)
    if count == 0:
        return (0.2, "no values") if kind in ("string", "textarea") else (0.0, "")
    folded = {option.casefold() for option in column.options}
    if kind == "boolean":
        truth = column.kind == "Checkbox" or folded <= {*YES, *NO}
        return (0.72, "yes or no") if truth else (0.0, "")
    if column.several or column.kind == "Checkbox":
        return (0.1, "text") if kind == "textarea" else (0.0, "")
    longest = int(column.values.str.len_chars().max() or 0)  # pyright: ignore[reportArgumentType]
    if kind == "datetime" and column.kind != "DateTime":
        return 0.0, ""  # Text of an export is read as a day, never as a moment.
    if kind in _PATTERN:
        share = column.values.str.strip_chars().str.contains(_PATTERN[kind]).mean()
        fits = share == 1.0 and (not field.length or longest <= field.length)
        return (0.75, f"all values read as {kind}") if fits else (0.0, "")
    if kind not in ("string", "textarea"):
        return 0.0, ""
    if field.length and longest > field.length:
        return 0.0, ""
    long_text = kind == "textarea" and field.length > 255
    if long_text != (column.kind == "LongTextArea"):
        return 0.25, "text of another size"
    typed = any(
        column.values.str.contains(_PATTERN[name]).all() for name in ("date", "email", "url", "int")
    )
    if typed or column.kind == "Picklist":
        return 0.3, "text holds any value"
    # A field made for these values is rarely much longer than the longest of them. The square
    # makes one field that is far too long worse than two that are a little so.
    excess = math.log(field.length / max(longest, 1)) if field.length else 9.0
    return (0.55 if long_text else 0.5) + 0.1 * math.exp(-excess * excess / 4), "text that fits it"


def _options_fit(column: Column, field: FieldDescribe) -> tuple[float, str]:
    if column.several and field.type == "picklist":
        return 0.0, ""
    offered = {value.casefold() for value in field.picklist_values}
    ours = {option.casefold() for option in column.options}
    if not ours or not offered:
        return 0.0, ""
    near: Mapping[str, str] = near_values(column.options, field.picklist_values)
    shared = len(ours & offered) + (0 if column.several else len(near))
    if shared < len(ours) and (field.restricted_picklist or shared < 0.7 * len(ours)):
        return 0.0, ""
    alike = shared / (len(ours) + len(offered) - shared)
    telling = len(ours) >= 3
    score = 0.55 + 0.4 * alike if telling else 0.4 + 0.3 * alike
    if column.several == (field.type == "multipicklist"):
        score += 0.03
    if shared < len(ours) or near:
        score = min(score, DOUBTFUL)
    return min(score, 0.95), f"{shared} of {len(ours)} values are in its picklist"
