package org.arclight.spark.plan.expressions

import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.GeneratedPage

class SupportedExpressionsSuite extends AnyFunSuite {
  test("the page of supported expressions is up to date") {
    GeneratedPage.check("docs/supported-expressions.md", SupportedExpressions.page)
  }
}
