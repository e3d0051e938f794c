"""Results: summaries, records, the page, warnings."""

from __future__ import annotations

import ast
import html
import io
import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pytest
from worlds import BRACKETS, dyck, exact, model

import constrain
from constrain.errors import SpecError
from constrain.smc import InferenceWarning, ProgressBar, critics, sample
from constrain.smc.api import METHODS, importance_sampling, smc, steer
from constrain.smc.enumeration import enumeration
from constrain.smc.target import target

VOID = {"meta", "path", "circle", "polyline", "text"}


class Outline(HTMLParser):
    """Counts elements and checks that they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.ids, self.marked = [], {}, set(), []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.ids |= {value for name, value in attrs if name == "id"}
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["mark"]:
            self.marked.append(data)


def test_the_page_is_whole_and_needs_nothing():
    wanted, *_ = exact("plain")
    found = smc(wanted, 8, 3, record=True)
    page = found.to_html("a < b")
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert {"summary", "posterior", "ancestry"} <= outline.ids
    assert "script" not in outline.counts
    assert "link" not in outline.counts
    assert outline.counts["details"] == len(found.moments)
    assert outline.counts["circle"] == 8 * len(found.moments)
    assert "a &lt; b" in page
    assert set("".join(outline.marked)) <= set("()a")
    assert outline.marked


def test_texts_in_the_page_are_text():
    vocabulary = constrain.Vocabulary([b"<b>", b"&", b"<<<", None], [3])
    found = sample(model(vocabulary, 0), max_tokens=3, n_particles=5, rng=1, record=True)
    outline = Outline()
    outline.feed(found.to_html())
    assert "b" not in outline.counts


def test_the_record_has_the_known_format():
    wanted, *_ = exact("critic")
    found = smc(wanted, 5, 1, ess_threshold=1.1, record=True)
    number = {"anyOf": [{"type": "number"}, {"enum": ["-Infinity", "Infinity", "NaN"]}]}
    particle = {
        "type": "object",
        "properties": {"contents": {"type": "string"}, "logweight": number, "weight_incr": number},
        "required": ["contents", "logweight", "weight_incr"],
        "additionalProperties": False,
    }
    entry = {
        "type": "object",
        "properties": {
            "step": {"type": "integer"},
            "mode": {"enum": ["init", "smc_step", "resample"]},
            "ancestors": {"type": "array", "items": {"type": "integer"}},
            "particles": {"type": "array", "items": particle, "minItems": 5, "maxItems": 5},
        },
        "required": ["step", "mode", "particles"],
        "additionalProperties": False,
    }
    record = json.loads(found.to_json())
    jsonschema.validate(record, {"type": "array", "items": entry})
    assert [e["mode"] for e in record].count("resample") > 0
    assert all(("ancestors" in e) == (e["mode"] == "resample") for e in record)
    before = record[0]
    for e in record[1:]:
        parents = e.get("ancestors", range(5))
        for parent, now in zip(parents, e["particles"], strict=True):
            old, new = before["particles"][parent]["logweight"], now["logweight"]
            if isinstance(old, float) and isinstance(new, float):
                assert new == pytest.approx(old + now["weight_incr"])
        before = e
    with pytest.raises(SpecError, match="record=True"):
        smc(wanted, 2, 0).to_json()


def test_summaries():
    wanted, log_z, posterior = exact("plain")
    found = smc(wanted, 500, 2, ess_threshold=0.9)
    assert sum(found.posterior().values()) == pytest.approx(1.0)
    assert next(iter(found.posterior())) == max(posterior, key=posterior.get)
    drawn = found.resample(4000, rng=1)
    best = next(iter(posterior))
    assert drawn.count(best) / 4000 == pytest.approx(found.posterior()[best], abs=0.04)
    assert drawn == found.resample(4000, rng=1) != sorted(drawn)
    assert len(found.log_mass) == sum(m.kind == "step" for m in found.moments)
    assert found.log_mass[0] == pytest.approx(found.log_mass[0][0])
    assert (
        found.unique_ancestors[-1]
        >= found.unique_ancestors[0]
        == len(set(found.founders[np.isfinite(found.log_weights)]))
    )
    assert len(found.ess) == len(found.dead_fraction) == len(found.moments)
    assert abs(found.log_evidence - log_z) < 5 * found.log_evidence_error < 1


def test_the_error_estimate_is_of_the_right_size():
    wanted, *_ = exact("plain")
    runs = [smc(wanted, 40, seed, ess_threshold=0.9) for seed in range(60)]
    logs = np.array([r.log_evidence for r in runs])
    errors = np.array([r.log_evidence_error for r in runs])
    assert 0.6 < np.sqrt(np.mean(errors[np.isfinite(errors)] ** 2)) / logs.std() < 1.6
    assert math.isnan(steer(wanted, 3, 0).log_evidence_error)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_behind_the_one_door(method):
    wanted, *_ = exact("length cap")
    n = 1000 if method == "enumeration" else 6
    found = sample(
        wanted.lm, (), wanted.constraints, n_particles=n, method=method, rng=1, max_tokens=3
    )
    for text, weight in zip(found.texts, found.log_weights, strict=True):
        assert weight == -math.inf or wanted.constraints[0].matches(text)
    again = sample(
        wanted.lm, (), wanted.constraints, n_particles=n, method=method, rng=1, max_tokens=3
    )
    assert again.texts == found.texts


def test_the_door_explains_itself():
    lm, c = model(BRACKETS), dyck(BRACKETS)
    with pytest.raises(SpecError, match="particle_filter"):
        sample(lm, (), c, method="magic")
    assert sample(lm, (), c, method=importance_sampling, rng=1, max_tokens=3, n_particles=2).texts
    generator = np.random.default_rng(4)
    one, two = (sample(lm, (), c, rng=generator, max_tokens=3, n_particles=50) for _ in "ab")
    assert one.texts != two.texts


def test_warnings():
    lm, c = model(BRACKETS), dyck(BRACKETS)
    with pytest.warns(InferenceWarning, match="every particle is dead"):
        sample(lm, (), c, critic=lambda text: -math.inf, max_tokens=3, n_particles=4, rng=0)
    with pytest.warns(InferenceWarning, match="of the particles are dead"):
        sample(
            lm,
            (),
            c,
            critic=critics.Judge(lambda text: text == b"a"),
            max_tokens=3,
            n_particles=60,
            rng=0,
            ess_threshold=0,
        )
    with pytest.warns(InferenceWarning, match="one first particle"):
        sample(lm, (), c, max_tokens=12, n_particles=2, rng=6, ess_threshold=1.1)


def test_several_constraints_are_their_product():
    lm = model(BRACKETS)
    few = constrain.compile(constrain.regex(r"[()]{2,4}"), BRACKETS)
    both = enumeration(target(lm, (), [dyck(BRACKETS), few], max_tokens=4))
    expected = {
        text: weight
        for text, weight in enumeration(target(lm, (), dyck(BRACKETS), max_tokens=4))
        .posterior()
        .items()
        if few.matches(text)
    }
    total = sum(expected.values())
    assert both.posterior() == pytest.approx({t: w / total for t, w in expected.items()})


def test_a_progress_bar():
    wanted, *_ = exact("plain")
    stream = io.StringIO()
    smc(wanted, 5, 1, progress=ProgressBar(stream))
    lines = stream.getvalue().split("\r")
    assert "step 1" in lines[1]
    assert lines[-1].endswith("\n")


def test_critics():
    numbers = critics.valid_json(
        jsonschema.Draft202012Validator({"type": "integer", "multipleOf": 7})
    )
    assert [numbers.complete(t) for t in (b"14", b"15", b"{")] == [0.0, -math.inf, -math.inf]
    source = critics.python_source("eval")
    assert [source.complete(t) for t in (b"(a)", b"()", b"((", b"\x00")] == [
        0,
        0,
        -math.inf,
        -math.inf,
    ]
    assert numbers.prefix(b"1") == source.prefix(b"(") == 0.0
    found = enumeration(target(model(BRACKETS), (), dyck(BRACKETS), critic=source, max_tokens=4))
    for text in found.posterior():
        ast.parse(text, mode="eval")


CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser")
def test_the_page_in_a_browser(tmp_path):
    """It is laid out as meant: everything has a size, and nothing sticks out of the page."""
    wanted, *_ = exact("plain")
    page = smc(wanted, 12, 3, ess_threshold=1.1, record=True).to_html("Brackets")
    probe = """<script>
      const box = (s) => document.querySelector(s).getBoundingClientRect();
      document.querySelectorAll("details").forEach((d) => { d.open = true; });
      document.body.dataset.found = JSON.stringify({
        circles: document.querySelectorAll("#ancestry circle").length,
        ancestry: box("#ancestry").height > 100,
        bar: box(".bar").width > 10,
        rows: [...document.querySelectorAll("details table tr")].every((r) => r.offsetHeight > 10),
        wide: document.documentElement.scrollWidth <= window.innerWidth,
        marks: document.querySelectorAll("mark").length > 10,
      });
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", probe + "</body>"), encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/u"]
    shown = subprocess.run(
        [CHROMIUM, *options, "--window-size=1200,900", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    found = json.loads(html.unescape(re.search('data-found="([^"]*)"', shown)[1]))
    moments = page.count("<details")
    assert found.pop("circles") == 12 * moments
    assert all(found.values()), found
