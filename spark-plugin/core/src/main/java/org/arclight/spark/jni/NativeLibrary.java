package org.arclight.spark.jni;

/**
 * The native methods of libarclight. Every one may throw what an upcall threw (the same object),
 * or a {@link NativeEngineException} with the kind of error. Task handles are used by one thread
 * at a time; {@link #spill} may be called from within an upcall of the same task.
 */
public final class NativeLibrary {
  private NativeLibrary() {}

  /** The library's version, which must equal the plugin's. */
  public static native String version();

  /**
   * Opens a task of a stage. The plan is decoded once per digest and executor.
   *
   * @param digest 16 bytes that identify the plan
   * @param plan the stage's substrait.Plan
   * @param task an arclight.Task
   * @return the task's handle
   */
  public static native long openTask(
      byte[] digest, byte[] plan, byte[] task, TaskCallbacks callbacks);

  /**
   * The next rows of the task's result as UnsafeRows.
   *
   * @param block receives the address of the rows, laid one after the other, and the address of
   *     their 32-bit lengths; both valid until the next call
   * @return the number of rows; 0 at the end
   */
  public static native int nextRows(long task, long[] block);

  /**
   * The next rows of the task's result as a frame, for the driver.
   *
   * @param sizes receives the number of rows and the bytes that they would take as UnsafeRows
   * @return the frame; null at the end
   */
  public static native byte[] nextFrame(long task, long[] sizes);

  /**
   * The rows of a frame from one on, as many as fit into an array.
   *
   * @param schema a substrait.NamedStruct
   * @param from the number of the first row
   * @return the number of the frame's rows (32 bits), the number of these rows (32 bits), their
   *     lengths (32 bits each), the UnsafeRows
   */
  public static native byte[] frameRows(byte[] schema, byte[] frame, int from);

  /** Runs a task that ends in a shuffle write; returns an arclight.ShuffleWriteResult. */
  public static native byte[] shuffleWrite(long task);

  /** The metrics so far, as an arclight.TaskMetrics. */
  public static native byte[] metrics(long task);

  /** Spills at least so many bytes if it can; returns the bytes given back through release. */
  public static native long spill(long task, long bytes);

  /** Frees the task. Its handle is invalid from then on. */
  public static native void closeTask(long task);

  /** Gives up a table that {@link TaskCallbacks#publishTable} took. */
  public static native void dropTable(long table);

  /** How many tables of broadcasts there are in the process. */
  public static native int tables();

  /** A plan in words, one operator a line. */
  public static native String explain(byte[] plan);

  /** Names of the scalar functions that have a kernel, then of aggregate functions. */
  public static native String[][] functions();

  /** The bytes that the library holds now, to within 64 KiB a thread; without C libraries'. */
  public static native long allocatedBytes();

  /** The most bytes that the library held at once since its load or the last reset. */
  public static native long peakAllocatedBytes();

  /** Makes what the library holds now its peak. */
  public static native void resetPeakAllocatedBytes();
}
