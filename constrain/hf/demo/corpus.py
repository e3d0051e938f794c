"""The text that the demo model learns from: short documents out of templates written here.

A document is one task of the kind that constrained decoding is used for (a JSON record after a
request, facts out of a sentence, SQL, CSV, a date, arithmetic, a label) or a plain sentence.
Some answers are noisy on purpose (a preamble, a quoted number, another key), as those of real
models are: what the model does without a constraint should need one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random

from . import words

Document = Callable[[Random], str]
Record = dict[str, object]

NOISE = 0.25  # share of JSON answers that a schema would refuse


def documents(seed: int, count: int) -> Iterator[str]:
    """Yield `count` documents; the same seed gives the same text on every machine.

    >>> list(documents(1, 3)) == list(documents(1, 3))
    True
    """
    rng = Random(seed)
    makers = list(MIXTURE)
    shares = list(MIXTURE.values())
    for _ in range(count):
        yield rng.choices(makers, shares)[0](rng)


# Records: the values of one thing, in a fixed order of keys.


def person(rng: Random) -> Record:
    return {
        "name": f"{rng.choice(words.FIRST_NAMES)} {rng.choice(words.LAST_NAMES)}",
        "age": rng.randint(18, 90),
        "city": rng.choice(words.CITIES),
        "job": rng.choice(words.JOBS),
        "email": f"{rng.choice(words.FIRST_NAMES).lower()}{rng.randint(1, 99)}@example.com",
        "married": rng.random() < 0.5,
        "hobbies": rng.sample(words.HOBBIES, rng.randint(1, 3)),
    }


def product(rng: Random) -> Record:
    return {
        "name": f"{rng.choice(words.COLOURS)} {rng.choice(words.THINGS)}",
        "price": rng.randint(100, 9999) / 100,
        "colour": rng.choice(words.COLOURS),
        "stock": rng.randint(0, 500),
        "sku": f"{rng.choice('ABCDEFGH')}{rng.choice('JKLMNP')}-{rng.randint(100, 999)}",
        "tags": rng.sample(words.ADJECTIVES, rng.randint(1, 3)),
        "available": rng.random() < 0.7,
    }


def book(rng: Random) -> Record:
    return {
        "title": f"The {rng.choice(words.ADJECTIVES).title()} {rng.choice(words.THINGS).title()}",
        "author": f"{rng.choice(words.FIRST_NAMES)} {rng.choice(words.LAST_NAMES)}",
        "year": rng.randint(1850, 2026),
        "pages": rng.randint(80, 900),
        "language": rng.choice(words.LANGUAGES),
        "rating": rng.choice([1, 2, 3, 4, 5]),
    }


def event(rng: Random) -> Record:
    return {
        "title": f"{rng.choice(words.EVENTS)} in {rng.choice(words.CITIES)}",
        "date": iso_date(rng),
        "time": f"{rng.randint(0, 23):02d}:{rng.choice(['00', '15', '30', '45'])}",
        "city": rng.choice(words.CITIES),
        "guests": rng.randint(2, 300),
        "public": rng.random() < 0.5,
        "host": None if rng.random() < 0.3 else rng.choice(words.FIRST_NAMES),
    }


def place(rng: Random) -> Record:
    return {
        "city": rng.choice(words.CITIES),
        "location": {
            "lat": rng.randint(-9000, 9000) / 100,
            "lon": rng.randint(-18000, 18000) / 100,
        },
        "population": rng.randint(10, 9000) * 1000,
        "weather": rng.choice(words.WEATHER),
        "temperature": rng.randint(-20, 40),
    }


RECORDS: dict[str, Callable[[Random], Record]] = {
    "Person": person,
    "Product": product,
    "Book": book,
    "Event": event,
    "Place": place,
}


def iso_date(rng: Random) -> str:
    return f"{rng.randint(1990, 2030)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def some_keys(rng: Random, record: Record, most: int) -> Record:
    """A few of the record's members, mostly in its own order."""
    keys = rng.sample(list(record), rng.randint(1, min(most, len(record))))
    if rng.random() < 0.8:
        keys = [k for k in record if k in keys]
    return {k: record[k] for k in keys}


def written(rng: Random, value: object) -> str:
    """JSON text: mostly on one line with spaces, sometimes compact or indented."""
    style = rng.random()
    if style < 0.8:
        return json.dumps(value, ensure_ascii=False)
    if style < 0.9:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=2)


def noisy(rng: Random, record: Record) -> str:
    """JSON as a careless writer gives it: it may have the wrong types or not be JSON at all."""
    text = written(rng, record)
    match rng.randint(0, 5):
        case 0:
            return f"{rng.choice(words.PREAMBLES)}\n{text}"
        case 1:
            return f"{text}\n{rng.choice(words.REMARKS)}"
        case 2:
            return written(rng, {k: str(v) for k, v in record.items()})
        case 3:
            return written(rng, {**record, "note": rng.choice(words.REMARKS)})
        case 4:
            return text.replace('"', "'")
        case _:
            return text[:-1] + ", }"


def answer(rng: Random, record: Record) -> str:
    return noisy(rng, record) if rng.random() < NOISE else written(rng, record)


# Documents.


def request(rng: Random) -> str:
    kind = rng.choice(list(RECORDS))
    record = some_keys(rng, RECORDS[kind](rng), 5)
    return f"{kind} as JSON with keys {', '.join(record)}:\n{answer(rng, record)}"


def mixed(rng: Random) -> str:
    """A request for keys from everywhere, for a thing that may have no such thing."""
    everything: Record = {}
    for make in RECORDS.values():
        everything |= make(rng)
    everything |= {"id": rng.randint(1, 9999), "total": rng.randint(100, 99999) / 100}
    everything |= {"status": rng.choice(words.STATES), "count": rng.randint(1, 99)}
    record = {k: everything[k] for k in rng.sample(list(everything), rng.randint(1, 5))}
    kind = rng.choice([*RECORDS, *words.KINDS])
    return f"{kind} as JSON with keys {', '.join(record)}:\n{answer(rng, record)}"


def request_list(rng: Random) -> str:
    kind = rng.choice(list(RECORDS))
    keys = list(some_keys(rng, RECORDS[kind](rng), 2))
    items = [{k: RECORDS[kind](rng)[k] for k in keys} for _ in range(rng.randint(1, 3))]
    head = f"{len(items)} of {kind} as JSON list with keys {', '.join(keys)}:\n"
    return head + written(rng, items)


def extraction(rng: Random) -> str:
    """Facts in a sentence, then the same facts as JSON."""
    who = person(rng)
    facts = {"name": who["name"], "age": who["age"], "city": who["city"], "job": who["job"]}
    text = rng.choice(words.BIOGRAPHIES).format(**facts)
    asked = {k: v for k, v in facts.items() if str(v) in text}
    record = some_keys(rng, asked, len(asked))
    return f"{text}\nKeys: {', '.join(record)}\nJSON:\n{answer(rng, record)}"


def order(rng: Random) -> str:
    """An order in words, then as JSON."""
    count, thing = rng.randint(1, 99), rng.choice(words.THINGS)
    who, city = rng.choice(words.FIRST_NAMES), rng.choice(words.CITIES)
    record: Record = {"name": who, "count": count, "item": thing, "city": city}
    text = f"{who} from {city} orders {count} of {thing}."
    record = some_keys(rng, record, 4)
    return f"{text}\nKeys: {', '.join(record)}\nJSON:\n{answer(rng, record)}"


def sentence(rng: Random) -> str:
    return rng.choice(words.SENTENCES).format(
        a=rng.choice(words.ADJECTIVES),
        b=rng.choice(words.ADJECTIVES),
        thing=rng.choice(words.THINGS),
        other=rng.choice(words.THINGS),
        name=rng.choice(words.FIRST_NAMES),
        city=rng.choice(words.CITIES),
        verb=rng.choice(words.VERBS),
        job=rng.choice(words.JOBS),
        weather=rng.choice(words.WEATHER),
    )


def story(rng: Random) -> str:
    return " ".join(sentence(rng) for _ in range(rng.randint(2, 3)))


def label(rng: Random) -> str:
    """A review and its sentiment."""
    mood, adjectives = rng.choice(list(words.MOODS.items()))
    text = f"The {rng.choice(words.THINGS)} was {rng.choice(adjectives)}"
    if rng.random() < 0.5:
        text += f" and {rng.choice(adjectives)}"
    return f"Review: {text}.\nSentiment:\n{mood}"


def sql(rng: Random) -> str:
    table, columns = rng.choice(list(words.TABLES.items()))
    column, other = rng.sample(columns, 2)
    limit = rng.randint(1, 100)
    ask, query = rng.choice(words.QUERIES)
    names = {"table": table, "column": column, "other": other, "limit": limit}
    return f"Question: {ask.format(**names)}\nSQL:\n{query.format(**names)}"


def csv(rng: Random) -> str:
    kind = rng.choice(list(RECORDS))
    make = RECORDS[kind]
    keys = [k for k, v in make(rng).items() if isinstance(v, str | int | float)]
    keys = keys[: rng.randint(2, 4)]
    rows = [",".join(str(make(rng)[k]) for k in keys) for _ in range(rng.randint(1, 4))]
    return "\n".join([f"{kind} as CSV:", ",".join(keys), *rows])


def code(rng: Random) -> str:
    verb, thing = rng.choice(words.VERBS), rng.choice(words.THINGS)
    body = rng.choice(words.BODIES).format(n=rng.randint(2, 9), op=rng.choice("+-*"))
    return f"def {verb}_{thing}(x, y):\n{body}"


def arithmetic(rng: Random) -> str:
    a, b, c = (rng.randint(0, 20) for _ in range(3))
    expression = rng.choice(["{a} + {b}", "{a} - {b}", "{a} * {b}", "({a} + {b}) * {c}"])
    value = {
        "{a} + {b}": a + b,
        "{a} - {b}": a - b,
        "{a} * {b}": a * b,
        "({a} + {b}) * {c}": (a + b) * c,
    }[expression]
    return f"{expression.format(a=a, b=b, c=c)} = {value}"


def formula(rng: Random, depth: int = 2) -> str:
    """An arithmetic expression on its own."""
    if depth == 0 or rng.random() < 0.3:
        return str(rng.randint(0, 99))
    left, right = formula(rng, depth - 1), formula(rng, depth - 1)
    text = f"{left} {rng.choice('+-*/')} {right}"
    return f"({text})" if rng.random() < 0.5 else text


def date(rng: Random) -> str:
    iso = iso_date(rng)
    year, month, day = iso.split("-")
    return f"Date: {int(day)} {words.MONTHS[int(month) - 1]} {year}\nISO:\n{iso}"


MIXTURE: dict[Document, float] = {
    request: 20,
    mixed: 10,
    extraction: 24,
    order: 10,
    request_list: 6,
    sentence: 8,
    story: 4,
    label: 4,
    sql: 6,
    csv: 4,
    code: 3,
    arithmetic: 4,
    formula: 2,
    date: 5,
}
