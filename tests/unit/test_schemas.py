from pathlib import Path

import jsonschema
import pytest
import yaml
from harness import configuration

ROOT = Path(__file__).parents[2]
SCHEMAS = ["config.schema.yaml", "datasets.schema.yaml"]


def load(name):
    return yaml.safe_load((ROOT / "workflow/schemas" / name).read_text())


def levels(schema, where="top"):
    """Every schema inside a schema, with where it stands."""
    yield where, schema
    for key in ("properties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from levels(inner, f"{where}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from levels(schema[key], f"{where}.*")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_level_is_closed(name):
    for where, level in levels(load(name)):
        if level.get("type") == "object":
            assert "additionalProperties" in level, where


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described(name):
    schema = load(name)
    for where, level in levels(schema):
        for key, inner in level.get("properties", {}).items():
            target = schema["$defs"][inner["$ref"].split("/")[-1]] if "$ref" in inner else {}
            assert "description" in inner | target, f"{where}.{key}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(load(name))


def test_presets_fit_the_schema():
    validator = jsonschema.Draft202012Validator(load("config.schema.yaml"))
    for path in sorted((ROOT / "workflow/presets").glob("*.yaml")):
        validator.validate(configuration(preset=path))
