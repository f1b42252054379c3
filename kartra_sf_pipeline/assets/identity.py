"""Identity between runs: what the org holds by the ledger's word, and what was loaded twice."""

from pathlib import Path

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, PREPARE
from kartra_sf_pipeline.assets.previews import counts, preview
from kartra_sf_pipeline.prepare.company_matching import companies_shown
from kartra_sf_pipeline.prepare.identity import KNOWN_SCHEMA
from kartra_sf_pipeline.prepare.review import (
    IGNORE,
    LOADED_ACCOUNT,
    LOADED_CONTACT,
    REVIEW_FILE,
    contacts_shown,
    read_decisions,
    write_review,
)
from kartra_sf_pipeline.prepare.wording import worded
from kartra_sf_pipeline.resources import LedgerResource, SalesforceResource
from kartra_sf_pipeline.settings import Settings

Frame = pl.DataFrame

# The job that asks no org for anything.
_SCOPE = "scope"


@dg.asset(group_name=PREPARE, kinds={"polars", "sqlite"}, owners=DATA_ENGINEERING)
def known_identities(
    context: dg.AssetExecutionContext, ledger: LedgerResource, salesforce: SalesforceResource
) -> dg.MaterializeResult[pl.DataFrame]:
    """Keys under which people and accounts were loaded into this org, with all their aliases.

    Empty before the first load. The scope asks no org which one it is: it takes the one that was
    loaded last.
    """
    identities = ledger.open().identities
    if context.job_name == _SCOPE:
        org_id = next(iter(identities.orgs(Settings.load().target.value)), None)
    else:
        org_id = salesforce.org().org_id if identities.orgs() else None
    frame = identities.known(org_id) if org_id else pl.DataFrame(schema=KNOWN_SCHEMA)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "loaded": counts(frame.unique(["object", "key"]), "object"),
            "preview": preview(frame),
        },
    )


def reviewed_apart(
    home: Path, people: tuple[Frame, Frame, Frame], companies: tuple[Frame, Frame, Frame]
) -> Frame:
    """`records_loaded_apart`: pairs with their `decision`; the review file is rewritten with them.

    `people` are contacts_prepared, contacts_unified and the contacts that were loaded apart;
    `companies` the accounts that the exports imply, their names, and those loaded apart.
    """
    prepared, unified, apart_people = people
    accounts, names, apart_accounts = companies
    keys = pl.concat([apart_people["key"], apart_people["loaded_key"].alias("key")]).implode()
    shown_people = pl.concat(
        contacts_shown(frame.filter(pl.col("contact_key").is_in(keys)))
        for frame in (unified, prepared)
    )
    goes_on = names.select("account", "account_key").unique()
    implied = companies_shown(accounts)
    shown_accounts = pl.concat(
        [
            implied.with_columns(pl.col("key").replace(goes_on["account"], goes_on["account_key"])),
            implied,
        ]
    )
    return pl.concat(
        [
            _reviewed(home / REVIEW_FILE, LOADED_CONTACT, apart_people, shown_people),
            _reviewed(home / REVIEW_FILE, LOADED_ACCOUNT, apart_accounts, shown_accounts),
        ]
    )


def _reviewed(path: Path, kind: str, apart: Frame, shown: Frame) -> Frame:
    decisions = read_decisions(path).of(kind)
    pairs = apart.select(
        left_key="key",
        right_key="loaded_key",
        score=pl.lit(1.0),
        rule=pl.lit("loaded_apart"),
        evidence=worded(
            "the right one was loaded as its own {} on {}, and is the same as the left one now: "
            "merge it into the left one in Salesforce, or write ignore",
            "object",
            pl.col("first_loaded_at").dt.strftime("%Y-%m-%d"),
        ),
        decision=pl.lit("review"),
    )
    write_review(path, kind, pairs, shown.unique("key", keep="first"), decisions)
    ignored = decisions.frame.filter(pl.col("verdict") == IGNORE)
    said = pl.concat(
        [
            ignored.select(key="left_key", loaded_key="right_key"),
            ignored.select(key="right_key", loaded_key="left_key"),
        ]
    ).with_columns(decision=pl.lit(IGNORE))
    return apart.join(
        said, on=["key", "loaded_key"], how="left", maintain_order="left"
    ).with_columns(pl.col("decision").fill_null("review"))
