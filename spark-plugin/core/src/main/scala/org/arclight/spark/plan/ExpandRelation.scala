package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{ExpandRel, Rel}
import org.apache.spark.sql.catalyst.expressions.{Attribute, AttributeReference, Expression, Literal}
import org.apache.spark.sql.types.BooleanType

/** ExpandRel: every row several times, projected differently. */
private[plan] trait ExpandRelation { this: StageBuilder =>

  /** Every row of `input` once for each of `projections`, which give the columns `output`. */
  def expand(
      input: Relation,
      projections: Seq[Seq[Expression]],
      output: Seq[Attribute],
      operator: String = "Expand"): Relation = if (output.isEmpty) {
    // The columns of the relation are where its projections are: without one there would be none.
    val place = AttributeReference("projection", BooleanType, nullable = false)()
    val rows = expand(input, projections.map(_ => Seq(Literal.TrueLiteral)), Seq(place), operator)
    project(rows, Nil, operator)
  } else {
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
