"""Questions to Spark's plans over py4j: how many operators ran natively, how rows are ordered."""

from collections.abc import Iterable, Iterator
from typing import Any

#: Nodes that hold a plan in place of a child: class name's end → method that gives it.
WRAPPERS = {
    "AdaptiveSparkPlanExec": "executedPlan",
    "ShuffleQueryStageExec": "plan",
    "BroadcastQueryStageExec": "plan",
    "ResultQueryStageExec": "plan",
    "TableCacheQueryStageExec": "plan",
}

#: Nodes that compute nothing themselves: only their children and subqueries count.
TRANSPARENT = {
    "WholeStageCodegenExec", "InputAdapter", "AQEShuffleReadExec", "SubqueryExec",
    "SubqueryBroadcastExec", "SubqueryAdaptiveBroadcastExec", "ColumnarToRowExec",
    # Part of the NativeTakeOrderedAndProjectExec above it.
    "LocalTopNExec",
    "RowToColumnarExec", "CometColumnarToRowExec", "CometNativeColumnarToRowExec",
}

#: Borders between regions of a plan; they compute nothing either. Below the first, Spark's own
#: nodes stand for what runs natively, down to the second.
BORDERS = {
    "org.arclight.spark.execution.NativeStageExec": True,
    "org.arclight.spark.execution.NativeInputExec": False,
}

#: Types of metrics that are times → their unit in seconds.
SECONDS = {"timing": 1e-3, "nsTiming": 1e-9}

#: Nodes whose plan is counted where it was made.
REUSES = {"ReusedExchangeExec", "ReusedSubqueryExec"}


def elements(sequence: Any) -> list[Any]:
    """A Scala Seq's elements."""
    return [sequence.apply(index) for index in range(sequence.size())]


def nodes(plan: Any) -> Iterator[tuple[Any, str, bool]]:
    """Nodes of an executed physical plan, subqueries included, each once: node, its class's name,
    whether it is inside a native stage."""
    pending = [(plan, False)]
    while pending:
        node, inside = pending.pop()
        class_name = node.getClass().getName()
        simple_name = class_name.rsplit(".", 1)[-1]
        if simple_name in REUSES:
            continue
        if simple_name in WRAPPERS:
            pending.append((getattr(node, WRAPPERS[simple_name])(), inside))
            continue
        inside = BORDERS.get(class_name, inside)
        yield node, class_name, inside
        pending.extend((child, inside) for child in elements(node.children()))
        pending.extend((subquery, False) for subquery in elements(node.subqueries()))


def count_operators(plan: Any, native_packages: tuple[str, ...]) -> tuple[int, int]:
    """(native, all) operators of an executed physical plan, subqueries included."""
    native = total = 0
    for _, class_name, inside in nodes(plan):
        if class_name not in BORDERS and class_name.rsplit(".", 1)[-1] not in TRANSPARENT:
            total += 1
            native += inside or class_name.startswith(native_packages)
    return native, total


def metric_seconds(plan: Any, names: Iterable[str]) -> dict[str, float]:
    """The sums of metrics of an executed physical plan that are times, by name."""
    seconds = dict.fromkeys(names, 0.0)
    for node, _, _ in nodes(plan):
        for name in seconds:
            found = node.metrics().get(name)
            if found.isDefined():
                metric = found.get()
                seconds[name] += metric.value() * SECONDS[metric.metricType()]
    return seconds


def result_order(analyzed: Any) -> tuple[list[int] | None, bool]:
    """How an analyzed plan orders and limits its result.

    Returns the output columns that are the leading keys of its outermost sort (it stops at the
    first key that is no output column), or None if it does not sort; and whether it is limited.
    """
    output = [attribute.exprId().id() for attribute in elements(analyzed.output())]
    limited = False
    node = analyzed
    while True:
        name = node.nodeName()
        if name == "WithCTE":
            node = node.plan()
        elif name in ("GlobalLimit", "LocalLimit"):
            limited = True
            node = node.child()
        elif name in ("Project", "SubqueryAlias"):
            node = node.child()
        elif name == "Sort":
            break
        else:
            return None, limited
    order: list[int] = []
    for key in elements(node.order()):
        attribute = key.child()
        if attribute.getClass().getSimpleName() != "AttributeReference":
            break
        identifier = attribute.exprId().id()
        if identifier not in output:
            break
        order.append(output.index(identifier))
    return order, limited


def marked_plan(explanation: str) -> str | None:
    """What Arclight adds to EXPLAIN: a line an operator with its mark; None if it adds nothing."""
    title = "== Extended Information (Arclight) ==\n"
    if title not in explanation:
        return None
    text = explanation.split(title, 1)[1].split("\n== ", 1)[0]
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"
