package org.apache.spark.shuffle.sort

import org.apache.spark.SparkConf

/**
 * Spark's own shuffle manager, made visible outside Spark's packages. What overrides a method with
 * types private to Spark goes here; the rest goes into
 * `org.arclight.spark.shuffle.ArclightShuffleManager`.
 */
class ArclightSortShuffleManager(conf: SparkConf) extends SortShuffleManager(conf)
