package org.apache.spark.arclight

import java.util.{Collections, HashMap, Map => JavaMap}

import org.apache.spark.sql.internal.SQLConf

/** What is set in a session. */
object SessionSettings {

  /** All settings as they are now. */
  def of(conf: SQLConf): JavaMap[String, String] = conf.settings.synchronized {
    // Mostly what they were.
    val before = last
    if (before == conf.settings) {
      before
    } else {
      val now = Collections.unmodifiableMap(new HashMap(conf.settings))
      last = now
      now
    }
  }

  @volatile private var last: JavaMap[String, String] = Collections.emptyMap()
}
