"""Settings come from the environment and the caller; mistakes name themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.settings import SAMPLE_EXPORTS, Settings, Target
from kartra_sf_pipeline_tests.end_to_end.command_line import settings_in_force


def test_an_argument_wins_over_the_environment() -> None:
    with settings_in_force({"KARTRA_SF_ZONE": "Europe/Vienna"}):
        assert Settings.load().zone == "Europe/Vienna"
        assert Settings.load(zone="Asia/Tokyo").zone == "Asia/Tokyo"
        assert Settings.load(zone=None).zone == "Europe/Vienna"


def test_every_path_follows_the_home(tmp_path: Path) -> None:
    with settings_in_force({"KARTRA_SF_HOME": str(tmp_path)}):
        settings = Settings.load()
    assert settings.frames_folder() == str(tmp_path / "frames")
    assert settings.ledger() == f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    assert settings.runs_folder() == tmp_path / "runs"
    assert settings.dagster_home() == tmp_path / "dagster"


def test_a_relative_home_is_made_absolute() -> None:
    with settings_in_force({"KARTRA_SF_HOME": "here"}):
        assert Settings.load().home == Path.cwd() / "here"


def test_the_sample_stands_in_on_the_local_org_alone() -> None:
    with settings_in_force({}):
        assert Settings.load().exports_folder() == SAMPLE_EXPORTS
        for target in (Target.SANDBOX, Target.PRODUCTION):
            with pytest.raises(SettingsError, match="KARTRA_SF_EXPORTS"):
                Settings.load(target=target).exports_folder()


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("KARTRA_SF_ZONE", "Nowhere/Land", "America/New_York"),
        ("KARTRA_SF_ZONE", "../../etc/passwd", "IANA"),
        ("KARTRA_SF_TARGET", "moon", "production"),
        ("KARTRA_SF_ORG_PORT", "eighty", "integer"),
        ("KARTRA_SF_EVENT_MINUTES", "an hour", "integer"),
        ("KARTRA_SF_COMMUNICATIONS_POLARITY", "maybe", "one_is_yes"),
    ],
)
def test_a_wrong_setting_names_its_variable_and_what_is_allowed(
    name: str, value: str, word: str
) -> None:
    with settings_in_force({name: value}), pytest.raises(SettingsError) as caught:
        Settings.load()
    assert name in str(caught.value)
    assert word in str(caught.value)


def test_production_may_not_be_written_to_and_a_sandbox_only_by_a_map(tmp_path: Path) -> None:
    with settings_in_force({}):
        Settings.load().refuse_unready_target()
        Settings.load(target=Target.SANDBOX, map=tmp_path / "map.yaml").refuse_unready_target()
        with pytest.raises(SettingsError, match="KARTRA_SF_MAP"):
            Settings.load(target=Target.SANDBOX).refuse_unready_target()
        with pytest.raises(SettingsError, match="sandbox"):
            Settings.load(target=Target.PRODUCTION, map=tmp_path).refuse_unready_target()
