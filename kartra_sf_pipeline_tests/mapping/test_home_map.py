"""What a person wrote into the home folder's map is used, or kept aside: never lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.approval import approve
from kartra_sf_pipeline.mapping.home_map import FILE, HomeMap, settle_map


def run(home: Path, *tags: str, given: Path | None = None, last: str | None = None) -> HomeMap:
    """A run over an account with these tags."""
    return settle_map(home, given, lambda: propose_map((), tags), last=last)


def tags_of(used: HomeMap) -> Sequence[str]:
    rules = used.content.phases["contact_tags"].fields
    return next(r.new.values for r in rules if r.target == "Kartra_Tags__c" and r.new) or ()


def text_of(home: Path) -> str:
    return (home / FILE).read_text(encoding="utf-8")


def edited(home: Path, old: str = "target: Suffix", new: str = "target: Title") -> str:
    text = text_of(home)
    assert old in text
    (home / FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text_of(home)


def test_a_proposal_that_nobody_touched_is_made_anew(tmp_path: Path) -> None:
    assert run(tmp_path, "vip").origin == "proposed"
    again = run(tmp_path, "vip", "gold")
    assert again.origin == "proposed"
    assert set(tags_of(again)) == {"vip", "gold"}
    assert "gold" in text_of(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("new", ["target: Title", "target: Suffix  # as Ann says"])
def test_an_edited_map_is_used_as_it_is_and_its_remarks_stay(tmp_path: Path, new: str) -> None:
    run(tmp_path, "vip")
    mine = edited(tmp_path, new=new)
    for _ in range(2):
        used = run(tmp_path, "vip", "gold")
        assert (used.origin, used.file) == ("home", tmp_path / FILE)
        assert list(tags_of(used)) == ["vip"]
        assert text_of(tmp_path) == mine


def test_an_edit_that_holds_no_map_is_refused_and_stays(tmp_path: Path) -> None:
    run(tmp_path, "vip")
    mine = edited(tmp_path, new="sauce: Suffix")
    with pytest.raises(SettingsError, match=r"field_map\.yaml, line \d+"):
        run(tmp_path, "vip")
    assert text_of(tmp_path) == mine


def test_an_approved_proposal_stays_until_it_is_deleted(tmp_path: Path) -> None:
    first = run(tmp_path, "vip")
    approve(tmp_path, first.content, "00D", {}, by="Ann", file=first.file)
    assert run(tmp_path, "vip", "gold").origin == "home"
    first.file.unlink()
    assert run(tmp_path, "vip", "gold").origin == "proposed"


def test_a_given_map_is_copied_and_a_person_s_one_is_kept_aside(tmp_path: Path) -> None:
    home, given = tmp_path / "home", tmp_path / "ours.yaml"
    home.mkdir()
    run(home, "vip")
    given.write_text(text_of(home), encoding="utf-8")
    mine = edited(home)
    used = run(home, given=given)
    assert (used.origin, used.file) == ("given", given)
    assert used.kept is not None
    assert used.kept.read_text(encoding="utf-8") == mine
    assert run(home, given=given).kept is None
    # A copy of what was given is no work of a person's.
    assert run(home, "gold").origin == "proposed"
    second = edited(home)
    kept = run(home, given=given).kept
    assert kept is not None
    assert kept != used.kept
    assert kept.read_text(encoding="utf-8") == second


def test_a_given_map_that_is_the_home_s_own_file_is_not_written(tmp_path: Path) -> None:
    run(tmp_path, "vip")
    mine = edited(tmp_path, new="target: Title  # not Suffix")
    link = tmp_path / "link.yaml"
    link.symlink_to(FILE)
    for given in (tmp_path / FILE, link):
        assert run(tmp_path, "gold", given=given).origin == "given"
        assert text_of(tmp_path) == mine


def test_a_map_of_an_earlier_version_counts_by_what_the_last_run_used(tmp_path: Path) -> None:
    old = propose_map((), ("vip",))
    (tmp_path / FILE).write_text(old.to_yaml(), encoding="utf-8")
    assert run(tmp_path, "gold", last=None).origin == "home"
    assert run(tmp_path, "gold", last="another").origin == "home"
    assert run(tmp_path, "gold", last=old.fingerprint()).origin == "proposed"
