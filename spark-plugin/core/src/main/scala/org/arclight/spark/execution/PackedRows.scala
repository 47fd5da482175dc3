package org.arclight.spark.execution

import java.io.{ByteArrayInputStream, ByteArrayOutputStream}

import scala.collection.mutable.ArrayBuffer

import org.apache.spark.io.CompressionCodec
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.UnsafeRow
import org.apache.spark.unsafe.Platform

/**
 * Rows on their way to all executors: row blocks, each compressed. They are plain arrays, which
 * every serializer of Spark knows.
 *
 * @param blocks what [[RowBlock.toBytes]] gives, compressed
 * @param count how many rows they have
 * @param bytes how many bytes the rows take as UnsafeRows
 */
final case class PackedRows(blocks: Array[Array[Byte]], count: Long, bytes: Long)

object PackedRows {

  /** Where a block ends though more rows would fit. */
  private val BLOCK_BYTES = 1L << 20

  /** Packs rows, which are UnsafeRows, in blocks of so many at most. */
  def pack(rows: Iterator[InternalRow], blockRows: Int, codec: CompressionCodec): PackedRows = {
    val block = new RowBlock
    val packed = ArrayBuffer.empty[Array[Byte]]
    var count = 0L
    var bytes = 0L
    def finish(): Unit = if (block.count > 0) {
      packed += compress(block.toBytes, codec)
      count += block.count
      bytes += block.bytes
      block.clear()
    }
    try {
      rows.foreach { row =>
        block.append(row.asInstanceOf[UnsafeRow])
        if (block.count >= blockRows || block.bytes >= BLOCK_BYTES) finish()
      }
      finish()
    } finally {
      block.close()
    }
    PackedRows(packed.toArray, count, bytes)
  }

  /** The rows of packed blocks, each a row of its own over its block's bytes. */
  def rows(
      blocks: Array[Array[Byte]],
      fields: Int,
      codec: CompressionCodec): Iterator[UnsafeRow] =
    blocks.iterator.flatMap { packed =>
      val bytes = unpack(packed, codec)
      val count = Platform.getInt(bytes, Platform.BYTE_ARRAY_OFFSET)
      var offset = Platform.BYTE_ARRAY_OFFSET + 4L + 4L * count
      Iterator.tabulate(count) { index =>
        val length = Platform.getInt(bytes, Platform.BYTE_ARRAY_OFFSET + 4L + 4L * index)
        val row = new UnsafeRow(fields)
        row.pointTo(bytes, offset, length)
        offset += length
        row
      }
    }

  /** A block as [[RowBlock.read]] takes it. */
  def unpack(packed: Array[Byte], codec: CompressionCodec): Array[Byte] = {
    val in = codec.compressedInputStream(new ByteArrayInputStream(packed))
    try in.readAllBytes()
    finally in.close()
  }

  private def compress(bytes: Array[Byte], codec: CompressionCodec): Array[Byte] = {
    val packed = new ByteArrayOutputStream(bytes.length / 4 + 64)
    val out = codec.compressedOutputStream(packed)
    try out.write(bytes)
    finally out.close()
    packed.toByteArray
  }
}
