/** The border to the native library: its methods, its upcalls, and how it is loaded. */
package org.arclight.spark.jni;
