package org.arclight.spark.plan

import org.apache.spark.sql.catalyst.expressions._

import org.arclight.spark.plan.expressions.ConditionalExpressions

/**
 * The terms of a filter's condition in the order in which Spark's generated code evaluates them
 * (`GeneratePredicateHelper`), each for the rows for which those before it are TRUE. It decides
 * which rows raise what terms may raise.
 */
object FilterTerms extends PredicateHelper {

  /**
   * That a column is not NULL is asked just before the first term that wants it, and of columns that
   * no other term wants, and of what is computed, after all of them. All other terms stay in the
   * order they are written in.
   */
  def inOrder(condition: Expression): Seq[Expression] = {
    val (checks, terms) = ConditionalExpressions.conjuncts(condition).partition {
      case IsNotNull(child) => isNullIntolerant(child)
      case _ => false
    }
    val notNull = AttributeSet.fromAttributeSets(checks.map(_.references))
    val (ordered, asked) = terms.foldLeft((Seq.empty[Expression], AttributeSet.empty)) {
      case ((before, asked), term) =>
        // In the order that they come in the term, which is not that of AttributeSet.toSeq.
        val wanted = term.references.iterator
          .filter(column => notNull.contains(column) && !asked.contains(column)).toVector
        (before ++ wanted.map(IsNotNull(_)) :+ term, asked ++ AttributeSet(wanted))
    }
    ordered ++ checks.filter {
      case IsNotNull(column: Attribute) => !asked.contains(column)
      case _ => true
    }
  }
}
