package org.arclight.spark.jni;

/** The native library cannot be loaded into this process; the message says why. */
public final class NativeLibraryUnavailableException extends Exception {
  private static final long serialVersionUID = 1L;

  NativeLibraryUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
