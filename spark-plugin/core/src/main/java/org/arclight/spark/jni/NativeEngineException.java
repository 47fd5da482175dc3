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
  public static final int FILE_DUPLICATE_FIELD = 8;

  private final int kind;
  private final String path;
  private final String[] parameters;

  /**
   * @param path the file an error of reading is about, else null
   * @param parameters what Spark's error of the kind says besides: of {@link #FILE_TYPE_MISMATCH}
   *     the column, its type in the schema and its type in the file; of {@link
   *     #FILE_DUPLICATE_FIELD} the column and the names in the file; of {@link #OUT_OF_MEMORY} the
   *     bytes asked for and the bytes that could be had
   */
  public NativeEngineException(int kind, String message, String path, String[] parameters) {
    super(message);
    this.kind = kind;
    this.path = path;
    this.parameters = parameters.clone();
  }

  public int kind() {
    return kind;
  }

  public String path() {
    return path;
  }

  public String parameter(int index) {
    return parameters[index];
  }
}
