"""References by name and to other documents."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from oracles.json_expr import matches
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from constrain.errors import Unsupported
from constrain.json_schema import grammar, pointers, references

LIST = {
    "$id": "http://example.com/list.json",
    "type": ["array", "null"],
    "items": {"$ref": "#/$defs/item"},
    "$defs": {"item": {"anyOf": [{"$ref": "item.json"}, {"$ref": "#"}]}},
}
ITEM = {"$anchor": "it", "type": "integer", "$defs": {"low": {"maximum": 3}}}

REGISTRY: Any = Registry().with_resources(
    [
        ("http://example.com/list.json", DRAFT202012.create_resource(LIST)),
        ("http://example.com/item.json", DRAFT202012.create_resource(ITEM)),
    ]
)


def test_other_documents():
    schema = {
        "prefixItems": [
            {"$ref": "http://example.com/list.json"},
            {"$ref": "http://example.com/item.json#it"},
            {"$ref": "http://example.com/item.json#/$defs/low"},
        ]
    }
    found = grammar(schema, registry=REGISTRY)
    assert matches(found, "[[1, [2, null]], 9, 3]")
    assert matches(pickle.loads(pickle.dumps(found)), "[[1, [2, null]], 9, 3]")
    for text in ('["a"]', "[[true]]", '[null, "a"]', "[null, 9, 4]"):
        assert not matches(found, text)


@pytest.mark.parametrize("uri", ["http://example.com/missing.json", "other.json#/a", "#anchor"])
@pytest.mark.parametrize("registry", [None, REGISTRY])
def test_documents_that_nobody_knows(uri: str, registry: Any):
    assert matches(grammar({"$defs": {"unused": {"$ref": uri}}}, registry=registry), "1")
    with pytest.raises(Unsupported) as caught:
        grammar({"items": {"$ref": uri}}, registry=registry)
    assert caught.value.where == "/items/$ref"


def test_identifiers_in_values_are_not_identifiers():
    schema = {
        "const": {"$id": "x", "$ref": "#/nowhere"},
        "properties": {"$id": True, "$ref": True, "$anchor": {"enum": [1]}},
    }
    assert matches(grammar(schema), '{"$id": "x", "$ref": "#/nowhere"}')


def test_an_inner_document_has_pointers_of_its_own():
    inner = {"$id": "b.json", "$defs": {"n": {"type": "null"}}, "items": {"$ref": "#/$defs/n"}}
    schema: Any = {
        "$defs": {"n": {"type": "string"}, "b c%41": inner, "%42": {"$anchor": "x", "const": 1}},
        "prefixItems": [{"$ref": "b.json"}, {"$ref": "#/$defs/n"}, {"$ref": "#x"}],
    }
    assert matches(grammar(schema), '[[null], "a", 1]')
    assert not matches(grammar(schema), '[[null], "a", 2]')
    assert not matches(grammar(schema), '[["a"]]')


def test_rewriting_twice_changes_nothing():
    root: Any = {"$id": "http://e.com/a", "$defs": {"x": LIST, "y": {"$ref": "list.json"}}}
    references.bundle(root, REGISTRY)
    once = pickle.dumps(root)
    references.bundle(root)
    assert pickle.dumps(root) == once


def test_pointers():
    root: Any = {"a/b": [{"c~": True}, 1], "": {"0": 2}}
    assert pointers.resolve(root, "") is root
    assert pointers.resolve(root, "/a~1b/0/c~0") is True
    assert pointers.resolve(root, "/a~1b/1") == 1
    assert pointers.resolve(root, "//0") == 2
    assert pointers.resolve(root, "/a%2Fb/1".replace("%2F", "~1")) == 1
    for nowhere in ("/x", "/a~1b/2", "/a~1b/01", "/a~1b/-", "/a~1b/1/x", "/a~1b/٠"):
        with pytest.raises(LookupError):
            pointers.resolve(root, nowhere)
    assert pointers.locate(root, root["a/b"][0]) == "/a~1b/0"
    assert pointers.locate(root, root) == ""


TREE = {
    "$id": "http://example.com/tree",
    "$dynamicAnchor": "node",
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
}
STRICT = {
    "$id": "http://example.com/strict",
    "$dynamicAnchor": "node",
    "$ref": "tree",
    "unevaluatedProperties": False,
}


def test_dynamic_references_lead_to_the_outermost_resource():
    trees: Any = Registry().with_resource(
        "http://example.com/tree", DRAFT202012.create_resource(TREE)
    )
    strict, lax = grammar(STRICT, registry=trees), grammar(TREE)
    assert matches(strict, '{"children": [{"children": []}]}')
    assert not matches(strict, '{"children": [{"child": 1}]}')
    assert matches(lax, '{"children": [{"child": 1}]}')


def test_recursive_references():
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$recursiveAnchor": True,
        "items": {"$recursiveRef": "#"},
        "type": ["array", "null"],
    }
    assert matches(grammar(schema), "[null, [[]]]")
    assert not matches(grammar(schema), "[null, [[1]]]")


def test_a_dialect_without_assertions():
    dialect = {"$id": "http://example.com/words", "$vocabulary": {"http://example.com/w": True}}
    words: Any = Registry().with_resource(
        "http://example.com/words", DRAFT202012.create_resource(dialect)
    )
    with pytest.raises(Unsupported, match="without validation"):
        grammar({"$schema": "http://example.com/words", "minimum": 1}, registry=words)
