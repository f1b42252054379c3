"""Sound frames for each gate: what the pipeline itself makes of the sample account."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.model import ExportSet
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.load_order import PHASE_NAMES
from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, plan_custom_fields
from kartra_sf_pipeline.mapping.model import PhaseMap, Policies
from kartra_sf_pipeline.mapping.phase_frames import phase_frames
from kartra_sf_pipeline.mapping.row_plan import row_plan
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.rows.tags import picklist_tags
from kartra_sf_pipeline.mapping.shape import shape
from kartra_sf_pipeline.prepare.account_names import name_accounts
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.identity import NOTHING_KNOWN
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.spend import contact_spend
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.sample.account import write_account
from kartra_sf_pipeline.sample.extras import write_extras
from kartra_sf_pipeline.scope.audit import audit
from kartra_sf_pipeline.scope.control_file import ControlTotals
from kartra_sf_pipeline.scope.control_totals import control_totals
from kartra_sf_pipeline.scope.extract_judgement import extract_judgement
from kartra_sf_pipeline.scope.source_identity import source_identity
from kartra_sf_pipeline_tests.hand_made import hand_made_frames

ZONE = "America/New_York"
NO_ALIASES = pl.DataFrame(schema={"account_key": pl.String, "account": pl.String})
BOOK = "01s000000000001AAA"
HAND_MADE = (
    "activities_prepared",
    "attachments_prepared",
    "account_team_prepared",
    "opportunity_team_prepared",
    "territories_prepared",
)
LENGTHS = {
    "accounts": {"name": 255, "website": 255},
    "products": {"name": 255},
    "campaigns": {"name": 80},
    "contacts": {"lastname": 80, "firstname": 40, "email": 80, "phone": 40},
    "opportunities": {"name": 120},
    "events": {"subject": 255},
    "tasks": {"subject": 255},
}


def sound_frame(asset: str) -> pl.DataFrame:
    """The frame of an asset, as a run on a small sample account would leave it."""
    return _frames()[asset]


@cache
def _frames() -> dict[str, pl.DataFrame]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_account(Path(folder), contacts=300, seed=11)
        write_extras(Path(folder), 11)
        return _made(read_folder(Path(folder)), Path(folder))


def _made(read: ExportSet, folder: Path) -> dict[str, pl.DataFrame]:
    raw = read.frames
    prepared = prepare_contacts(raw["contacts"], zone=ZONE, communications_polarity=None)
    unified, contact_rows = unify_contacts(prepared, match_contacts(prepared))
    companies, company_rows = prepare_companies(unified, raw["companies"])
    names, _ = name_accounts(unified, raw["companies"], companies, NO_ALIASES, NOTHING_KNOWN)
    transactions = prepare_transactions(
        raw["transactions"], raw["subscriptions"], unified, zone=ZONE
    )
    subscriptions, derived = prepare_subscriptions(
        raw["subscriptions"], transactions, unified, zone=ZONE
    )
    affiliates, other_affiliates = prepare_affiliates(raw["affiliates"], transactions)
    bookings = prepare_bookings(raw["calendar_bookings"], unified, zone=ZONE)
    notes = prepare_notes(raw["notes"], unified, zone=ZONE)
    products = derive_products(transactions)
    tags, lists = parse_tags(unified), parse_lists(unified)
    field_map = propose_map(
        plan_custom_fields(unified, raw["custom_fields"]), picklist_tags(tags, Policies())
    )
    choices = Choices(
        field_map=field_map,
        objects={
            phase.object: ObjectDescribe.from_json({"name": phase.object})
            for phase in field_map.phases.values()
        },
        pricebook_id=BOOK,
        minutes=60,
        phases=field_map.active(),
    )
    made = {
        "contacts_prepared": prepared,
        "contact_rows": contact_rows,
        "contacts_unified": unified,
        "account_names": names,
        "contact_spend": contact_spend(transactions),
        "companies_prepared": companies,
        "parsed_tags": tags,
        "parsed_lists": lists,
        "raw_lists": raw["lists"],
        "transactions_prepared": transactions,
        "subscriptions_prepared": subscriptions,
        "subscriptions_derived": derived,
        "affiliates_prepared": affiliates,
        "affiliates_derived": other_affiliates,
        "bookings_prepared": bookings,
        "notes_prepared": notes,
        "products_derived": products,
    }
    made |= hand_made_frames(raw, made, folder, ZONE)
    rows = phase_frames({name: frame.lazy() for name, frame in made.items()}, choices)
    shaped = {
        name: shape(rows[name], choices.phases[name], LENGTHS.get(name, {}), choices)
        if name in rows
        else _imagined(field_map.phases[name])
        for name in PHASE_NAMES
    }
    kept = prepared.filter(pl.col("disposition") == "keep").height
    sold = transactions.filter(pl.col("reason").fill_null("") != "older_extract").height
    read_off = ControlTotals(
        counts={"contacts": kept, "transactions": sold},
        money={("revenue", "USD"): Decimal("0.01")},
        tolerance_percent=Decimal(0),
    )
    counted = {
        "contacts_prepared": prepared,
        "contacts_unified": unified,
        "transactions_prepared": transactions,
        "quarantine": read.quarantine,
    }
    revenue = control_totals(counted, read_off).filter(pl.col("what") == "revenue")["found"][0]
    read_off.money["revenue", "USD"] = revenue
    return {
        "control_totals": control_totals(counted, read_off),
        "source_identity": source_identity({name: frame.lazy() for name, frame in raw.items()}),
        "extract_judgement": extract_judgement(raw["contacts"].lazy(), read.quarantine),
        "account_audit": audit(counted, plan_contacts=12_500),
        "spreadsheet_damage": read.damage.clear(),
        **{f"raw_{export}": frame for export, frame in raw.items()},
        "contacts_prepared": prepared,
        "contacts_unified": unified,
        "records_loaded_apart": pl.DataFrame(
            {"object": ["Contact"], "first_loaded_run": ["r"], "decision": ["ignore"]}
        ),
        "companies_prepared": companies,
        "transactions_prepared": transactions,
        "subscriptions_prepared": subscriptions,
        "affiliates_prepared": affiliates,
        "bookings_prepared": bookings,
        "notes_prepared": notes,
        **{name: made[name] for name in HAND_MADE},
        "attachment_files": made["attachment_files"].filter("named"),
        "people_plan": rows["people_plan"],
        **shaped,
        "planned_rows": row_plan(
            {
                "quarantine": read.quarantine.lazy(),
                "contact_rows": contact_rows.lazy(),
                "people_plan": rows["people_plan"].lazy(),
                "groups": shaped["groups"].head(0).lazy(),
                "company_rows": company_rows.lazy(),
                "transactions_prepared": transactions.lazy(),
                "subscriptions_prepared": subscriptions.lazy(),
                "affiliates_prepared": affiliates.lazy(),
                "bookings_prepared": bookings.lazy(),
                "notes_prepared": notes.lazy(),
                "activities_prepared": made["activities_prepared"].lazy(),
                "attachments_prepared": made["attachments_prepared"].lazy(),
                "assignment_facts": rows["assignment_facts"].lazy(),
                "campaigns": shaped["campaigns"].lazy(),
                "raw_lists": raw["lists"].lazy(),
                "raw_custom_fields": raw["custom_fields"].lazy(),
                "raw_sequences": raw["sequences"].lazy(),
            },
            {
                str(rule.source).removeprefix(PREFIX): rule.target
                for rule in field_map.phases["contact_tags"].fields
                if str(rule.source).startswith(PREFIX)
            },
            field_map.strategies,
        ),
        "existing_records": pl.DataFrame(
            {
                "object": ["Account", "Contact"],
                "key": ["domain:acme.com", "1"],
                "sf_id": ["001000000000001AAA", None],
                "matched_by": ["Website", "Email"],
                "decision": ["stamp", "review"],
                "candidates": [1, 2],
            }
        ),
        # An outcome is told alike whatever the phase: where none is loaded, accounts stand for it.
        **{
            f"loaded_{phase}": _outcomes(shaped[phase if shaped[phase].height else "accounts"])
            for phase in PHASE_NAMES
        },
        "reconciliation": pl.DataFrame(
            {"export": ["contacts"], "rows": [5], "difference": [0], "balanced": [True]}
        ),
        "read_back": pl.DataFrame({"object": ["Contact"], "missing": [0], "differences": [0]}),
    }


def _outcomes(planned: pl.DataFrame) -> pl.DataFrame:
    return planned.select(
        "source_file",
        "source_line",
        key="_key",
        sf_id=pl.lit("001000000000001AAA"),
        outcome=pl.lit("created"),
        error_code=pl.lit(None, dtype=pl.String),
    )


def _imagined(phase: PhaseMap) -> pl.DataFrame:
    """Rows as they could be, of a phase that the standard map does not ask for."""
    numbers = pl.int_range(1, 6)
    forms = {
        "decimal": pl.format("{}.50", numbers),
        "integer": numbers.cast(pl.String),
        "boolean": pl.lit("true"),
        "datetime": pl.format("2024-05-0{}T10:00:00.000Z", numbers),
        "date": pl.format("2024-05-0{}", numbers),
    }
    text = pl.format("Word_{}", numbers)
    address = pl.format("person{}@example.com", numbers)
    cells = {
        rule.target: address if rule.target == "Email" else forms.get(rule.transform, text)
        for rule in phase.fields
    }
    return pl.select(
        **cells,
        _key=text,
        _wave=pl.lit(0, pl.Int8),
        source_file=pl.lit("imagined.csv"),
        source_line=numbers,
    )
