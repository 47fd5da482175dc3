package org.arclight.spark

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path, Paths}

import org.scalatest.Assertions

/**
 * Pages that are generated and committed. With `ARCLIGHT_GENERATE_DOCS=1` in the environment a
 * check writes the page, otherwise it fails where the committed page is stale.
 */
object GeneratedPage extends Assertions {
  private val repository: Path = Paths.get(sys.props("arclight.repository")).normalize

  /** Checks the page at a path of the repository, or writes it. */
  def check(path: String, content: String): Unit = {
    val page = repository.resolve(path)
    if (sys.env.get("ARCLIGHT_GENERATE_DOCS").contains("1")) {
      Files.createDirectories(page.getParent)
      Files.write(page, content.getBytes(UTF_8))
    }
    val committed = if (Files.exists(page)) new String(Files.readAllBytes(page), UTF_8) else ""
    assert(committed == content, s"$path is stale; run ci/generate-docs")
  }
}
