package org.arclight.spark.plan

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.plan.expressions.{ExpressionSupport, Native, SupportLevel, Unsupported}

/** Says of generators whether they can be native. */
object Generators {

  /** The level of a generator over an operator's input columns. */
  def check(generator: Generator, inputs: Seq[Attribute], conf: SQLConf): SupportLevel =
    generator match {
      case Explode(collection) => ExpressionSupport.check(collection, inputs, conf)
      case PosExplode(collection) => ExpressionSupport.check(collection, inputs, conf)
      case Inline(structs) => ExpressionSupport.check(structs, inputs, conf)
      case Stack(children) =>
        stackObstacle(children).fold[SupportLevel](Native)(Unsupported(_))
          .and(ExpressionSupport.checkAll(children.tail, inputs, conf))
      case ReplicateRows(children) => ExpressionSupport.checkAll(children, inputs, conf)
      case other => Unsupported(s"generator ${other.prettyName} is not native")
    }

  /** More rows than this of one row would make batches too large before they are cut. */
  private val MAXIMUM_STACKED_ROWS = 50

  private def stackObstacle(children: Seq[Expression]): Option[String] = {
    val rows = stackedRows(children.head)
    val values = children.tail
    val width = (values.length + rows - 1) / rows
    if (rows > MAXIMUM_STACKED_ROWS) {
      Some(s"stacks of more than $MAXIMUM_STACKED_ROWS rows are not native")
    } else if (values.zipWithIndex.exists { case (value, index) =>
        !SparkTypes.areAlike(value.dataType, values(index % width).dataType)
      }) {
      Some("stacks of several types in a column are not native")
    } else {
      None
    }
  }

  /** The number of rows that a stack makes, which Spark wants to be constant. */
  private[plan] def stackedRows(rows: Expression): Int = rows.eval().asInstanceOf[Int]
}
