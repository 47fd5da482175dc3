package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.execution.GenerateExec
import org.arclight.proto.Generate

/** ExtensionSingleRel of `Generate`: several rows for each row. */
private[plan] trait GenerateRelation { this: StageBuilder =>

  /** What the generator of one of Spark's nodes makes of the rows of `input`. */
  def generate(input: Relation, node: GenerateExec): Relation = {
    val writer = expressions(input.output)
    val generate = Generate.newBuilder()
      .addAllKept(node.requiredChildOutput.map(column => Int.box(writer.position(column))).asJava)
      .setOuter(node.outer)
    node.generator match {
      case Explode(collection) => generate.setExplode(Generate.Explode.newBuilder()
        .setCollection(writer.root(collection)))
      case PosExplode(collection) => generate.setExplode(Generate.Explode.newBuilder()
        .setCollection(writer.root(collection)).setPosition(true))
      case Inline(structs) => generate.setInline(Generate.Inline.newBuilder()
        .setStructs(writer.root(structs)))
      case Stack(children) => generate.setStack(Generate.Stack.newBuilder()
        .setRows(Generators.stackedRows(children.head))
        .addAllValues(children.tail.map(writer.root).asJava))
      case ReplicateRows(children) => generate.setReplicateRows(Generate.ReplicateRows.newBuilder()
        .setCount(writer.root(children.head))
        .addAllValues(children.tail.map(writer.root).asJava))
      case other => throw new PlanException(s"generator ${other.prettyName} is not native")
    }
    extensionSingle(input, node.nodeName, generate.build(), node.output)
  }
}
