package org.arclight.spark.plan.expressions

import java.nio.file.{Files, Paths}

import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.jni.{NativeLibrary, NativeLibraryLoader}
import org.arclight.spark.plan.{ExpressionWriter, FunctionCatalogue}

/** The catalogue, the plugin and the engine know the same functions. */
class FunctionAgreementSuite extends AnyFunSuite {

  /** Kernels are called by these names only inside plans, never by an expression of Spark. */
  private val guards = Set(ExpressionWriter.FALLBACK, ExpressionWriter.JVM)

  /** Kernels that plans reach by a form of Substrait's own. */
  private val forms = Set("cast")

  /** Functions that Spark has rewritten to others by the time it plans. */
  private val rewrittenBySpark = Set("bool_and", "bool_or")

  test("the catalogue names a function once") {
    Seq("scalar_functions", "aggregate_functions", "window_functions").foreach { section =>
      val names = FunctionCatalogue.names(section)
      assert(names.nonEmpty)
      assert(names.diff(names.distinct).isEmpty, section)
    }
  }

  test("the plugin calls what the catalogue declares") {
    assert(ExpressionRegistry.scalarFunctions ++ guards ++ forms == FunctionCatalogue.scalar)
    assert(ExpressionRegistry.aggregateFunctions ++ rewrittenBySpark == FunctionCatalogue.aggregate)
    assert(WindowFunctions.functions == FunctionCatalogue.window)
  }

  test("the engine has what the catalogue declares") {
    val library = sys.props.getOrElse("spark.arclight.native.library", "")
    assert(Files.exists(Paths.get(library)), s"'$library' is not built")
    NativeLibraryLoader.load(library)
    val Array(scalar, aggregate) = NativeLibrary.functions()
    assert(scalar.toSet -- guards == FunctionCatalogue.scalar -- guards)
    assert(aggregate.toSet == FunctionCatalogue.aggregate)
  }
}
