"""Every declared dataset is complete: declaration, params, snapshot, schema, and files made from them."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml

from observatudo import config, generate, snapshots
from tests.conftest import ROOT

KEYS = config.declared(ROOT)


def test_datasets_are_declared_on_both_sides() -> None:
    """A declaration off the list waits for files brought by hand, and its lines stand in params.yaml as comments."""
    folder = ROOT / "configs/datasets"
    declared = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}
    assert declared >= set(KEYS)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for key in declared - set(KEYS):
        dataset = config.load_dataset(ROOT, key)
        assert not dataset.snapshot.packages
        assert f"# {key}: {{params: {key.replace('/', '.')}," in params
        section = re.search(rf"# +{key.partition('/')[2]}: (\{{.*\}})", params)
        assert section
        assert set(yaml.safe_load(section[1])) == dataset.param_names()


@pytest.mark.parametrize("key", KEYS)
def test_a_dataset_has_its_params_and_uses_every_one(key: str) -> None:
    dataset = config.load_dataset(ROOT, key)
    params = config.load_params(ROOT).dataset(key)
    config.check_params(key, dataset, params)
    assert set(params) == dataset.param_names()


@pytest.mark.parametrize("key", KEYS)
def test_params_of_a_dataset_are_its_own(key: str) -> None:
    """Shared params would run every dataset again; a name of its own also makes ``dvc exp run -S`` readable."""
    assert config.load_params(ROOT).datasets[key].params == key.replace("/", ".")


@pytest.mark.parametrize("key", KEYS)
def test_a_snapshot_is_whole_and_is_what_the_declaration_asks_for(key: str) -> None:
    dataset, snapshot = config.load_dataset(ROOT, key), snapshots.verify(ROOT, key)
    if dataset.snapshot.packages:  # else its files were brought by hand
        assert sorted(snapshot.files) == dataset.snapshot.files()
    if snapshot.connector == "package":
        asked = [package.model_dump(exclude={"members"}) for package in dataset.snapshot.packages]
        assert snapshot.source == {"packages": asked}
    assert (snapshot.publisher, snapshot.citation) == (dataset.publisher, dataset.citation)
    assert snapshot.license == ", ".join(license.name for license in dataset.licenses)


def test_snapshots_in_git_stay_small() -> None:
    """Larger ones belong in DVC: Git keeps every version of a file for ever."""
    size = sum(entry.bytes for key in KEYS for entry in snapshots.read(ROOT, key).files.values())
    assert size < 20_000_000


@pytest.mark.parametrize("key", KEYS)
def test_the_published_schema_accepts_what_the_program_accepts(key: str) -> None:
    schema = json.loads((ROOT / "configs/schema/dataset.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load((ROOT / config.dataset_path(key)).read_text(encoding="utf-8")), schema)


def test_the_published_schema_refuses_what_the_program_refuses() -> None:
    schema = json.loads((ROOT / "configs/schema/dataset.json").read_text(encoding="utf-8"))
    content = yaml.safe_load((ROOT / config.dataset_path(KEYS[0])).read_text(encoding="utf-8"))
    for wrong in ({**content, "knd": "x"}, {**content, "kind": "tabela"}, {**content, "licenses": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_params_match_their_schema() -> None:
    schema = json.loads((ROOT / "configs/schema/params.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")), schema)


def test_generated_files_are_up_to_date() -> None:
    assert not generate.stale(ROOT), "type: observatudo generate"
