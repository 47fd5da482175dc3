package org.arclight.spark

import org.apache.spark.sql.SparkSessionExtensions

/** What Arclight injects into a session. The plugin names this class in `spark.sql.extensions`. */
class ArclightExtensions extends (SparkSessionExtensions => Unit) {
  override def apply(extensions: SparkSessionExtensions): Unit = ()
}
