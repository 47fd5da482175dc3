package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{FetchMode, Rel, SortField, SortRel, TopNRel}
import io.substrait.proto.SortField.SortDirection
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types.LongType

/** SortRel and TopNRel: rows in order, or the first of them. */
private[plan] trait SortRelation { this: StageBuilder =>

  /** The rows of `input` in order, within the task. */
  def sort(input: Relation, order: Seq[SortOrder], operator: String = "Sort"): Relation = {
    val (id, common) = this.common(operator)
    val rel = SortRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .addAllSorts(sortFields(order, input.output).asJava)
    Relation(Rel.newBuilder().setSort(rel).build(), input.output, id)
  }

  /**
   * The `count` rows of `input` that come first in order behind `offset` others, in that order. Many
   * rows are sorted instead, which can spill.
   */
  def topN(
      input: Relation,
      order: Seq[SortOrder],
      offset: Long,
      count: Long,
      operator: String = "TakeOrderedAndProject"): Relation =
    if (offset + count > SortRelation.TOP_N_MAXIMUM) {
      limit(sort(input, order, operator), offset, Some(count))
    } else {
      firstRows(input, order, offset, count, operator)
    }

  private def firstRows(
      input: Relation,
      order: Seq[SortOrder],
      offset: Long,
      count: Long,
      operator: String): Relation = {
    val writer = expressions(input.output)
    val (id, common) = this.common(operator)
    val rel = TopNRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .addAllSorts(sortFields(order, input.output).asJava)
      .setOffset(writer.literal(offset, LongType))
      .setCount(writer.literal(count, LongType))
      .setMode(FetchMode.FETCH_MODE_ROWS_ONLY)
    Relation(Rel.newBuilder().setTopN(rel).build(), input.output, id)
  }

  /** Sort keys over columns. */
  private[plan] def sortFields(order: Seq[SortOrder], inputs: Seq[Attribute]): Seq[SortField] = {
    val writer = expressions(inputs)
    order.map { key =>
      val direction = (key.direction, key.nullOrdering) match {
        case (Ascending, NullsFirst) => SortDirection.SORT_DIRECTION_ASC_NULLS_FIRST
        case (Ascending, NullsLast) => SortDirection.SORT_DIRECTION_ASC_NULLS_LAST
        case (Descending, NullsFirst) => SortDirection.SORT_DIRECTION_DESC_NULLS_FIRST
        case (Descending, NullsLast) => SortDirection.SORT_DIRECTION_DESC_NULLS_LAST
        case (other, nulls) => throw new PlanException(s"sort direction $other $nulls")
      }
      SortField.newBuilder().setExpr(writer.root(key.child)).setDirection(direction).build()
    }
  }
}

private[plan] object SortRelation {

  /** How many rows the engine keeps in order without a reservation: two batches. */
  val TOP_N_MAXIMUM: Long = 16384
}
