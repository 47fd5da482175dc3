package org.arclight.spark.jni;

/** The native methods. {@link NativeLibraryLoader#load} must have succeeded before any is called. */
public final class NativeLibrary {
  private NativeLibrary() {}

  /** The version the library was built as, which must be the plugin's own. */
  static native String version();
}
