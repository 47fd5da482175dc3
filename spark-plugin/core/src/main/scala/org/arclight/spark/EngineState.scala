package org.arclight.spark

/**
 * Whether the engine can be used by this application. Lives on the driver: the plugin writes it,
 * also on an executor's word, and the rules read it before they plan anything natively.
 */
object EngineState {
  @volatile private var reason: Option[String] = None

  /** Why nothing may be planned natively; empty if it may. */
  def unavailable: Option[String] = reason

  private[spark] def becomeUnavailable(why: String): Unit = reason = Some(why)

  private[spark] def becomeAvailable(): Unit = reason = None
}
