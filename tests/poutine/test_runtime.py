"""The handler stack: three phases, context-local, for functions and coroutines alike."""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import dataclass

import pytest

from constrain import poutine
from constrain.lm.keys import Key
from constrain.lm.protocol import Request, run_alone, send


@dataclass(frozen=True)
class Coin:
    """1 with probability p, from the key's first uniform."""

    p: float

    def sample(self, key):
        value = int(key.uniform() < self.p)
        return value, self.log_prob(value)

    def log_prob(self, value):
        return math.log(self.p if value else 1 - self.p)


class Log(poutine.Messenger):
    """Writes down which phase it sees at which site."""

    def __init__(self, name, events):
        self.name, self.events = name, events

    def process(self, msg):
        self.events.append((self.name, "in", msg.name, msg.value))
        return msg

    def postprocess(self, msg):
        self.events.append((self.name, "out", msg.name, msg.value))
        return msg


class Fix(poutine.Messenger):
    """Gives every sample site one value."""

    def __init__(self, value, stop=False):
        self.value, self.stop = value, stop

    def process_sample(self, msg):
        return msg.replace(value=self.value, stop=self.stop)


class Weigh(poutine.Messenger):
    """Sums the weights of the sites."""

    total = 0.0

    def postprocess(self, msg):
        if isinstance(msg, poutine.Scored):
            self.total += msg.log_weight
        return msg


class OneModel:
    """A model whose row after state s is [s]; counts its calls."""

    calls = 0

    def log_probs(self, states):
        self.calls += 1
        return [[float(s)] for s in states]


def test_messages_go_outward_and_come_back_inward():
    events = []
    with Log("outer", events), Fix(7), Log("inner", events):
        assert poutine.sample("x", Coin(0.5)) == 7
    assert events == [
        ("inner", "in", "x", None),
        ("outer", "in", "x", 7),
        ("outer", "out", "x", 7),
        ("inner", "out", "x", 7),
    ]


def test_stop_hides_a_message_from_handlers_further_out():
    events = []
    with Log("outer", events), Fix(1, stop=True), Log("inner", events):
        poutine.sample("x", Coin(0.5))
    assert {name for name, *_ in events} == {"inner"}


def test_weight_is_model_score_minus_proposal_score():
    proposal = {"proposal": Coin(0.9)}
    with Weigh() as weigh:
        x = poutine.sample("x", Coin(0.2), infer=proposal)
        poutine.sample("y", Coin(0.3), obs=1)
        poutine.sample("z", Coin(0.4))
        poutine.factor("f", 0.25)
    ratio = 0.2 / 0.9 if x else 0.8 / 0.1
    assert weigh.total == pytest.approx(math.log(ratio * 0.3) + 0.25)


def test_scale_and_mask_of_a_site():
    def weight(**fields):
        site = poutine.Sample(name="x", fn=Coin(0.5), value=1, is_observed=True, **fields)
        return poutine.apply_stack(site).log_weight

    assert weight(scale=3.0) == pytest.approx(3 * math.log(0.5))
    assert weight(mask=False) == 0.0
    forbidden = poutine.Factor(name="f", log_prob=-math.inf, mask=False)
    assert forbidden.log_weight == 0.0


def test_the_key_decides_the_draw():
    def draw(seed):
        site = poutine.Sample(name="x", fn=Coin(0.5), key=Key(seed))
        return poutine.apply_stack(site).value

    assert [draw(s) for s in range(40)] == [draw(s) for s in range(40)]
    assert {draw(s) for s in range(40)} == {0, 1}


def test_coroutines_await_and_plain_functions_do_not():
    def plain():
        return poutine.sample("x", Coin(0.5)), poutine.logits("l", OneModel(), 3)

    async def waiting():
        return await poutine.sample("x", Coin(0.5)), await poutine.logits("l", OneModel(), 3)

    with Fix(1):
        assert plain() == run_alone(waiting()) == (1, [3.0])


def test_a_coroutine_stops_at_the_model():
    async def program():
        return await poutine.logits("l", lm, 4)

    lm = OneModel()
    running = program()
    request = send(running, None)
    assert isinstance(request, Request)
    assert (request.lm, request.state, lm.calls) == (lm, 4, 0)
    with pytest.raises(StopIteration) as stop:
        send(running, [0.5])
    assert stop.value.value == [0.5]


def test_something_else_that_is_awaited_is_refused_without_an_event_loop():
    async def program():
        await asyncio.sleep(0.1)

    with pytest.raises(RuntimeError):
        run_alone(program())


def test_threads_do_not_share_a_stack():
    seen = []

    def other():
        seen.append(poutine.am_i_wrapped())

    with Fix(1):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert poutine.am_i_wrapped()
    assert seen == [False]
    assert not poutine.am_i_wrapped()


def test_asyncio_tasks_do_not_share_a_stack():
    async def task(value, others):
        with Fix(value):
            others.set()
            await asyncio.sleep(0)
            return await poutine.sample("x", Coin(0.5))

    async def main():
        event = asyncio.Event()
        return await asyncio.gather(*(task(v, event) for v in (3, 4, 5)))

    assert asyncio.run(main()) == [3, 4, 5]


def test_decorators_of_functions_coroutines_and_methods():
    class Holder:
        @Fix(2)
        def method(self):
            return poutine.sample("x", Coin(0.5))

    @Fix(3)
    def function():
        """Kept."""
        return poutine.sample("x", Coin(0.5))

    @Fix(4)
    async def coroutine():
        return await poutine.sample("x", Coin(0.5))

    assert (Holder().method(), function(), run_alone(coroutine())) == (2, 3, 4)
    assert function.__doc__ == "Kept."


def test_a_handler_is_installed_once_and_leaves_on_errors():
    fix = Fix(1)
    with fix, pytest.raises(ValueError, match="already installed"), fix:
        pass
    with pytest.raises(KeyError), fix:
        raise KeyError
    assert not poutine.am_i_wrapped()


def test_an_error_takes_away_what_was_left_installed_inside():
    outer, inner = Fix(1), Fix(2)
    with outer:
        inner.__enter__()
    assert not poutine.am_i_wrapped()


def test_block_messengers():
    with Fix(1) as fix, Log("log", []):
        with poutine.block_messengers(lambda m: isinstance(m, Log)) as blocked:
            assert [type(m) for m in blocked] == [Log]
            assert poutine.sample("x", Coin(0.5)) == fix.value
        with poutine.block_messengers(lambda m: True):
            assert not poutine.am_i_wrapped()
        assert poutine.am_i_wrapped()


def test_effectful_functions_and_registered_answers():
    @poutine.effectful(type="greet")
    def greet(who):
        return f"hello {who}"

    class Polite(poutine.Messenger):
        pass

    @Polite.register(type="greet")
    def refuse(messenger, msg):
        return msg.replace(value="good evening")

    assert greet("you") == "hello you"
    with Polite():
        assert greet("you") == "good evening"
    Polite.unregister("greet")
    with Polite():
        assert greet("you") == "hello you"


def test_a_continuation_runs_after_all_handlers():
    events = []

    class Leave(poutine.Messenger):
        def process_sample(self, msg):
            def leave(site):
                raise poutine.NonlocalExit(site)

            return msg.replace(done=True, continuation=leave)

    with pytest.raises(poutine.NonlocalExit) as left, Log("outer", events), Leave():
        poutine.sample("x", Coin(0.5))
    assert left.value.site.name == "x"
    assert [phase for _, phase, *_ in events] == ["in", "out"]


def test_a_repeated_observation_of_none():
    class Never:
        def log_prob(self, value):
            return -1.5 if value is None else 0.0

    with Weigh() as weigh:
        assert poutine.observe("x", Never(), None) is None
    assert weigh.total == -1.5
