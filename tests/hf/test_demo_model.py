"""The model in the package: loads, speaks, stops, and comes from the corpus beside it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from constrain import hf
from constrain.hf.demo import train
from constrain.hf.demo.corpus import documents

FOLDER = Path(train.__file__).parent


def continuation(demo, prompt, **kwargs) -> list[str]:
    model, tokenizer, _ = demo
    ids = torch.tensor([tokenizer(prompt)["input_ids"]])
    rows = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=100, top_k=0, **kwargs
    )
    return tokenizer.batch_decode(rows[:, ids.shape[1] :], skip_special_tokens=True)


def parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_loading():
    model, tokenizer = hf.demo_model()
    assert model.dtype == torch.float32
    assert model.device.type == "cpu"
    assert not model.training
    assert model.num_parameters() == 1_271_200
    names = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    config = model.generation_config
    assert names == (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (0, 1, 2)
    assert tokenizer("a")["input_ids"][0] == 0
    assert hf.demo_model()[0] is not model


def test_it_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 4_000_000


def test_facts_are_copied_and_the_text_ends(demo):
    prompt = "Mei Tanaka is 34 years old and lives in Oslo.\nKeys: name, age, city\nJSON:\n"
    assert continuation(demo, prompt) == ['{"name": "Mei Tanaka", "age": 34, "city": "Oslo"}']


def test_left_to_itself_it_often_misses_the_format(demo):
    torch.manual_seed(1)
    prompt = "Person as JSON with keys name, age, city:\n"
    texts = continuation(demo, prompt, do_sample=True, num_return_sequences=32)
    right = sum(parses(text) for text in texts)
    assert 8 <= right <= 30


def test_the_tokenizer_comes_from_the_corpus(demo):
    _, tokenizer, _ = demo
    again = train.train_tokenizer(list(documents(0, 20_000)))
    assert again.get_vocab() == tokenizer.get_vocab()


def test_held_out_loss(demo):
    model, tokenizer, _ = demo
    rows = train.encode(tokenizer, list(documents(1, 300)))
    assert 0.6 < train.mean_loss(model, rows) < 0.8


def test_a_few_steps_of_training(tmp_path, monkeypatch, capsys):
    arguments = ["train", str(tmp_path), "--steps", "3", "--documents", "400", "--seed", "5"]
    state = torch.get_rng_state()
    monkeypatch.setattr("sys.argv", arguments)
    try:
        train.main()
    finally:
        torch.set_rng_state(state)
    printed = capsys.readouterr().out
    assert "1271200 parameters" in printed
    assert "step 3 loss" in printed
    assert "held-out loss" in printed
    for name in ("model.safetensors", "tokenizer.json", "config.json", "generation_config.json"):
        assert (tmp_path / name).exists()
