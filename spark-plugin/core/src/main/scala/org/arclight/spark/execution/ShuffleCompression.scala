package org.arclight.spark.execution

import org.apache.spark.arclight.TaskInternals

import org.arclight.proto.BlockCompression

/** How the application's native shuffle blocks are compressed. */
final case class ShuffleCompression(compression: BlockCompression, level: Int)

object ShuffleCompression {

  /** What `spark.shuffle.compress` and `spark.io.compression.codec` say; LZ4 for a codec the engine lacks. */
  def current: ShuffleCompression = TaskInternals.shuffleCompressionCodec match {
    case None => ShuffleCompression(BlockCompression.BLOCK_COMPRESSION_NONE, 0)
    case Some("zstd") =>
      ShuffleCompression(BlockCompression.BLOCK_COMPRESSION_ZSTD, TaskInternals.zstandardLevel)
    case Some("snappy") => ShuffleCompression(BlockCompression.BLOCK_COMPRESSION_SNAPPY, 0)
    case Some(_) => ShuffleCompression(BlockCompression.BLOCK_COMPRESSION_LZ4, 0)
  }
}
