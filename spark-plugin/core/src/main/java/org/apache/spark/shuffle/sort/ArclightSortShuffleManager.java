package org.apache.spark.shuffle.sort;

import org.apache.spark.ShuffleDependency;
import org.apache.spark.SparkConf;
import org.apache.spark.TaskContext;
import org.apache.spark.arclight.NativeShuffleDependency;
import org.apache.spark.arclight.NativeShuffleHandle;
import org.apache.spark.arclight.NativeShuffleWriter;
import org.apache.spark.shuffle.ShuffleHandle;
import org.apache.spark.shuffle.ShuffleWriteMetricsReporter;
import org.apache.spark.shuffle.ShuffleWriter;

/**
 * Spark's own shuffle manager, with native shuffles beside. It is Java because the methods that it
 * overrides have types that Scala keeps to Spark's packages; the rest goes into
 * org.arclight.spark.shuffle.ArclightShuffleManager.
 */
public class ArclightSortShuffleManager extends SortShuffleManager {
  public ArclightSortShuffleManager(SparkConf conf) {
    super(conf);
  }

  @Override
  public <K, V, C> ShuffleHandle registerShuffle(
      int shuffleId, ShuffleDependency<K, V, C> dependency) {
    if ((Object) dependency instanceof NativeShuffleDependency shuffle) {
      return new NativeShuffleHandle(shuffleId, shuffle);
    }
    return super.registerShuffle(shuffleId, dependency);
  }

  @Override
  @SuppressWarnings("unchecked")
  public <K, V> ShuffleWriter<K, V> getWriter(
      ShuffleHandle handle, long mapId, TaskContext context, ShuffleWriteMetricsReporter metrics) {
    if (handle instanceof NativeShuffleHandle shuffle) {
      // Without the map's id its files would stay when the shuffle is removed.
      NativeShuffleWriter.track(shuffleBlockResolver(), handle.shuffleId(), mapId);
      return (ShuffleWriter<K, V>) (Object)
          new NativeShuffleWriter(shuffle, mapId, shuffleBlockResolver(), metrics);
    }
    return super.getWriter(handle, mapId, context, metrics);
  }
}
