package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{Rel, SetRel}
import org.apache.spark.sql.catalyst.expressions.Attribute

/** SetRel: the rows of several relations. */
private[plan] trait UnionRelation { this: StageBuilder =>

  /** The rows of all inputs, whose columns agree by position, called `output`. */
  def union(
      inputs: Seq[Relation],
      output: Seq[Attribute],
      operator: String = "Union"): Relation = {
    val (id, common) = this.common(operator)
    val rel = SetRel.newBuilder()
      .setCommon(common)
      .addAllInputs(inputs.map(_.rel).asJava)
      .setOp(SetRel.SetOp.SET_OP_UNION_ALL)
    Relation(Rel.newBuilder().setSet(rel).build(), output, id)
  }
}
