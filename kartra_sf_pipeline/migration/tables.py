"""The ledger's tables: SQLAlchemy Core, so that SQLite and a database server take the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

#: Raised by one whenever a table changes: a ledger of another version is refused. A new table is
#: no change: it is made where it is missing.
SCHEMA_VERSION = 1

metadata = MetaData()
# SQLite numbers rows by itself only in a column of exactly INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")
_RUN_ID_CHARS = 32

schema_version = Table(
    "schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False)
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(_RUN_ID_CHARS), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("target", String(32), nullable=False),
    Column("org_id", String(18), nullable=False),
    Column("instance_url", Text, nullable=False),
    Column("exports_hash", String(64), nullable=False),
    # running, succeeded, failed, rolled_back
    Column("status", String(32), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
)

gates = Table(
    "gates",
    metadata,
    Column("gate_id", _RowId, primary_key=True),
    Column("phase", String(64), nullable=False),
    Column("data_version", String(64), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    Column("run_id", String(64)),
    Index("gates_by_data", "phase", "data_version"),
)

phases = Table(
    "phases",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("phase", String(64), primary_key=True),
    Column("object", String(80), nullable=False),
    Column("data_version", String(64), nullable=False),
    # started, finished
    Column("state", String(16), nullable=False),
    Column("planned", Integer, nullable=False),
    Column("created", Integer),
    Column("updated", Integer),
    Column("unchanged", Integer),
    Column("rejected", Integer),
    Column("seconds", Float),
    Column("started_at", DateTime(timezone=True), nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(18), primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False, index=True),
    Column("phase", String(64), nullable=False),
    Column("object", String(80), nullable=False),
    Column("operation", String(16), nullable=False),
    # Open when noted, before anything is uploaded; afterwards the org's word for its end.
    Column("state", String(16), nullable=False),
    Column("rows", Integer),
    Column("error_message", Text),
    Column("noted_at", DateTime(timezone=True), nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("record_id", _RowId, primary_key=True, autoincrement=False),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False),
    Column("phase", String(64), nullable=False),
    Column("object", String(80), nullable=False),
    Column("key", Text, nullable=False),
    # create or update: what was about to be sent
    Column("intent", String(8), nullable=False),
    # created, updated, rejected; null while the org's answer is unknown
    Column("action", String(8)),
    Column("sf_id", String(18)),
    # Updates only, JSON by column: what the org held, and what was sent.
    Column("pre_image", Text),
    Column("written", Text),
    Column("error_code", Text),
    Column("error_fields", Text),
    Column("error_message", Text),
    Column("source_file", Text),
    Column("source_line", Integer),
    # deleted, already_gone, restored, kept: what a rollback made of it
    Column("undone", String(16)),
    Index("records_by_run", "run_id", "phase"),
)

identities = Table(
    "identities",
    metadata,
    # Later rows supersede earlier ones of the same alias.
    Column("identity_id", _RowId, primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False, index=True),
    Column("object", String(80), nullable=False),
    # What the record is known by besides its key: keys that were folded into it.
    Column("alias", Text, nullable=False),
    Column("key", Text, nullable=False),
    # Only where the org was found to hold a key that no run of this ledger had written.
    Column("sf_id", String(18)),
)
