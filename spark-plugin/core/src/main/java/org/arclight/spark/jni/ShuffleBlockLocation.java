package org.arclight.spark.jni;

/** Where a shuffle block is: in a local file, or (path null) behind a stream. */
public final class ShuffleBlockLocation {
  /** The data file, or null for a stream. */
  public final String path;

  /** Where the block begins in the file. */
  public final long offset;

  /** The block's bytes. */
  public final long length;

  public ShuffleBlockLocation(String path, long offset, long length) {
    this.path = path;
    this.offset = offset;
    this.length = length;
  }
}
