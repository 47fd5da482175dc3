package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.sql.execution.{LocalTableScanExec, UnionExec}
import org.apache.spark.sql.execution.joins.CartesianProductExec
import org.scalatest.funsuite.AnyFunSuite

class LayoutSuite extends AnyFunSuite {

  private val rows = LocalTableScanExec(Nil, Nil, None)
  private val union = UnionExec(Seq(rows, rows))
  private val product = CartesianProductExec(rows, rows, None)

  /** Brings its inputs together task by task, as most operators do. */
  private val join = rows

  private def split(number: Int): PlacedSplit = PlacedSplit(RangeSplit(number), Nil)

  private def perTask(input: Int, numbers: Int*): Layout = Layout.perTask(input, numbers.map(split))

  /** What the tasks read of some inputs, by the splits' numbers. */
  private def read(layout: Layout, inputs: Int): Seq[Seq[Option[Int]]] =
    (0 until layout.taskCount).map(task => (0 until inputs).map { input =>
      layout.splitOf(input)(task).split match {
        case RangeSplit(number) => Some(number)
        case _ => None
      }
    })

  test("every task of a join reads its own part of one side, and all of a broadcast") {
    val layout = Layout.together(join, Seq(perTask(0, 7, 8), Layout.everywhere(1, split(9))))
    assert(read(layout, 2) == Seq(Seq(Some(7), Some(9)), Seq(Some(8), Some(9))))
  }

  test("a union's tasks come one after the other, and read nothing of its other inputs") {
    val joined = Layout.together(join, Seq(perTask(0, 7, 8), Layout.everywhere(1, split(9))))
    val inner = Layout.together(union, Seq(joined, perTask(2), perTask(3, 5)))
    val layout = Layout.together(union, Seq(perTask(4, 1), inner))
    assert(read(layout, 5) == Seq(
      Seq(None, None, None, None, Some(1)),
      Seq(Some(7), Some(9), None, None, None),
      Seq(Some(8), Some(9), None, None, None),
      Seq(None, None, None, Some(5), None)))
  }

  test("a product's tasks are all pairs, in Spark's order") {
    val layout = Layout.together(product, Seq(perTask(0, 1, 2), perTask(1, 3, 4, 5)))
    assert(read(layout, 2).map(_.flatten) ==
      Seq(Seq(1, 3), Seq(1, 4), Seq(1, 5), Seq(2, 3), Seq(2, 4), Seq(2, 5)))
    assert(read(Layout.together(product, Seq(perTask(0, 1), perTask(1))), 2).isEmpty)
  }

  test("more pairs than there can be tasks are an error") {
    val many = Seq.fill(1 << 16)(split(0))
    intercept[ArithmeticException] {
      Layout.together(product, Seq(Layout.perTask(0, many), Layout.perTask(1, many)))
    }
  }

  test("a broadcast alone gives no tasks") {
    assert(read(Layout.together(join, Seq(Layout.everywhere(0, split(1)))), 1).isEmpty)
    assert(read(Layout.together(union, Seq(Layout.everywhere(0, split(1)), perTask(1, 2))), 2) ==
      Seq(Seq(None, Some(2))))
  }

  test("inputs that are out of step are an error") {
    intercept[SparkException](Layout.together(join, Seq(perTask(0, 1), perTask(1, 2, 3))))
  }
}
