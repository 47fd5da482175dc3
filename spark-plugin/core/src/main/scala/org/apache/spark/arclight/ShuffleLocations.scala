package org.apache.spark.arclight

import org.apache.spark.{MapOutputTrackerMaster, SparkEnv}
import org.apache.spark.sql.execution._

/** Where a part of a native shuffle is best read; as Spark's ShuffledRowRDD has it. On the driver. */
object ShuffleLocations {
  def preferred(dependency: NativeShuffleDependency, spec: ShufflePartitionSpec): Seq[String] =
    SparkEnv.get.mapOutputTracker match {
      case tracker: MapOutputTrackerMaster =>
        spec match {
          case CoalescedPartitionSpec(start, end, _) =>
            (start until end).flatMap(tracker.getPreferredLocationsForShuffle(dependency, _))
          case PartialReducerPartitionSpec(_, startMap, endMap, _) =>
            tracker.getMapLocation(dependency, startMap, endMap)
          case PartialMapperPartitionSpec(map, _, _) =>
            tracker.getMapLocation(dependency, map, map + 1)
          case CoalescedMapperPartitionSpec(startMap, endMap, _) =>
            tracker.getMapLocation(dependency, startMap, endMap)
        }
      case _ => Nil
    }
}
