package org.arclight.spark.jni;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What the processor can do, as Linux tells it. */
final class ProcessorFeatures {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  /** Linux's names of what level x86-64-v3 of the psABI asks for beyond the first level. */
  private static final List<String> X86_64_V3 = List.of(
      "cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3",
      "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave");

  private ProcessorFeatures() {}

  /** Whether code for x86-64-v3 runs here; false where that can't be known. */
  static boolean isX86V3() {
    try (var lines = Files.lines(CPU_INFO, StandardCharsets.UTF_8)) {
      return lines.filter(line -> line.startsWith("flags")).findFirst()
          .map(ProcessorFeatures::isX86V3).orElse(false);
    } catch (IOException | RuntimeException unreadable) {
      return false;
    }
  }

  /** Whether a line of flags has all of x86-64-v3. */
  static boolean isX86V3(String flags) {
    Set<String> names = new HashSet<>(
        Arrays.asList(flags.substring(flags.indexOf(':') + 1).trim().split("\\s+")));
    return names.containsAll(X86_64_V3);
  }
}
