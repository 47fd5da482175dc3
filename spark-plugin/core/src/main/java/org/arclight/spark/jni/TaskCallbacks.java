package org.arclight.spark.jni;

/** What a native task asks of the JVM. Called on the thread that runs the task. */
public interface TaskCallbacks {
  /** What {@link #openFile} and {@link #readFile} return of a file that is not there. */
  long FILE_MISSING = -1;

  /** What they return of a file that can't be read. */
  long FILE_UNREADABLE = -2;

  /** Asks Spark for memory; returns the bytes granted. May come back with a spill request. */
  long acquire(long bytes);

  /** Gives memory back to Spark. */
  void release(long bytes);

  /** Whether the task was killed. */
  boolean isCancelled();

  /**
   * The next rows of an input.
   *
   * @param block receives the address of UnsafeRows laid one after the other and the address of
   *     their 32-bit lengths, both valid until the next call
   * @return the number of rows; 0 at the end
   */
  int nextRows(int input, long[] block);

  /**
   * Evaluates one of the stage's Spark expressions over rows of its inputs.
   *
   * @param block receives the addresses of the resulting one-column UnsafeRows and lengths
   * @return the number of resulting rows, equal to count
   */
  int evaluate(int index, int count, long rows, long lengths, long[] block);

  /** The blocks of a shuffle input that are read from files. Asked for once, before any stream. */
  ShuffleFiles shuffleFiles(int input);

  /** Opens the stream of the next block that is not in a file; false at the end. */
  boolean nextShuffleStream(int input);

  /** Reads from the current block's stream to an address; 0 at its end. */
  int readShuffle(int input, long address, int length);

  /**
   * Throws FetchFailedException for a block.
   *
   * @param block its position among the blocks in files, or -1 for the current stream's
   */
  void shuffleBlockFailed(int input, int block, String reason);

  /**
   * Opens a file through Hadoop's FileSystem.
   *
   * @param length receives the file's length
   * @return a handle, {@link #FILE_MISSING} or {@link #FILE_UNREADABLE}
   */
  long openFile(String path, long[] length);

  /**
   * Reads exactly so many bytes at an offset.
   *
   * @return 0, {@link #FILE_MISSING} or {@link #FILE_UNREADABLE}
   */
  long readFile(long handle, long offset, long address, int length);

  /** Throws why a file last was missing or unreadable, unless none was. */
  void fileFailed();

  /** Closes a file. */
  void closeFile(long handle);

  /**
   * Makes microseconds of the hybrid Julian-Gregorian calendar proleptic Gregorian ones, in place.
   *
   * @param zone the time zone in which they were written; null: the JVM's own
   * @param address of count 64-bit integers
   */
  void rebaseMicros(String zone, long address, int count);

  /** The next frame of a broadcast; null at the end. */
  byte[] nextBroadcast(int input);

  /** Has {@link #nextBroadcast} give the frames of a broadcast from the first one on. */
  void rewindBroadcast(int input);

  /** Asks Spark for storage memory, for a table that tasks will share; false: refused. */
  boolean acquireStorage(int input, long bytes);

  /** Gives storage memory back. */
  void releaseStorage(long bytes);

  /**
   * Takes a finished table of a broadcast, charged with so many bytes instead of what was acquired
   * for it, and pins it. It is given up through {@link NativeLibrary#dropTable}.
   *
   * @return whether there was memory for it
   */
  boolean publishTable(int input, long table, long bytes);

  /** Keeps a table until the task ends; false: it has been given up. */
  boolean pinTable(int input, long table);
}
