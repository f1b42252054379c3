"""Scope: what there is, how complete and good it is, what moves and what does not."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import REVOPS, SCOPE
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.prepare.suppression import (
    Staleness,
    booked_by,
    parse_rules,
    payments_of,
    reference_date,
)
from kartra_sf_pipeline.reports.site import write_csv
from kartra_sf_pipeline.resources import RunSettings
from kartra_sf_pipeline.scope.audit import audit
from kartra_sf_pipeline.scope.behavioural import behavioural_tags
from kartra_sf_pipeline.scope.control_file import TEMPLATE_NAME, load_control_totals, template
from kartra_sf_pipeline.scope.control_totals import control_totals
from kartra_sf_pipeline.scope.extract_judgement import extract_judgement
from kartra_sf_pipeline.scope.extraction_plan import extraction_plan
from kartra_sf_pipeline.scope.frames import read_narrow
from kartra_sf_pipeline.scope.inventory import object_inventory
from kartra_sf_pipeline.scope.losses import will_not_migrate
from kartra_sf_pipeline.scope.plan import migration_scope
from kartra_sf_pipeline.scope.probe import engagement_probe
from kartra_sf_pipeline.scope.quality import data_quality
from kartra_sf_pipeline.scope.source_identity import POINTERS, source_identity
from kartra_sf_pipeline.scope.suppression_choices import PEOPLE, suppression_choices
from kartra_sf_pipeline.scope.tag_taxonomy import tag_taxonomy
from kartra_sf_pipeline.settings import Settings

Frame = pl.DataFrame
Lazy = pl.LazyFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {"group_name": SCOPE, "kinds": {"polars"}, "owners": REVOPS}


def _figures(frame: Frame, rows: int = 250, **more: Any) -> Result:
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "figures": table(frame, rows), **more}
    )


_RAW = scanned(*(f"raw_{export}" for export in EXPORTS))
_TAGS = scanned("behavioural_tags")
_PREPARED = scanned(
    "contacts_prepared",
    "contacts_unified",
    "contacts_suppressed",
    "contact_rows",
    "contact_matches",
    "parsed_tags",
    "parsed_lists",
    "companies_prepared",
    "company_rows",
    "transactions_prepared",
    "subscriptions_prepared",
    "subscriptions_derived",
    "affiliates_prepared",
    "affiliates_derived",
    "bookings_prepared",
    "notes_prepared",
    "activities_prepared",
    "attachments_prepared",
    "attachment_files",
    "account_team_prepared",
    "opportunity_team_prepared",
    "territories_prepared",
    "products_derived",
    "quarantine",
)

# What the control totals count.
_COUNTED = scanned(
    "raw_lists",
    "contacts_prepared",
    "contacts_suppressed",
    "parsed_tags",
    "parsed_lists",
    "transactions_prepared",
    "subscriptions_prepared",
    "subscriptions_derived",
    "affiliates_prepared",
    "affiliates_derived",
    "quarantine",
)


def _run_folder(context: dg.AssetExecutionContext, given: Settings) -> Path:
    folder = given.runs_folder() / context.run.run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dg.asset(ins=_RAW | _PREPARED | scanned("spreadsheet_damage"), **_COMMON)
def account_audit(settings: RunSettings, **frames: Lazy) -> Result:
    """Counts of everything; the raw count beside the clean active count."""
    return _figures(audit(read_narrow(frames), plan_contacts=settings.load().plan_contacts))


@dg.asset(
    name="control_totals",
    ins=_COUNTED,
    **_COMMON,
)
def totals(context: dg.AssetExecutionContext, settings: RunSettings, **frames: Lazy) -> Result:
    """Figures that a person read off Kartra's screens against what was read from the exports.

    Leaves a template of the control file in the run's folder.
    """
    given = settings.load()
    expected = load_control_totals(given.exports_folder())
    read = read_narrow(frames)
    currencies = read["transactions_prepared"]["currency"].drop_nulls().unique().sort().to_list()
    target = _run_folder(context, given) / TEMPLATE_NAME
    target.write_text(template(currencies), encoding="utf-8")
    frame = control_totals(read, expected)
    return _figures(
        frame,
        template=dg.MetadataValue.path(str(target)),
        given=len(expected.counts) + len(expected.money),
    )


@dg.asset(
    name="source_identity", ins=scanned("raw_contacts", *(f"raw_{e}" for e in POINTERS)), **_COMMON
)
def identity(**frames: Lazy) -> Result:
    """Whether the people in each file are among the contacts: one account in one folder."""
    return _figures(
        source_identity({name.removeprefix("raw_"): frame for name, frame in frames.items()})
    )


@dg.asset(name="extract_judgement", **_COMMON)
def judgement(raw_contacts: Lazy, quarantine: Frame) -> Result:
    """Each file of contacts as a trial extract: columns, names, addresses, order, overlap."""
    frame = extract_judgement(raw_contacts, quarantine)
    return _figures(frame, verdicts=counts(frame, "verdict"))


@dg.asset(name="extraction_plan", ins=_COUNTED, **_COMMON)
def plan(
    context: dg.AssetExecutionContext,
    settings: RunSettings,
    export_files: Frame,
    extract_judgement: Frame,
    **frames: Lazy,
) -> Result:
    """What to export from Kartra, in which order and slices; what is there and what is missing.

    Also as extraction_plan.csv in the run's folder. It compares with the control totals by itself:
    where their gate stops a run, the plan is what is needed most.
    """
    given = settings.load()
    read = read_narrow(frames)
    joined = (
        read["contacts_prepared"]
        .filter(pl.col("disposition") == "keep")
        .select(pl.col("joined_at").dt.convert_time_zone(given.zone).dt.date())
    )
    sold = (
        read["transactions_prepared"]
        .filter(pl.col("reason").fill_null("") != "older_extract")
        .select("close_date")
    )
    frame = extraction_plan(
        export_files,
        joined.to_series(),
        sold.to_series(),
        extract_judgement,
        control_totals(read, load_control_totals(given.exports_folder())),
        slice_rows=given.slice_rows,
    )
    target = _run_folder(context, given) / "extraction_plan.csv"
    write_csv(frame, target)
    return _figures(frame, file=dg.MetadataValue.path(str(target)))


@dg.asset(name="suppression_choices", **_COMMON)
def choices(
    settings: RunSettings,
    contacts_unified: Lazy,
    contacts_suppressed: Lazy,
    contact_rows: Lazy,
    raw_transactions: Lazy,
    raw_calendar_bookings: Lazy,
) -> Result:
    """Whom the customer could leave behind, by rule, and what each rule saves."""
    given = settings.load()
    known = ("kartra_id", "email_raw", "merged_emails", "extract_date")
    names = list(dict.fromkeys((*PEOPLE, *known)))
    kept = contacts_unified.select(names).collect()
    left = contacts_suppressed.select(names).collect()
    people = pl.concat([kept, left], how="vertical_relaxed")
    payments = payments_of(raw_transactions, people)
    active = pl.concat([payments["contact_key"], booked_by(raw_calendar_bookings, people)])
    frame = suppression_choices(
        {
            "contacts_unified": kept,
            "contacts_suppressed": left,
            "contact_rows": contact_rows.select("reason").collect(),
        },
        payments,
        active.unique(),
        stale=Staleness(given.stale_months, given.stale_max_score, reference_date(people)),
        chosen=parse_rules(given.suppress),
    )
    return _figures(frame)


@dg.asset(name="behavioural_tags", **_COMMON)
def behavioural(parsed_tags: Frame) -> Result:
    """Tags that look like events: all that is left of form, webinar and course history."""
    return _figures(behavioural_tags(parsed_tags))


@dg.asset(name="object_inventory", **_COMMON)
def inventory(behavioural_tags: Frame, raw_sequences: Lazy) -> Result:
    """Memberships, courses, sequences, forms and surveys: what is left of them, for rebuilding."""
    frame = object_inventory(behavioural_tags, raw_sequences.collect())
    return _figures(frame, kinds=counts(frame, "kind"))


@dg.asset(name="tag_taxonomy", **_COMMON)
def taxonomy(contacts_unified: Lazy, parsed_tags: Frame) -> Result:
    """Every tag: who carries it, what it speaks of, its spellings and its duplicates."""
    labels = contacts_unified.select("tags").collect().to_series()
    frame = tag_taxonomy(parsed_tags, labels, len(labels))
    return _figures(frame, kinds=counts(frame, "kind"))


@dg.asset(
    name="engagement_probe",
    ins=_TAGS
    | scanned("contacts_unified", "parsed_tags", "transactions_prepared", "bookings_prepared"),
    **_COMMON,
)
def probe(**frames: Lazy) -> Result:
    """Which engagement can be told from the exports, kind by kind, and which is lost."""
    return _figures(engagement_probe(read_narrow(frames)))


@dg.asset(name="data_quality", ins=_RAW, **_COMMON)
def quality(**frames: Lazy) -> Result:
    """How full, how varied and how long each column of each export is."""
    return _figures(data_quality(frames), rows=300)


@dg.asset(name="migration_scope", ins=_RAW | _PREPARED | _TAGS, **_COMMON)
def scope_of_migration(**frames: Lazy) -> Result:
    """Kartra's twelve objects: rows, destination, cardinality, support, planned records."""
    return _figures(migration_scope(read_narrow(frames)))


@dg.asset(name="will_not_migrate", ins=_RAW | _PREPARED | _TAGS, **_COMMON)
def losses(**frames: Lazy) -> Result:
    """What is lost or stays behind, why, and what to do about it."""
    return _figures(will_not_migrate(read_narrow(frames)))
