"""Traces: what happened at the sites of one run of a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .messages import Message, Sample, Score, Scored
from .wrapping import execute, forked

ENUMERATED = "enumerate_dim"
"""Annotation of a site that holds all its values: the array axis along which they are."""

SiteFilter: TypeAlias = Callable[[str, Message], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Message):
    """The arguments of the program; a trace's first node, `_INPUT`."""

    type: ClassVar[str] = "args"

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Message):
    """What the program returned; a trace's last node, `_RETURN`."""

    type: ClassVar[str] = "return"


def every_site(name: str, site: Message) -> bool:
    return True


class Trace:
    """The sites of a run in their order, by name, and which of them depend on which.

    nodes: name -> message, as it was when the site was done; scored ones hold `log_prob`,
    `log_q`, `score` and `log_weight`. Messages are values, so a copy shares them safely.
    graph_type: "flat" knows no edges, "dense" has one wherever plates and chains leave room for
    a dependence.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> trace = Trace()
    >>> trace.add_node("x", poutine.Sample(name="x", fn=Bernoulli(0.25), value=True))
    >>> round(trace.log_prob_sum(), 4)
    -1.3863
    """

    def __init__(self, graph_type: str = "flat"):
        if graph_type not in ("flat", "dense"):
            raise ValueError(f'a graph type is "flat" or "dense", found {graph_type!r}')
        self.graph_type = graph_type
        self.nodes: dict[str, Any] = {}
        self._successors: dict[str, dict[str, None]] = {}
        self._predecessors: dict[str, dict[str, None]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    # --- building

    def add_node(self, name: str, site: Message) -> None:
        """Add a site under a name that is not there yet; a parameter may come again."""
        if name in self.nodes:
            if site.type == self.nodes[name].type == "param":
                return
            raise ValueError(f"two sites are named {name!r}; names must differ within a run")
        self.nodes[name] = site
        self._successors[name] = {}
        self._predecessors[name] = {}

    def add_edge(self, source: str, target: str) -> None:
        for name in (source, target):
            if name not in self.nodes:
                raise ValueError(f"there is no site {name!r} for an edge to join")
        self._successors[source][target] = None
        self._predecessors[target][source] = None

    def remove_node(self, name: str) -> None:
        """Take a site away, with its edges."""
        del self.nodes[name]
        for target in self._successors.pop(name):
            del self._predecessors[target][name]
        for source in self._predecessors.pop(name):
            del self._successors[source][name]

    def copy(self) -> Trace:
        """The same nodes and edges in a new trace."""
        other = Trace(self.graph_type)
        other.nodes = dict(self.nodes)
        other._successors = {name: dict(after) for name, after in self._successors.items()}
        other._predecessors = {name: dict(before) for name, before in self._predecessors.items()}
        return other

    # --- the graph

    @property
    def edges(self) -> list[tuple[str, str]]:
        return [(source, target) for source, after in self._successors.items() for target in after]

    def predecessors(self, name: str) -> list[str]:
        return list(self._predecessors[name])

    def successors(self, name: str) -> list[str]:
        return list(self._successors[name])

    def topological_sort(self, reverse: bool = False) -> list[str]:
        """Names so that each comes after all it depends on (Kahn 1962); O(nodes + edges).

        Raises ValueError where edges form a cycle.
        """
        open_edges = {name: len(before) for name, before in self._predecessors.items()}
        ready = [name for name, count in open_edges.items() if count == 0]
        for name in ready:  # grows while it is read
            for target in self._successors[name]:
                open_edges[target] -= 1
                if open_edges[target] == 0:
                    ready.append(target)
        if len(ready) < len(self.nodes):
            raise ValueError("the edges of this trace form a cycle")
        return ready[::-1] if reverse else ready

    # --- scores

    def compute_log_prob(self, site_filter: SiteFilter = every_site) -> None:
        """Fill in the log-probabilities that sites do not hold yet."""
        for name, site in self.nodes.items():
            if isinstance(site, Sample) and site.log_prob is None and site_filter(name, site):
                log_prob = execute(forked(site.fn).log_prob, site.value)
                self.nodes[name] = site.replace(log_prob=log_prob)

    def log_prob_sum(self, site_filter: SiteFilter = every_site) -> float:
        """Sum of the sites' scores in nats, scaled and masked, over plates too: the log joint.

        Observed sites and factors count; what a proposal drew counts with the model's probability.
        """
        self.compute_log_prob(site_filter)
        return self._sum(lambda site: site.score, site_filter)

    def log_weight(self, site_filter: SiteFilter = every_site) -> float:
        """Sum of what the sites add to the weight of the run: score - log_q."""
        self.compute_log_prob(site_filter)
        return self._sum(lambda site: site.log_weight, site_filter)

    def _sum(self, of: Callable[[Scored], Score], site_filter: SiteFilter) -> float:
        total = 0.0
        for name, site in self.nodes.items():
            if not isinstance(site, Scored) or not site_filter(name, site):
                continue
            if ENUMERATED in site.infer:
                raise ValueError(f"site {name!r} has all its values at once; see log_evidence")
            total += float(np.sum(of(site)))
        return total

    # --- kinds of sites

    @property
    def stochastic_nodes(self) -> list[str]:
        """Names of the random choices that no one fixed."""
        return [name for name, _ in self.iter_stochastic_nodes()]

    @property
    def observation_nodes(self) -> list[str]:
        return [n for n, site in self.nodes.items() if site.type == "sample" and site.is_observed]

    @property
    def param_nodes(self) -> list[str]:
        return [name for name, site in self.nodes.items() if site.type == "param"]

    def iter_stochastic_nodes(self) -> Iterator[tuple[str, Sample]]:
        for name, site in self.nodes.items():
            if site.type == "sample" and not site.is_observed:
                yield name, site

    def format_shapes(self, title: str = "Trace Shapes:", last_site: str | None = None) -> str:
        """A table of the sites up to `last_site`: shape of the value, shape of its log_prob.

        A scalar has the shape of an empty line.
        """
        rows = [(title, "value", "log_prob")]
        for name, site in self.nodes.items():
            if site.type in ("sample", "factor", "param"):
                kind = "observed" if getattr(site, "is_observed", False) else site.type
                scored = getattr(site, "log_prob", None)
                rows.append((f"{kind} {name}", _shape(site.value), _shape(scored)))
            if name == last_site:
                break
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)


def _shape(value: Any) -> str:
    return "" if value is None else " ".join(map(str, np.shape(value))) or "-"


def prune_subsample_sites(trace: Trace) -> Trace:
    """A copy without the sites at which plates chose their subsamples."""
    pruned = trace.copy()
    for name, site in trace.nodes.items():
        if site.type == "plate":
            pruned.remove_node(name)
    return pruned
