"""The output `presence` of an OpenVINO graph: left out of quantisation, and put on a quantised graph afterwards.

So the head that computes it stays in float, and the labels are exactly those of the network without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engines.errors import BuildError
from engines.manifest import OUTPUTS

if TYPE_CHECKING:
    import openvino

PRESENCE = OUTPUTS[2]


def label_path(graph: openvino.Model) -> openvino.Model:
    """A graph without the output `presence` and what only that needs. The graph itself is used up."""
    import openvino

    kept = [result for result in graph.get_results() if not _is_presence(result)]
    return openvino.Model(kept, graph.get_parameters(), graph.get_friendly_name())


def with_presence(labels: openvino.Model, whole: openvino.Model) -> openvino.Model:
    """A graph of labels with the output `presence` of another graph of the same network. Both are used up.

    Args:
        labels: without presence; mostly quantised.
        whole: in float, with presence.

    Raises:
        BuildError: `labels` is of another network: it lacks the features that the head reads.
    """
    import openvino

    ours = {node.get_friendly_name(): node for node in labels.get_ordered_ops()}
    (presence,) = (result for result in whole.get_results() if _is_presence(result))
    trunk = _needed_by(result for result in whole.get_results() if not _is_presence(result))
    head = {name: node for name, node in _needed_by([presence]).items() if name not in trunk}
    for port in (port for node in head.values() for port in node.inputs()):
        source = port.get_source_output()
        name = source.get_node().get_friendly_name()
        if name not in trunk or source.get_node().get_type_name() == "Constant":
            continue
        if name not in ours or ours[name].output(source.get_index()).get_shape() != source.get_shape():
            raise BuildError(f"the graph has no features {name!r} for the head: it is of another network")
        port.replace_source_output(ours[name].output(source.get_index()))
    return openvino.Model([*labels.get_results(), presence], labels.get_parameters(), labels.get_friendly_name())


def _is_presence(result: openvino.Node) -> bool:
    return PRESENCE in result.get_output_tensor(0).get_names()


def _needed_by(results: Iterable[openvino.Node]) -> dict[str, openvino.Node]:
    """The operations that results depend on, and the results themselves, by name."""
    found: dict[str, openvino.Node] = {}
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in found:
            found[node.get_friendly_name()] = node
            waiting += [source.get_node() for source in node.input_values()]
    return found
