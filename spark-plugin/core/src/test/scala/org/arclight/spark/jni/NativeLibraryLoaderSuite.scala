package org.arclight.spark.jni

import java.nio.file.{Files, Path, Paths}

import scala.sys.process._

import org.scalatest.funsuite.AnyFunSuite

class NativeLibraryLoaderSuite extends AnyFunSuite {
  test("a platform's library has its place in the jar") {
    assert(NativeLibraryLoader.resourceName("Linux", "amd64") ==
      "native/linux-x86_64/libarclight.so")
    assert(NativeLibraryLoader.resourceName("Linux", "aarch64") ==
      "native/linux-aarch64/libarclight.so")
  }

  test("other platforms are refused, with the reason") {
    def message(system: String, architecture: String): String =
      intercept[NativeLibraryUnavailableException] {
        NativeLibraryLoader.resourceName(system, architecture)
      }.getMessage
    assert(message("Windows 11", "amd64").contains("it needs Linux, and this is Windows 11"))
    assert(message("Linux", "riscv64").contains("this is riscv64"))
  }

  test("a processor's level is told from Linux's list of its flags") {
    val flags = "flags\t\t: fpu sse sse2 ht cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 " +
      "f16c fma abm movbe xsave"
    assert(ProcessorFeatures.isX86V3(flags))
    assert(!ProcessorFeatures.isX86V3(flags.replace(" avx2", "")))
    assert(!ProcessorFeatures.isX86V3(flags.replace(" abm", " lzabm")))
    assert(!ProcessorFeatures.isX86V3("flags\t\t:"))
  }

  test("the plugin has the engine's version") {
    val manifest = Files.readString(repository.resolve("Cargo.toml"))
    assert(manifest.contains(s"""version = "${NativeLibraryLoader.pluginVersion()}""""))
  }

  test("the library may be loaded in a thread that ends") {
    val java = Paths.get(sys.props("java.home"), "bin", "java").toString
    val file = s"-D${NativeLibraryLoader.FILE_PROPERTY}=" +
      sys.props(NativeLibraryLoader.FILE_PROPERTY)
    val output = new StringBuilder
    val log = ProcessLogger(line => output.append(line).append('\n'))
    val command = Seq(
      java, file, "-XX:+ErrorFileToStdout", "-cp", sys.props("java.class.path"),
      "org.arclight.spark.jni.ManyThreads")
    assert(Process(command).!(log) == 0, output)
    assert(output.toString.contains("used"))
  }

  private def repository: Path = Paths.get(sys.props("arclight.repository"))
}
