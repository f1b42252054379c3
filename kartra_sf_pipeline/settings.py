"""What a run needs to know: folders, target and policies, from the environment or the caller."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kartra_sf_pipeline.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE_EXPORTS = PROJECT / "data" / "sample"


class Target(StrEnum):
    """Where the data goes."""

    LOCAL = "local"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Settings of one run; each field is also the environment variable `KARTRA_SF_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="KARTRA_SF_", extra="ignore")

    home: Path = PROJECT / ".kartra_sf"
    exports: Path | None = None
    target: Target = Target.LOCAL
    map: Path | None = None
    """A field map to use as it is; unset, the account's map is proposed and written to the home."""
    zone: str = "America/New_York"
    """IANA zone of the naive times in Kartra's exports (Kartra documents US Eastern)."""
    communications_polarity: Literal["one_is_yes", "zero_is_yes"] | None = None
    """How to read a bare 0/1 in the GDPR communications column; unset holds it for review."""
    event_minutes: int = 60
    """Length of a booking: Kartra gives a start and no end."""
    merge_at: float = Field(default=0.95, ge=0, le=1)
    """From this score on two contacts, or companies, are merged (prepare/matching.py)."""
    review_at: float = Field(default=0.75, ge=0, le=1)
    """From this score on a pair is written to the review file, for a person to decide."""
    suppress: str = ""
    """Rules whose people stay behind, comma-separated (prepare/suppression.py); none by default."""
    stale_months: int = Field(default=24, ge=1)
    """Who joined longer ago than this, and has neither bought nor booked, is stale."""
    stale_max_score: int | None = None
    """A contact with more points than this is never stale; unset, points do not count."""
    plan_contacts: int | None = Field(default=None, ge=1)
    """Contacts of the account's Kartra plan; unset, the nearest tier is assumed."""
    slice_rows: int = Field(default=10_000, ge=100)
    """Contacts that one slice of the extraction plan should hold at most."""
    ledger_url: str | None = None
    """SQLAlchemy URL of the ledger; SQLite under the home folder when unset."""
    frames: str | None = None
    """Base folder of the frames; may be an object-store URI."""
    org_port: int | None = None
    """Port of the local org; any free port when unset."""
    api_version: str = "62.0"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"{value!r} is not an IANA time zone; use a name such as America/New_York"
            raise ValueError(message) from error
        return value

    @field_validator("suppress")
    @classmethod
    def _known_rules(cls, value: str) -> str:
        # Imported here: most runs suppress nobody, and the help screens need no Polars.
        if value.strip():
            from kartra_sf_pipeline.prepare.suppression import parse_rules

            parse_rules(value)
        return value

    @classmethod
    def load(cls, **given: object) -> Settings:
        """Read the environment; arguments that are not None win over it.

        Raises SettingsError naming the setting, the value's fault and the variable to change.
        """
        known = {name: value for name, value in given.items() if value is not None}
        try:
            settings = cls(**known)  # pyright: ignore[reportArgumentType]
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
                for fault in error.errors()
            )
            names = ", ".join(
                f"KARTRA_SF_{str(fault['loc'][0]).upper()}"
                for fault in error.errors()
                if fault["loc"]
            )
            raise SettingsError(
                f"The settings are not usable: {faults}.",
                next_step=f"Correct the option or the environment variable ({names}).",
            ) from None
        settings.home = settings.home.expanduser().absolute()
        return settings

    def exports_folder(self) -> Path:
        """The folder of Kartra exports; the sample account stands in on the local org alone."""
        if self.exports is not None:
            return self.exports.expanduser().absolute()
        if self.target is Target.LOCAL:
            return SAMPLE_EXPORTS
        raise SettingsError(
            f"A load to {self.target.value} must name its folder of exports.",
            next_step="Pass --exports DIR or set KARTRA_SF_EXPORTS.",
        )

    def refuse_unready_target(self) -> None:
        """Raise SettingsError where the target may not be written to: nothing moves unconfirmed."""
        if self.target is Target.PRODUCTION:
            raise SettingsError(
                "Production is loaded only after a reconciled sandbox run of an approved map.",
                next_step="Set KARTRA_SF_TARGET to local or sandbox.",
            )
        if self.target is Target.SANDBOX and self.map is None:
            raise SettingsError(
                "A sandbox is loaded by a field map that somebody has read, not by a proposed one.",
                next_step="Review field_map.yaml in the home folder, keep a copy and name it in "
                "KARTRA_SF_MAP.",
            )

    def frames_folder(self) -> str:
        """Base folder (or URI) of every asset's Parquet."""
        return self.frames or str(self.home / "frames")

    def ledger(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger_url or f"sqlite:///{self.home / 'ledger.sqlite'}"

    def runs_folder(self) -> Path:
        """Where each job leaves its folder with summary.json and the reports."""
        return self.home / "runs"

    def dagster_home(self) -> Path:
        """DAGSTER_HOME of this project: one instance for the command line and the UI."""
        return self.home / "dagster"
