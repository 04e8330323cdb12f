"""What infra/ declares holds together and is careful, as far as that can be known without Google Cloud.

No Terraform is needed: the files are parsed, their references resolved, and their attributes compared with those of
the pinned provider (google_provider.json beside this file, taken from the provider's published schema).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias, get_args

import hcl2
import pytest
from dotenv import dotenv_values

from observatudo.cloud.settings import Settings
from tests.conftest import ROOT

Tree: TypeAlias = "str | int | float | bool | list[Tree] | dict[str, Tree] | None"
Block: TypeAlias = "dict[str, Tree]"

INFRA = ROOT / "infra"
FILES = sorted(INFRA.glob("*.tf"))
EXAMPLES = sorted(INFRA.glob("*.tfvars.example"))
META = {"count", "for_each", "depends_on", "lifecycle", "provider", "dynamic"}
SCHEMA = json.loads((Path(__file__).parent / "google_provider.json").read_text(encoding="utf-8"))
# each narrow; what is granted on the whole project is told apart below
ROLES = {
    "roles/storage.objectUser",
    "roles/storage.legacyBucketReader",
    "roles/bigquery.dataEditor",
    "roles/bigquery.dataViewer",
    "roles/bigquery.jobUser",
    "roles/bigquery.readSessionUser",
    "roles/iam.workloadIdentityUser",
}
ON_THE_PROJECT = {"roles/bigquery.jobUser", "roles/bigquery.readSessionUser"}


def plain(tree: Tree) -> Tree:
    """Take off the quotes of keys and texts, and what the parser says about blocks and comments."""
    if isinstance(tree, dict):
        return {key.strip('"'): plain(value) for key, value in tree.items() if not key.startswith("__")}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return tree.removeprefix('"').removesuffix('"') if isinstance(tree, str) else tree


def parsed(text: str) -> Block:
    tree = plain(hcl2.loads(text))
    assert isinstance(tree, dict)
    return tree


def whole() -> list[Block]:
    return [parsed(path.read_text(encoding="utf-8")) for path in FILES]


def named(trees: list[Block], kind: str) -> Iterator[tuple[str, Block]]:
    """Yield address and body of the blocks of a kind: variable, output, resource, data."""
    for tree in trees:
        listed = tree.get(kind, [])
        assert isinstance(listed, list)
        for entry in listed:
            assert isinstance(entry, dict)
            for name, body in entry.items():
                assert isinstance(body, dict)
                if kind in ("variable", "output"):
                    yield name, body
                else:
                    yield from ((f"{name}.{own}", inner) for own, inner in body.items() if isinstance(inner, dict))


def texts(tree: Tree) -> Iterator[str]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts(value)
    elif isinstance(tree, str):
        yield tree


def references(trees: list[Block]) -> set[str]:
    """Return what expressions name: ``var.x``, ``local.x``, ``google_t.x.attribute``, ``data.google_t.x.attribute``."""
    shape = re.compile(r"(?<![\w.\"])((?:var|local)\.\w+|(?:data\.)?google_\w+\.\w+(?:\[0\])?(?:\.\w+)?)")
    return {found for text in texts(list(trees)) if "${" in text for found in shape.findall(text)}


def locals_of(trees: list[Block]) -> set[str]:
    return {
        f"local.{name}"
        for tree in trees
        for block in (tree.get("locals") or [])  # type: ignore[union-attr]  # always a list of blocks
        if isinstance(block, dict)
        for name in block
    }


def unresolved(trees: list[Block]) -> set[str]:
    known = {f"var.{name}" for name, _body in named(trees, "variable")} | locals_of(trees)
    places = {address for address, _body in named(trees, "resource")}
    places |= {f"data.{address}" for address, _body in named(trees, "data")}
    wrong = set()
    for reference in references(trees):
        if reference.startswith(("var.", "local.")):
            wrong |= {reference} - known
            continue
        parts = reference.removeprefix("data.").replace("[0]", "").split(".")
        prefix = "data." if reference.startswith("data.") else ""
        kind, address = prefix + parts[0], prefix + ".".join(parts[:2])
        if address not in places or (len(parts) > 2 and parts[2] not in [*chain(*SCHEMA[kind].values())]):
            wrong.add(reference)
    return wrong


def misspelt(path: str, block: Block) -> list[str]:
    """Return what the provider does not know in a block, or misses in it."""
    known = SCHEMA[path]
    wrong = [f"{path}: no {name}" for name in set(known["required"]) - set(block)]
    for name, value in block.items():
        if name not in META and name not in known["required"] + known["optional"]:
            wrong.append(f"{path}: unknown {name}")
        inner = value if isinstance(value, list) else []
        if f"{path}.{name}" in SCHEMA:
            wrong += [word for own in inner if isinstance(own, dict) for word in misspelt(f"{path}.{name}", own)]
    return wrong


def bucket() -> Block:
    ((_address, body),) = [item for item in named(whole(), "resource") if item[0].startswith("google_storage_bucket.")]
    return body


def test_references_resolve_and_nothing_is_declared_in_vain() -> None:
    trees = whole()
    assert len(references(trees)) > 20
    assert not unresolved(trees)
    declared = {f"var.{name}" for name, _body in named(trees, "variable")} | locals_of(trees)
    assert not declared - references(trees)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('output "x" { value = var.nowhere }', "var.nowhere"),
        ('output "x" { value = "a-${local.nowhere}" }', "local.nowhere"),
        ('output "x" { value = google_storage_bucket.nowhere.name }', "google_storage_bucket.nowhere.name"),
        ('output "x" { value = google_storage_bucket.data.naem }', "google_storage_bucket.data.naem"),
        ('output "x" { value = data.google_project.that.number }', "data.google_project.that.number"),
    ],
)
def test_a_reference_that_leads_nowhere_is_found(text: str, found: str) -> None:
    assert unresolved([*whole(), parsed(text + "\n")]) == {found}


def test_attributes_are_those_of_the_pinned_provider() -> None:
    trees = whole()
    resources = [*named(trees, "resource"), *((f"data.{name}", body) for name, body in named(trees, "data"))]
    assert not [word for address, body in resources for word in misspelt(address.rpartition(".")[0], body)]
    pin = re.search(r'version = "~> (\d+\.\d+)"', (INFRA / "versions.tf").read_text(encoding="utf-8"))
    assert pin is not None and SCHEMA["version"].startswith(pin[1] + ".")


def test_an_attribute_the_provider_does_not_know_is_found() -> None:
    wrong = misspelt("google_storage_bucket", bucket() | {"versionning": "x", "versioning": [{"on": True}]})
    assert sorted(wrong) == [
        "google_storage_bucket.versioning: no enabled",
        "google_storage_bucket.versioning: unknown on",
        "google_storage_bucket: unknown versionning",
    ]


def test_the_bucket_is_private_versioned_and_cleans_up_after_itself() -> None:
    body = bucket()
    assert body["uniform_bucket_level_access"] is True and body["force_destroy"] is False
    assert body["public_access_prevention"] == "enforced"
    assert body["versioning"] == [{"enabled": True}]
    rules = body["lifecycle_rule"]
    assert isinstance(rules, list)
    said = json.dumps(rules)
    assert said.count("AbortIncompleteMultipartUpload") == 1
    current = [rule for rule in rules if "Abort" not in json.dumps(rule) and "ARCHIVED" not in json.dumps(rule)]
    assert len(current) == 1
    assert '"matches_prefix": ["cargas/"]' in json.dumps(current), "only loads' files may expire"


def test_datasets_are_beside_the_bucket_and_their_tables_stay() -> None:
    found = dict(named(whole(), "resource"))
    bodies = [body for address, body in found.items() if address.startswith("google_bigquery_dataset.")]
    assert [body["dataset_id"] for body in bodies] == ["${local.dataset}", "${local.dataset}_raw"]
    for body in bodies:
        assert body["location"] == bucket()["location"]
        assert not {name for name in body if "expiration" in name} and body["delete_contents_on_destroy"] is False


def test_roles_are_narrow_and_as_near_to_what_they_open_as_can_be() -> None:
    members = [(address, body) for address, body in named(whole(), "resource") if "_iam_" in address]
    granted = {role for _address, body in members for role in re.findall(r"roles/[\w.]+", json.dumps(body))}
    assert granted == ROLES
    wide = [body for address, body in members if address.startswith("google_project_iam")]
    assert {role for body in wide for role in re.findall(r"roles/[\w.]+", json.dumps(body))} == ON_THE_PROJECT
    assert not [address for address, _body in members if "_iam_policy" in address or "_iam_binding" in address]
    assert not re.search(r"allUsers|allAuthenticatedUsers", json.dumps(whole()))


def test_only_one_branch_of_one_repository_is_let_in() -> None:
    body = dict(named(whole(), "resource"))["google_iam_workload_identity_pool_provider.github"]
    assert body["attribute_condition"] == (
        "assertion.repository == '${var.github_repository}' && assertion.ref == 'refs/heads/${var.github_branch}'"
    )
    member = str(dict(named(whole(), "resource"))["google_service_account_iam_member.github"]["member"])
    assert member.endswith("/attribute.repository/${var.github_repository}")


def test_nothing_secret_is_declared_or_could_be_committed() -> None:
    assert not [address for address, _body in named(whole(), "resource") if "service_account_key" in address]
    held = "".join(path.read_text(encoding="utf-8") for path in INFRA.iterdir() if path.is_file())
    assert not re.search(r"PRIVATE KEY|ya29\.|AIza|\"private_key", held)
    names = ["infra/prod.tfvars", "infra/terraform.tfstate", "infra/x.tfstate.backup", ".env", ".env.prod"]
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == names
    kept = subprocess.run(["git", "check-ignore", ".env.example", "infra/prod.tfvars.example"], cwd=ROOT)
    assert kept.returncode == 1


def test_the_output_is_what_the_settings_ask_for() -> None:
    value = str(dict(named(whole(), "output"))["env"]["value"])
    lines = re.findall(r"^ *(\w+)=\S+$", value, re.MULTILINE)
    assert lines == list(dotenv_values(ROOT / ".env.example"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_gives_values_to_variables_that_exist(path: Path) -> None:
    variables = dict(named(whole(), "variable"))
    given = parsed(path.read_text(encoding="utf-8"))
    assert set(given) <= set(variables)
    assert {name for name, body in variables.items() if "default" not in body} <= set(given)
    assert given["environment"] == path.name.split(".")[0]


def test_there_is_an_example_for_each_environment() -> None:
    environments = get_args(Settings.model_fields["environment"].annotation)
    assert {path.name for path in EXAMPLES} == {f"{name}.tfvars.example" for name in environments}
