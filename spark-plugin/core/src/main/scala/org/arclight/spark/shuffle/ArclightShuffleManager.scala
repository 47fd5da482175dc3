package org.arclight.spark.shuffle

import org.apache.spark.SparkConf
import org.apache.spark.shuffle.sort.ArclightSortShuffleManager

/**
 * The shuffle manager that the plugin sets. It extends Spark's rather than wraps it: Spark copies
 * every row before a shuffle unless it finds `SortShuffleManager` or a subclass.
 */
class ArclightShuffleManager(conf: SparkConf) extends ArclightSortShuffleManager(conf)
