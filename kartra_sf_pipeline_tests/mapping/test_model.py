import json
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.account_map import DEFAULT_MAP, map_frame
from kartra_sf_pipeline.mapping.model import json_schema, load_map


def test_the_default_map_holds_and_keeps_its_content_through_yaml(tmp_path: Path):
    default = load_map(DEFAULT_MAP)
    copy = tmp_path / "field_map.yaml"
    copy.write_text(default.to_yaml(), encoding="utf-8")
    assert load_map(copy) == default
    assert load_map(copy).fingerprint() == default.fingerprint()


def test_layout_does_not_change_the_fingerprint_but_content_does(tmp_path: Path):
    text = DEFAULT_MAP.read_text(encoding="utf-8")
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text("# read by RevOps\n\n" + text, encoding="utf-8")
    other.write_text(text.replace("target: Website", "target: Site"), encoding="utf-8")
    assert load_map(same).fingerprint() == load_map(DEFAULT_MAP).fingerprint()
    assert load_map(other).fingerprint() != load_map(DEFAULT_MAP).fingerprint()


def _with_line(tmp_path: Path, old: str, new: str) -> tuple[Path, int]:
    text = DEFAULT_MAP.read_text(encoding="utf-8").replace(old, new, 1)
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return path, text[: text.index(new)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{target: Website, source: website}", "{target: Website, sauce: website}", "sauce"),
        (
            "{target: Phone, source: phone}",
            "{target: Phone, source: phone, transform: shout}",
            "shout",
        ),
        ("{target: Phone, source: phone}", "{target: Website, source: phone}", "two sources"),
        ("{target: Phone, source: phone}", "{target: Phone}", "either `source` or `constant`"),
        (
            "{target: Phone, source: phone}",
            "{target: Up__c, source: phone, new: {type: Lookup, label: Up}}",
            "`reference_to` names the object",
        ),
        (
            "{target: Phone, source: phone}",
            "{target: Phone, source: phone, only_with: {transactions: oportunity}}",
            "'opportunity' or 'custom_object'",
        ),
        (
            "{target: Phone, source: phone}",
            "{target: Phone, source: phone, only_with: {teams: 'yes'}}",
            "the strategy teams is never 'yes'",
        ),
    ],
)
def test_a_fault_in_the_map_is_told_with_file_and_line(tmp_path: Path, old, new, said):
    path, line = _with_line(tmp_path, old, new)
    with pytest.raises(SettingsError) as told:
        load_map(path)
    text = str(told.value)
    assert said in text or "Input should be" in text
    assert str(path) in text
    named = [int(word.rstrip(":,")) for word in text.split() if word.rstrip(":,").isdigit()]
    # A fault of the whole phase is told at the phase, before the line of the field.
    assert any(number <= line for number in named)


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path):
    twice = "{target: Phone, source: phone, source: email}"
    path, line = _with_line(tmp_path, "{target: Phone, source: phone}", twice)
    with pytest.raises(SettingsError, match=rf"line {line}: .*`source` is written twice"):
        load_map(path)


def test_a_constant_that_looks_like_a_day_is_text(tmp_path: Path):
    day = "{target: Phone, constant: 2024-02-30}"
    path, _ = _with_line(tmp_path, "{target: Phone, source: phone}", day)
    rules = {rule.target: rule for rule in load_map(path).phases["accounts"].fields}
    assert rules["Phone"].constant == "2024-02-30"


def test_a_tag_that_its_value_does_not_fit_is_told(tmp_path: Path):
    path = tmp_path / "map.yaml"
    path.write_text("version: !!timestamp 2024-02-30\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid YAML"):
        load_map(path)


def test_broken_yaml_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "map.yaml"
    path.write_text("version: 1\nphases:\n  accounts: {object: Account\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"line \d+: not valid YAML"):
        load_map(path)


def test_a_missing_map_says_how_to_get_one(tmp_path: Path):
    with pytest.raises(SettingsError, match="is missing"):
        load_map(tmp_path / "none.yaml")


def test_the_map_as_a_table_has_one_row_per_field():
    default = load_map(DEFAULT_MAP)
    frame = map_frame(default, default.phases)
    assert frame.height == sum(len(phase.fields) for phase in default.phases.values())
    assert frame["map_fingerprint"].n_unique() == 1


def test_the_published_json_schema_is_current():
    published = Path(__file__).parents[2] / "docs" / "field_map.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == json_schema()
