package org.arclight.spark

import java.io.File
import java.nio.file.Files

import org.apache.commons.io.FileUtils

/** A native suite with files in a folder that goes when it ends. */
trait FilesSuite extends NativeSuite {

  /** There from `beforeAll` on. */
  protected var folder: File = _

  override def beforeAll(): Unit = {
    super.beforeAll()
    folder = Files.createTempDirectory(getClass.getSimpleName).toFile
  }

  override def afterAll(): Unit = {
    try {
      if (folder != null) FileUtils.deleteDirectory(folder)
    } finally {
      super.afterAll()
    }
  }
}
