package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import com.google.protobuf.ByteString
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.arclight.proto.{CollectKeys, FilterByKeys}

/** ExtensionSingleRel of `CollectKeys` and `FilterByKeys`: keys from one stage to another. */
private[plan] trait KeyRelations { this: StageBuilder =>

  /** The rows of `input`, whose tasks report at most `limit` values of each of the columns. */
  def collectKeys(
      input: Relation,
      columns: Seq[Attribute],
      limit: Int,
      operator: String = "CollectKeys"): Relation = {
    val writer = expressions(input.output)
    val collect = CollectKeys.newBuilder()
      .addAllColumns(columns.map(column => Int.box(writer.position(column))).asJava)
      .setLimit(limit)
      .build()
    extensionSingle(input, operator, collect, input.output)
  }

  /** The rows of `input` less some whose columns are in none of their sets of keys. */
  def filterByKeys(
      input: Relation,
      filters: Seq[(Attribute, Seq[Array[Byte]])],
      operator: String = "FilterByKeys"): Relation = {
    val writer = expressions(input.output)
    val message = FilterByKeys.newBuilder()
    filters.foreach { case (column, sets) =>
      message.addFilters(FilterByKeys.Filter.newBuilder()
        .setColumn(writer.position(column))
        .addAllKeySets(sets.map(ByteString.copyFrom(_)).asJava))
    }
    extensionSingle(input, operator, message.build(), input.output)
  }
}
