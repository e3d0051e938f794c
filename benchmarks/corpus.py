"""What the engines are measured on: documents, schemas and patterns, all from one seed.

Everything here is made up by the functions below, so the same seed gives the same job on every
machine.
"""

from __future__ import annotations

import json
import random
import string
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

SENTENCES = [
    "The train leaves at noon from platform four.",
    "Please send the signed copy before Friday, not after.",
    'She said "maybe", and then she left.',
    "Die Straßenbahn fährt über die alte Brücke.",
    "L'été dernier, nous étions à la plage.",
    "El niño pidió más café con azúcar.",
    "Поезд отправляется в полдень.",
    "夏の夜、静かな庭で本を読む。",
    "今天天气很好,我们去公园。",
    "Price: 5 € (was 7 €) – 30 % off!",
    "C:\\temp\\new folder\\readme.txt",
    "first line\nsecond line\n\tindented third",
    "x = a[i] + {k: v for k, v in d.items()}",
    "👩‍👩‍👧 family, 🎉 party, 🇳🇴 flag",
    "https://example.org/search?q=a%20b&lang=en#top",
    "",
]
WORDS = (
    "account address amount answer author balance batch category channel city code colour comment"
    " count country created currency customer date depth detail discount email error event field"
    " file first flag format group height history host image index invoice item key label language"
    " last latitude level limit line link list locale longitude message method mode month name"
    " network node note number option order owner page parent path phone picture point port price"
    " priority product profile quantity query rank rate reason region request result role score"
    " section sender shape size source stage start state status step store street subject summary"
    " tag target tax team text theme time title token total type unit update user value version"
    " view volume weight width window year zone"
).split()

Maker = Callable[[random.Random, int], Any]


def _text(rng: random.Random, depth: int) -> str:
    return rng.choice(
        [
            rng.choice(WORDS),
            rng.choice(SENTENCES),
            " ".join(rng.choices(WORDS, k=rng.randint(2, 12))),
            "".join(rng.choices(string.ascii_letters + string.digits, k=rng.randint(8, 32))),
        ]
    )


def _number(rng: random.Random, depth: int) -> float:
    return rng.choice(
        [
            rng.randint(-9, 99),
            rng.randint(-(10**9), 10**12),
            round(rng.uniform(-1000, 1000), rng.randint(1, 6)),
            rng.uniform(0, 1) * 10 ** rng.randint(-12, 20),
        ]
    )


def _constant(rng: random.Random, depth: int) -> bool | None:
    return rng.choice([True, False, None])


def _array(rng: random.Random, depth: int) -> list[Any]:
    alike = rng.choice(LEAVES)
    if rng.random() < 0.4:
        return [alike(rng, depth) for _ in range(rng.randint(0, 12))]
    return [json_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]


def _object(rng: random.Random, depth: int) -> dict[str, Any]:
    names = rng.sample(WORDS, rng.randint(0, 6))
    if rng.random() < 0.1:
        names.append(rng.choice(SENTENCES))
    return {name: json_value(rng, depth - 1) for name in names}


LEAVES: list[Maker] = [_text, _text, _number, _constant]
NODES: list[Maker] = [_object, _object, _array]


def json_value(rng: random.Random, depth: int) -> Any:
    """Any JSON value of at most `depth` nested containers."""
    maker = rng.choice(NODES if depth > 0 and rng.random() < 0.6 else LEAVES)
    return maker(rng, depth)


def render(rng: random.Random, value: Any, escaped: float = 0.3) -> str:
    """JSON text of `value`: compact, spaced or indented; `escaped` of them without Unicode."""
    compact = rng.random() < 0.3
    return json.dumps(
        value,
        indent=None if compact else rng.choice([None, None, 2, 4, "\t"]),
        separators=(",", ":") if compact else None,
        ensure_ascii=rng.random() < escaped,
    )


def json_documents(seed: int, n: int = 50) -> list[str]:
    """Varied JSON texts: nested up to 8 deep, with escapes, Unicode and indentation."""
    rng = random.Random(f"json {seed}")
    documents: list[str] = []
    while len(documents) < n:
        text = render(rng, rng.choice(NODES)(rng, rng.randint(1, 8)))
        if 40 <= len(text) <= 3000:
            documents.append(text)
    return documents


def _record(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


STRING = {"type": "string"}
ORDER_SCHEMA = {
    **_record(
        {
            "id": STRING,
            "created": STRING,
            "customer": _record(
                {
                    "name": STRING,
                    "email": STRING,
                    "vip": {"type": "boolean"},
                    "address": _record(
                        {"street": STRING, "city": STRING, "zip": STRING, "country": STRING},
                        optional=("zip",),
                    ),
                }
            ),
            "lines": {
                "type": "array",
                "items": _record(
                    {
                        "sku": STRING,
                        "title": STRING,
                        "quantity": {"type": "integer"},
                        "price": {"type": "number"},
                        "options": {
                            "type": "array",
                            "items": _record(
                                {"name": STRING, "value": {"type": ["string", "number", "boolean"]}}
                            ),
                        },
                    },
                    optional=("options",),
                ),
            },
            "history": {
                "type": "array",
                "items": _record(
                    {
                        "at": STRING,
                        "status": {"enum": ["placed", "paid", "packed", "shipped", "returned"]},
                        "note": STRING,
                    },
                    optional=("note",),
                ),
            },
            "notes": {"type": ["string", "null"]},
            "total": {"type": "number"},
        },
        optional=("history", "notes"),
    ),
    "additionalProperties": True,
}
"""An object with nested arrays of objects; closed inside, open at the top."""

PEOPLE = ["Ada Lovelace", "Søren Dahl", "María Núñez", "Noor Haddad", "佐藤 花子", "Tomás O'Neill"]
CITIES = ["Oslo", "São Paulo", "München", "Kraków", "Nairobi", "東京", "Quito", "New York"]


def _time(rng: random.Random) -> str:
    return (
        f"20{rng.randint(20, 26)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        f"T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00Z"
    )


def _order_line(rng: random.Random) -> dict[str, Any]:
    line: dict[str, Any] = {
        "sku": f"{rng.choice(string.ascii_uppercase)}{rng.randint(1, 99999):05}",
        "title": rng.choice([rng.choice(SENTENCES), " ".join(rng.choices(WORDS, k=3))]),
        "quantity": rng.randint(1, 40),
        "price": round(rng.uniform(0.5, 900), 2),
    }
    if rng.random() < 0.6:
        line["options"] = [
            {"name": rng.choice(WORDS), "value": rng.choice(["red", "XL", 12, 0.5, True])}
            for _ in range(rng.randint(0, 3))
        ]
    return line


def _order(rng: random.Random) -> dict[str, Any]:
    city = rng.choice(CITIES)
    address = {"street": f"{rng.choice(WORDS).title()} {rng.randint(1, 300)}", "city": city}
    if rng.random() < 0.7:
        address["zip"] = f"{rng.randint(0, 99999):05}"
    address["country"] = rng.choice(["NO", "BR", "DE", "PL", "KE", "JP"])
    order: dict[str, Any] = {
        "id": f"{rng.getrandbits(64):016x}",
        "created": _time(rng),
        "customer": {
            "name": rng.choice(PEOPLE),
            "email": f"{rng.choice(WORDS)}.{rng.choice(WORDS)}@example.org",
            "vip": rng.random() < 0.3,
            "address": address,
        },
        "lines": [_order_line(rng) for _ in range(rng.randint(0, 5))],
    }
    if rng.random() < 0.7:
        order["history"] = [
            {"at": _time(rng), "status": rng.choice(["placed", "paid", "shipped"])}
            | ({"note": rng.choice(SENTENCES)} if rng.random() < 0.4 else {})
            for _ in range(rng.randint(0, 3))
        ]
    if rng.random() < 0.5:
        order["notes"] = rng.choice([None, rng.choice(SENTENCES)])
    order["total"] = round(rng.uniform(1, 5000), 2)
    return order


def order_documents(seed: int, n: int = 50) -> list[str]:
    """Texts that fit ORDER_SCHEMA, members in its order.

    Unicode stands as itself: by default llguidance does not let a schema's strings spell it
    with escapes.
    """
    rng = random.Random(f"orders {seed}")
    return [render(rng, _order(rng), escaped=0) for _ in range(n)]


def flat_schemas(seed: int, n: int = 20) -> list[str]:
    """Schemas (as JSON text) of an object with twenty properties of simple types."""
    rng = random.Random(f"flat {seed}")
    kinds: list[dict[str, Any]] = [
        STRING,
        STRING,
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "array", "items": STRING},
    ]
    schemas: list[str] = []
    for _ in range(n):
        properties = {name: rng.choice(kinds) for name in rng.sample(WORDS, 20)}
        optional = tuple(rng.sample(sorted(properties), 8))
        schemas.append(json.dumps(_record(properties, optional)))
    return schemas


def enum_schemas(seed: int, n: int = 20) -> list[str]:
    """Schemas (as JSON text) that allow one of 500 strings."""
    rng = random.Random(f"enum {seed}")
    schemas: list[str] = []
    for _ in range(n):
        texts: set[str] = set()
        while len(texts) < 500:
            texts.add(" ".join(rng.choices(WORDS, k=rng.randint(1, 4))))
        schemas.append(json.dumps({"enum": sorted(texts)}))
    return schemas


WARM_UP: list[tuple[dict[str, str], str]] = [
    ({"kind": "regex", "text": "(ab|c){1,5}[^a-y]+"}, "abcabzé!"),
    ({"kind": "regex", "text": r"[p-z]{3,12}(-[^\n]{1,50}){0,3}"}, "pruxsty-some text"),
    (
        {
            "kind": "json_schema",
            "text": json.dumps(
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"enum": ["warm", "up"]},
                            {"type": "number"},
                            {"type": "object", "properties": {"x": STRING}},
                        ]
                    },
                }
            ),
        },
        '["warm", -1.5, {"x": "y é", "z": [true]}, "up"]',
    ),
]
"""Languages that no workload has, with a text of each."""


def regexes() -> list[tuple[str, list[str]]]:
    """A hundred patterns, each with texts that it matches as a whole."""
    data = tomllib.loads((HERE / "regexes.toml").read_text(encoding="utf-8"))
    return [(entry["pattern"], entry["samples"]) for entry in data["regex"]]
