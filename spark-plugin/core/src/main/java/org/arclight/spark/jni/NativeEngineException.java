package org.arclight.spark.jni;

/** An error of the native engine that is not an exception of an upcall. */
public final class NativeEngineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Kinds of error, as libarclight numbers them. */
  public static final int INTERNAL = 0;

  public static final int CANCELLED = 1;
  public static final int OUT_OF_MEMORY = 2;
  public static final int FILE_NOT_FOUND = 3;
  public static final int FILE_TYPE_MISMATCH = 4;
  public static final int FILE_CORRUPT = 5;
  public static final int IO = 6;
  public static final int EXPRESSION = 7;

  private final int kind;
  private final String path;

  /** @param path the file an error of reading is about, else null */
  public NativeEngineException(int kind, String message, String path) {
    super(message);
    this.kind = kind;
    this.path = path;
  }

  public int kind() {
    return kind;
  }

  public String path() {
    return path;
  }
}
