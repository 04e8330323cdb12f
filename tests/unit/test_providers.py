"""Declarations of models: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo import paths
from observatudo.classify.providers import load_providers, provider
from observatudo.errors import ConfigError

GOOD = {"base_url": "http://127.0.0.1:11434/v1", "model": "qwen3:8b"}


def declared(tmp_path: Path, name: str = "um", **more: str) -> Path:
    keys = "".join(f"    {key}: {value}\n" for key, value in {**GOOD, **more}.items())
    path = tmp_path / paths.PROVIDERS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"providers:\n  {name}:\n{keys}", encoding="utf-8")
    return tmp_path


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert load_providers(tmp_path) == {}


def test_what_is_shipped_declares_none(root: Path) -> None:
    assert load_providers(root) == {}


def test_what_is_shipped_as_an_example_is_sound(root: Path, tmp_path: Path) -> None:
    text = (root / paths.PROVIDERS).read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# providers", "#   "))]
    (tmp_path / "configs").mkdir()
    (tmp_path / paths.PROVIDERS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert set(load_providers(tmp_path)) == {"ollama", "openai"}


def test_the_order_of_parameters_makes_no_difference(tmp_path: Path) -> None:
    one = provider(declared(tmp_path, parameters="{temperature: 0, top_p: 1}"), "um")
    other = provider(declared(tmp_path, parameters="{top_p: 1, temperature: 0}"), "um")
    assert one.parameters_text == other.parameters_text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"base_url": "http://ana:segredo@example.org/v1"}, "keys come from the environment"),
        ({"base_url": "https://example.org/v1?key=abc"}, "keys come from the environment"),
        ({"base_url": "ftp://example.org"}, "base_url"),
        ({"api_key_env": "sk-abc-123"}, "api_key_env"),
        ({"parameters": "{response_format: x}"}, "response_format"),
        ({"parameters": "{messages: x, seed: 1}"}, "messages, seed"),
        ({"parameters": "{stop: [a]}"}, "parameters"),
        ({"budget": "{money: 1}"}, "needs the price"),
        ({"limits": "{concurrency: 0}"}, "concurrency"),
        ({"limits": "{timeout: 3}"}, "did you mean “timeout_s”"),
        ({"prompt": "../segredo"}, "prompt"),
        ({"output": "yaml"}, "json_schema_strict"),
    ],
)
def test_what_is_refused_with_its_line(tmp_path: Path, more: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_providers(declared(tmp_path, **more))
    assert words in caught.value.message
    assert f"{paths.PROVIDERS}:" in caught.value.message


@pytest.mark.parametrize(
    "more",
    [
        {"base_url": "http://ana:segredo@example.org/v1"},
        {"base_url": "'http://ana:segredo@example.org/v1 '"},
        {"base_url": "https://example.org/v1?key=segredo"},
        {"base_url": "[https://example.org/segredo]"},
        {"api_key_env": "sk-segredo"},
        {"api_key": "segredo"},
        {"parameters": "{headers: {key: segredo}}"},
        {"parameters": "segredo"},
        {"output": "segredo"},
    ],
)
def test_what_may_be_a_key_is_not_repeated(tmp_path: Path, more: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_providers(declared(tmp_path, **more))
    assert "segredo" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http:///v1",
        "http://x:abc/v1",
        "http://x:99999999/v1",
        "http://x:0/v1",
        "x",
        "http://a..b/v1",
        '"http://x\\0/v1"',
    ],
)
def test_an_address_that_leads_nowhere_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="base_url is no address"):
        load_providers(declared(tmp_path, base_url=address))


@pytest.mark.parametrize("name", ["fonte", "humano", "regras", "embutido"])
def test_names_of_others_that_decide_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_providers(declared(tmp_path, name))


def test_an_unknown_model_has_its_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no model “oum” is declared; did you mean um\?"):
        provider(declared(tmp_path), "oum")
