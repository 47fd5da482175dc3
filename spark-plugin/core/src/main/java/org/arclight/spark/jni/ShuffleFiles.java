package org.arclight.spark.jni;

/** The blocks of a shuffle that are in files of this executor. */
public final class ShuffleFiles {
  /** The numbers that describe a block in {@link #blocks}. */
  public static final int NUMBERS = 4;

  /** The data files, with NUL characters between. */
  public final String paths;

  /**
   * The blocks in the order in which they are read, {@link #NUMBERS} numbers each: which of the
   * files it is in, where it begins there, its bytes, and the shuffle's partition it is of.
   */
  public final long[] blocks;

  /** Whether the blocks of each partition follow each other, and there are no further blocks. */
  public final boolean byPartition;

  public ShuffleFiles(String paths, long[] blocks, boolean byPartition) {
    this.paths = paths;
    this.blocks = blocks;
    this.byPartition = byPartition;
  }
}
