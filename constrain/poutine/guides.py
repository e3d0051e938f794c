"""`GuideMessenger`: a guide that sees each site of the model as it comes, and proposes for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from constrain.lm.distributions import Delta

from .messages import Samplable, Sample
from .runtime import Messenger
from .traces import Return, Trace
from .tracing import TraceMessenger
from .wrapping import execute


class GuideMessenger(Messenger, ABC):
    """A guide made of posteriors, site by site; calling it runs the model once along them.

    A grammar is a guide: its posterior is the prior without the forbidden tokens (see `constrain`).
    The weight of the run is model_trace.log_prob_sum() - guide_trace.log_prob_sum().

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> class Sure(poutine.GuideMessenger):
    ...     def get_posterior(self, name, prior):
    ...         return Bernoulli(1.0)
    >>> guide = Sure(lambda: poutine.sample("x", Bernoulli(0.25)))
    >>> guide()
    {'x': True}
    >>> model, proposal = guide.get_traces()
    >>> round(model.log_prob_sum(), 4), proposal.log_prob_sum()
    (-1.3863, 0.0)
    """

    def __init__(self, model: Callable[..., Any]):
        self.model = model
        self.args_kwargs: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self._tracer = TraceMessenger()

    @abstractmethod
    def get_posterior(self, name: str, prior: Samplable) -> Any:
        """A distribution to draw site `name` from, or a value for it; `prior` is the model's.

        It may use `upstream_value`, `trace`, and `args_kwargs` (the inputs of the model), and
        sample sites of its own with `infer={"is_auxiliary": True}`. Where the posterior hangs on
        them, a run's weight is still unbiased.
        """

    def process_sample(self, msg: Sample) -> Sample:
        if msg.is_observed or msg.infer.get("is_auxiliary"):
            return msg
        posterior = self.get_posterior(msg.name, msg.fn)
        proposal = posterior if hasattr(posterior, "log_prob") else Delta(posterior)
        return msg.replace(infer={**msg.infer, "proposal": proposal})

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Run the model; give the values of its sample sites by name. A coroutine runs alone."""
        self.args_kwargs = (args, kwargs)
        with self._tracer, self:
            value = execute(self.model, *args, **kwargs)
            self._tracer.add(Return(name="_RETURN", value=value))
        sites = self.trace.nodes.items()
        return {name: site.value for name, site in sites if _is_own(site)}

    @property
    def trace(self) -> Trace:
        """The sites so far, those of the guide included."""
        return self._tracer.trace

    def upstream_value(self, name: str) -> Any:
        """The value of a site that came before; None if there is none of the name."""
        site = self.trace.nodes.get(name)
        return None if site is None else site.value

    def get_traces(self) -> tuple[Trace, Trace]:
        """(model trace, guide trace) of the last call, as `split_trace` gives them."""
        return split_trace(self.trace)


def _is_own(site: Any) -> bool:
    return site.type == "sample" and not site.infer.get("is_auxiliary")


def split_trace(trace: Trace) -> tuple[Trace, Trace]:
    """The model's and the proposal's part in a run.

    The first holds every site with the model's probability, the second every latent one with
    the probability of what drew it. Sites that are `is_auxiliary` are in neither. Law:
    trace.log_weight() == model.log_prob_sum() - guide.log_prob_sum(), up to auxiliary sites
    that do not sum to zero.
    """
    model, guide = Trace(trace.graph_type), Trace(trace.graph_type)
    trace.compute_log_prob()
    for name, site in trace.nodes.items():
        if site.infer.get("is_auxiliary"):
            continue
        model.add_node(name, site.replace(log_q=0.0) if isinstance(site, Sample) else site)
        if isinstance(site, Sample) and site.type == "sample" and not site.is_observed:
            drew: Any = site.infer.get("proposal", site.fn)
            own = {"fn": drew, "log_prob": site.log_q, "log_q": site.log_q}
            guide.add_node(name, site.replace(**own, scale=1.0, mask=True))
    return model, guide
