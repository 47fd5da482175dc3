package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{ExpandRel, Rel}
import org.apache.spark.sql.catalyst.expressions.{Attribute, Expression}

/** ExpandRel: every row several times, projected differently. */
private[plan] trait ExpandRelation { this: StageBuilder =>

  /** Every row of `input` once for each of `projections`, which give the columns `output`. */
  def expand(
      input: Relation,
      projections: Seq[Seq[Expression]],
      output: Seq[Attribute],
      operator: String = "Expand"): Relation = {
    val writer = expressions(input.output)
    val (id, common) = this.common(operator)
    val fields = output.indices.map { column =>
      val duplicates = projections.map(projection => writer.root(projection(column)))
      ExpandRel.ExpandField.newBuilder()
        .setSwitchingField(ExpandRel.SwitchingField.newBuilder().addAllDuplicates(duplicates.asJava))
        .build()
    }
    val rel = ExpandRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .addAllFields(fields.asJava)
    Relation(Rel.newBuilder().setExpand(rel).build(), output, id)
  }
}
