"""Plans are kept, read from EXPLAIN, and told apart."""

from tpch.compare import Status
from tpch.engines.plans import marked_plan
from tpch.verify import Verdict, changed_plans, write_plans

EXPLANATION = """== Physical Plan ==
AdaptiveSparkPlan

== Extended Information (Other) ==
nothing
== Extended Information (Arclight) ==
* Sort
!   SortMergeJoin [there is no native SortMergeJoin]
"""

PLAN = "* Sort\n!   SortMergeJoin [there is no native SortMergeJoin]\n"


def verdict(query, plan):
    return Verdict(query=query, status=Status.EQUAL, detail="", rows=1, native="–", plan=plan)


def test_the_marked_plan_is_found():
    assert marked_plan(EXPLANATION) == PLAN
    assert marked_plan(EXPLANATION + "\n== Extended Information (Last) ==\nmore\n") == PLAN
    assert marked_plan("== Physical Plan ==\nScan") is None


def test_a_lost_offload_is_seen(tmp_path):
    write_plans([verdict(1, PLAN), verdict(2, PLAN), verdict(3, None)], tmp_path)
    assert changed_plans([verdict(1, PLAN), verdict(2, PLAN)], tmp_path) == {}
    changes = changed_plans([verdict(1, PLAN.replace("*", "!")), verdict(2, PLAN)], tmp_path)
    assert list(changes) == [1]
    assert "-* Sort" in changes[1] and "+! Sort" in changes[1]


def test_a_plan_that_nobody_kept_is_a_change(tmp_path):
    assert list(changed_plans([verdict(4, PLAN)], tmp_path)) == [4]


def test_a_plan_that_is_no_longer_given_is_a_change(tmp_path):
    write_plans([verdict(5, PLAN)], tmp_path)
    assert list(changed_plans([verdict(5, None)], tmp_path)) == [5]
