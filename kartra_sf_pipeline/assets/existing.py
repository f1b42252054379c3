"""Load: records that people made in the org before, and who is right about their fields."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import LOAD, MIGRATION
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.map import map_at
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.migration.conflicts import Conflicts, Rule
from kartra_sf_pipeline.migration.existing import (
    EXISTING_SCHEMA,
    REVIEW,
    Likeness,
    find_existing,
)
from kartra_sf_pipeline.prepare.web import host_of, registrable_domains
from kartra_sf_pipeline.resources import RunSettings, SalesforceResource

Frame = pl.DataFrame

# Phases that write to records which people may have made.
_MEETING = ("accounts", "contacts", "contact_tags")


def conflicts_of(field_map: FieldMap, phase: str) -> Conflicts | None:
    """Who is right about which column of a phase; None where it writes to its own records alone.

    What the map itself brings (`new`) is nobody else's: it goes on being written, unless its rule
    or `keep_target` says otherwise.
    """
    if phase not in _MEETING or phase not in field_map.phases:
        return None
    default = field_map.existing.conflicts
    ours: Rule = "overwrite" if default == "fill_blanks" else default
    rules: Mapping[str, Rule] = {
        rule.target: rule.on_conflict or (ours if rule.new is not None else default)
        for rule in field_map.phases[phase].fields
    }
    return Conflicts(default, rules)


def _domains(websites: pl.Series) -> pl.Series:
    hosts = websites.alias("site").to_frame().select(host_of(pl.col("site")))
    return registrable_domains(hosts.to_series())


def _addresses(emails: pl.Series) -> pl.Series:
    return emails.str.strip_chars().str.to_lowercase()


_WEBSITE = Likeness("Account", "Website", _domains)
_EMAIL = Likeness("Contact", "Email", _addresses)


@dg.asset(
    group_name=LOAD,
    kinds={"salesforce"},
    owners=MIGRATION,
    deps=["schema_deployed"],
    ins=scanned("accounts", "contacts", "companies_prepared", "contacts_unified"),
)
def existing_records(
    settings: RunSettings, salesforce: SalesforceResource, **frames: pl.LazyFrame
) -> dg.MaterializeResult[Frame]:
    """Accounts and contacts that people made in the org, by website and e-mail.

    `stamp`: the row is loaded into that record. `review`: several hold the value, so that a person
    must say which; the row becomes a record of its own.
    """
    chosen = map_at(settings.load().home).existing
    org = salesforce.org()
    found = [pl.DataFrame(schema=EXISTING_SCHEMA)]
    if chosen.accounts == "website":
        wanted = _wanted(frames["accounts"], frames["companies_prepared"], "account_key", "domain")
        found.append(find_existing(org, _WEBSITE, wanted))
    if chosen.contacts == "email":
        wanted = _wanted(frames["contacts"], frames["contacts_unified"], "contact_key", "email")
        found.append(find_existing(org, _EMAIL, wanted))
    frame = pl.concat(found)
    return dg.MaterializeResult(value=frame, metadata=_about(frame))


def _wanted(planned: pl.LazyFrame, prepared: pl.LazyFrame, key: str, value: str) -> pl.DataFrame:
    return (
        prepared.select(key=pl.col(key), value=pl.col(value))
        .filter(pl.col("value").is_not_null())
        .join(planned.select(key=pl.col("_key")), on="key", how="semi", maintain_order="left")
        .collect()
    )


def _about(frame: Frame) -> dict[str, Any]:
    # No keys: they may be addresses. The frame has them.
    review = frame.filter(pl.col("decision") == REVIEW)
    return {
        "rows": frame.height,
        "decisions": counts(frame, "decision"),
        "to_review": table(
            review.group_by("object", "matched_by", "candidates").len("rows").sort("rows")
        ),
    }
