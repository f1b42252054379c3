"""People who were loaded as leads and would become contacts now, or the reverse: never both."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.migration import results, sending
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.phases import KEY_FIELD
from kartra_sf_pipeline.migration.queries import select_each

_OTHER: Final = {"contacts": ("leads", "Lead"), "leads": ("contacts", "Contact")}
_VERDICT = "other_kind"
_CONVERTED = "IsConverted"


def with_other_kind(sender: sending.Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a verdict of their own where the org holds the person as the other kind.

    The ledger tells who may be; the org, whether it is so still. A converted lead is none any more.
    """
    new = rows.filter(pl.col(VERDICT) == "create")["_key"]
    if sender.phase.name not in _OTHER or new.is_empty():
        return rows
    phase, sobject = _OTHER[sender.phase.name]
    loaded = sender.ledger.identities.loaded_as(sender.org.org_id, phase, sobject)
    asked = new.filter(new.is_in(loaded.implode()))
    if asked.is_empty():
        return rows
    more = [_CONVERTED] if _CONVERTED in sender.org.describe(sobject).fields else []
    found = select_each(sender.org, sobject, [KEY_FIELD, *more], KEY_FIELD, asked)
    if more:
        found = found.filter(pl.col(_CONVERTED).eq_missing(pl.lit("true")).not_())
    there = (pl.col(VERDICT) == "create") & pl.col("_key").is_in(found[KEY_FIELD].implode())
    return rows.with_columns(
        pl.when(there).then(pl.lit(_VERDICT)).otherwise(VERDICT).alias(VERDICT)
    )


def refuse_other_kind(sender: sending.Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """Settle people who are in the org as the other kind, as rejected."""
    _, sobject = _OTHER.get(sender.phase.name, ("", ""))
    there = rows.filter(pl.col(VERDICT) == _VERDICT)
    step = "convert that Lead in Salesforce" if sobject == "Lead" else "delete that Contact"
    message = (
        f"this person was loaded as a {sobject} before, and would be there twice: {step}, or let "
        "the map make a " + f"{sobject.lower()} of them"
    )
    said = {"error_fields": pl.lit(None, pl.String), "error_message": pl.lit(message)}
    return sending.refuse(sender, there, "create", results.LOADED_AS_OTHER_KIND, said)
