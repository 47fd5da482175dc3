package org.apache.spark.arclight

import java.util.{HashMap, Map => JavaMap}

import org.apache.spark.sql.internal.SQLConf

/** What is set in a session. */
object SessionSettings {

  /** All settings as they are now. */
  def of(conf: SQLConf): JavaMap[String, String] =
    conf.settings.synchronized(new HashMap(conf.settings))
}
