package org.arclight.spark.jni;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.LockSupport;

/**
 * Loads the native library into the process, once.
 *
 * <p>The library comes from a file that is named, or else from the jar. Since a library can only be
 * loaded from a file, the one in the jar is copied into a temporary folder of its own, loaded, and
 * deleted at once: the process keeps its mapping, and nothing is left behind even if the process is
 * killed. Processes of one host do not see each other's copies.
 *
 * <p>The thread that loads the library stays until the process ends. The library's allocator
 * (mimalloc) takes it for the process's main thread and knows it by its address: a later thread at
 * the address of one that ended would get that one's heap, which has been freed.
 */
public final class NativeLibraryLoader {
  /** The system property, and Spark's setting, that names a file to load instead. */
  public static final String FILE_PROPERTY = "spark.arclight.native.library";

  private static final String FILE_NAME = "libarclight.so";

  private static final String X86_64_RESOURCE = "native/linux-x86_64/" + FILE_NAME;

  /** The same engine for processors of level x86-64-v3; not every jar has it. */
  private static final String X86_64_V3_RESOURCE = "native/linux-x86_64-v3/" + FILE_NAME;

  private static boolean loaded = false;
  private static NativeLibraryUnavailableException failure = null;

  private NativeLibraryLoader() {}

  /** Loads the file that the system property names, or else the library in the jar. */
  public static void load() throws NativeLibraryUnavailableException {
    load(System.getProperty(FILE_PROPERTY));
  }

  /**
   * Loads a library. A process loads once: later calls return, or fail as the first call did.
   *
   * @param file the file to load, or null or empty for the library in the jar
   */
  public static synchronized void load(String file) throws NativeLibraryUnavailableException {
    if (failure != null) {
      throw new NativeLibraryUnavailableException(failure.getMessage(), failure);
    }
    if (!loaded) {
      try {
        loadOnce(file);
        loaded = true;
      } catch (NativeLibraryUnavailableException unavailable) {
        failure = unavailable;
        throw unavailable;
      }
    }
  }

  /** The plugin's version, which the library must have too. */
  public static String pluginVersion() {
    Properties properties = new Properties();
    try (InputStream resource =
        NativeLibraryLoader.class.getResourceAsStream("/org/arclight/spark/version.properties")) {
      if (resource != null) {
        properties.load(resource);
      }
    } catch (IOException unreadable) {
      return "unknown";
    }
    return properties.getProperty("version", "unknown");
  }

  private static void loadOnce(String file) throws NativeLibraryUnavailableException {
    String resource = resourceName(System.getProperty("os.name"), System.getProperty("os.arch"));
    String origin;
    if (file != null && !file.isEmpty()) {
      origin = file;
      loadFile(Path.of(file).toAbsolutePath(), origin);
    } else {
      if (resource.equals(X86_64_RESOURCE)
          && hasResource(X86_64_V3_RESOURCE) && ProcessorFeatures.isX86V3()) {
        resource = X86_64_V3_RESOURCE;
      }
      origin = "the jar's " + resource;
      loadResource(resource, origin);
    }
    verifyVersion(origin);
  }

  /** Where in the jar the library for a platform is. */
  static String resourceName(String system, String architecture)
      throws NativeLibraryUnavailableException {
    if (!system.toLowerCase(Locale.ROOT).startsWith("linux")) {
      throw unavailable("it needs Linux, and this is " + system, null);
    }
    switch (architecture) {
      case "amd64":
      case "x86_64":
        return X86_64_RESOURCE;
      case "aarch64":
      case "arm64":
        return "native/linux-aarch64/" + FILE_NAME;
      default:
        throw unavailable("it needs a processor of type amd64 or arm64, and this is "
            + architecture, null);
    }
  }

  private static boolean hasResource(String resource) {
    return NativeLibraryLoader.class.getClassLoader().getResource(resource) != null;
  }

  private static void loadResource(String resource, String origin)
      throws NativeLibraryUnavailableException {
    Path folder = null;
    Path copy = null;
    try (InputStream content =
        NativeLibraryLoader.class.getClassLoader().getResourceAsStream(resource)) {
      if (content == null) {
        throw unavailable("the jar has no " + resource, null);
      }
      folder = Files.createTempDirectory("arclight-");
      copy = folder.resolve(FILE_NAME);
      Files.copy(content, copy, StandardCopyOption.REPLACE_EXISTING);
      loadFile(copy, origin);
    } catch (IOException failed) {
      throw unavailable(origin + " could not be copied into "
          + System.getProperty("java.io.tmpdir") + ": " + failed, failed);
    } finally {
      delete(copy);
      delete(folder);
    }
  }

  private static void delete(Path path) {
    try {
      if (path != null) {
        Files.deleteIfExists(path);
      }
    } catch (IOException undeletable) {
      path.toFile().deleteOnExit();
    }
  }

  // UnsatisfiedLinkError's message carries the loader's own: a missing file, a glibc that is too
  // old, a folder mounted noexec, another architecture.
  private static void loadFile(Path path, String origin) throws NativeLibraryUnavailableException {
    CompletableFuture<Void> load = new CompletableFuture<>();
    Thread thread = new Thread(() -> loadAndStay(path, load), "arclight-library");
    thread.setDaemon(true);
    thread.setContextClassLoader(null);
    thread.start();
    try {
      load.join();
    } catch (CompletionException failed) {
      Throwable refused = failed.getCause();
      throw unavailable(origin + " could not be loaded: " + refused.getMessage(), refused);
    }
  }

  @SuppressWarnings("restricted")
  private static void loadAndStay(Path path, CompletableFuture<Void> load) {
    try {
      System.load(path.toString());
    } catch (Throwable refused) {
      load.completeExceptionally(refused);
      return;
    }
    load.complete(null);
    while (true) {
      LockSupport.park(NativeLibraryLoader.class);
    }
  }

  private static void verifyVersion(String origin) throws NativeLibraryUnavailableException {
    String version;
    try {
      version = NativeLibrary.version();
    } catch (UnsatisfiedLinkError missing) {
      throw unavailable(origin + " is not a library of Arclight: " + missing.getMessage(), missing);
    }
    String expected = pluginVersion();
    if (!expected.equals(version)) {
      throw unavailable(origin + " has version " + version + ", and the plugin has " + expected,
          null);
    }
  }

  private static NativeLibraryUnavailableException unavailable(String why, Throwable cause) {
    return new NativeLibraryUnavailableException(
        "the native library is not available: " + why, cause);
  }
}
