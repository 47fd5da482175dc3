package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{Expression => SubstraitExpression, ProjectRel, Rel, RelCommon}
import org.apache.spark.sql.catalyst.expressions.{Attribute, NamedExpression}

/** ProjectRel: columns computed of columns. */
private[plan] trait ProjectRelation { this: StageBuilder =>

  /** The expressions over `input`, and nothing else. */
  def project(
      input: Relation,
      projectList: Seq[NamedExpression],
      operator: String = "Project"): Relation = {
    val writer = sharingExpressions(input.output)
    projectWritten(input, projectList.map(writer.root), projectList.map(_.toAttribute), operator)
  }

  /** Expressions that are written already, and what their columns are called. */
  private[plan] def projectWritten(
      input: Relation,
      written: Seq[SubstraitExpression],
      output: Seq[Attribute],
      operator: String): Relation = {
    val (id, common) = this.common(operator)
    // Substrait appends the expressions to the input's columns; emit keeps only them.
    val emit = RelCommon.Emit.newBuilder().addAllOutputMapping(
      written.indices.map(index => Int.box(input.output.length + index)).asJava)
    val rel = ProjectRel.newBuilder()
      .setCommon(common.setEmit(emit))
      .setInput(input.rel)
      .addAllExpressions(written.asJava)
    Relation(Rel.newBuilder().setProject(rel).build(), output, id)
  }
}
