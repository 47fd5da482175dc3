package org.arclight.spark

import java.lang.management.ManagementFactory
import java.util.{Collections, Map => JavaMap}

import scala.util.control.NonFatal

import com.sun.management.OperatingSystemMXBean
import org.apache.spark.{SPARK_VERSION, SparkContext}
import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, PluginContext, SparkPlugin}
import org.apache.spark.internal.Logging

import org.arclight.spark.jni.{NativeLibraryLoader, NativeLibraryUnavailableException}
import org.arclight.spark.plan.WrittenStages

/** The one class a user names, in `spark.plugins`. */
class ArclightPlugin extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = new ArclightDriverPlugin
  override def executorPlugin(): ExecutorPlugin = new ArclightExecutorPlugin
}

/**
 * Sets up the application, before Spark makes its shuffle and memory managers and its sessions.
 * Where the engine can't work it sets nothing and warns: Spark then runs as without the plugin.
 */
class ArclightDriverPlugin extends DriverPlugin with Logging {
  import ArclightPlugin._

  override def init(context: SparkContext, pluginContext: PluginContext): JavaMap[String, String] = {
    val conf = pluginContext.conf()
    val settings = StartSettings(conf, context.isLocal, machineBytes, Runtime.getRuntime.maxMemory)
    val obstacle = platformObstacle(SPARK_VERSION, Runtime.version.feature)
      .orElse {
        if (settings.offHeapForbidden) {
          Some(s"${StartSettings.OFF_HEAP_ENABLED} is false, and the engine's memory is off-heap")
        } else {
          None
        }
      }
      .orElse(loadLibrary(ArclightConf.NATIVE_LIBRARY.get(conf)))

    obstacle match {
      case Some(why) =>
        EngineState.becomeUnavailable(why)
        logWarning(s"Arclight is off, and Spark runs as without it: $why")
        Collections.emptyMap()
      case None =>
        EngineState.becomeAvailable()
        WrittenStages.start(conf)
        PlanningWarmUp.start()
        val changes = settings.changes
        changes.foreach { case (key, value) => conf.set(key, value) }
        logInfo(s"Arclight ${NativeLibraryLoader.pluginVersion()} is on and has set " +
          changes.map { case (key, value) => s"$key=$value" }.mkString("", ", ", ""))
        Collections.singletonMap(ENGINE, ENGINE_ON)
    }
  }

  /** An executor says why it can't run native stages: from now on none are planned. */
  override def receive(message: AnyRef): AnyRef = {
    message match {
      case Array(EXECUTOR_UNAVAILABLE, executor: String, why: String) =>
        EngineState.becomeUnavailable(why)
        logWarning(s"Arclight is off from now on, because on executor $executor $why")
      case other =>
        logWarning(s"Arclight's driver received an unknown message of ${other.getClass.getName}")
    }
    null
  }
}

/** Loads the library into an executor before its first task. */
class ArclightExecutorPlugin extends ExecutorPlugin with Logging {
  import ArclightPlugin._

  override def init(context: PluginContext, fromDriver: JavaMap[String, String]): Unit =
    if (fromDriver.get(ENGINE) == ENGINE_ON) {
      loadLibrary(ArclightConf.NATIVE_LIBRARY.get(context.conf())).foreach { why =>
        logWarning(s"Arclight is off on this executor: $why")
        context.send(Array[AnyRef](EXECUTOR_UNAVAILABLE, context.executorID(), why))
      }
    }
}

object ArclightPlugin {
  private[spark] val ENGINE = "engine"
  private[spark] val ENGINE_ON = "on"

  /**
   * Heads the message of an executor that can't load the library; its id and the reason follow.
   * Strings in an array, since Spark's messages can't carry classes from `--jars`.
   */
  private[spark] val EXECUTOR_UNAVAILABLE = "executor unavailable"

  private val SPARK_VERSIONS = Seq("4.1.")
  private val JAVA_MINIMUM = 17

  /** Why the engine can't work with this Spark or Java. */
  private[spark] def platformObstacle(sparkVersion: String, javaVersion: Int): Option[String] =
    if (!SPARK_VERSIONS.exists(sparkVersion.startsWith)) {
      Some(s"it needs Spark ${SPARK_VERSIONS.map(_ + "x").mkString(" or ")}, and this is $sparkVersion")
    } else if (javaVersion < JAVA_MINIMUM) {
      Some(s"it needs Java $JAVA_MINIMUM or later, and this is $javaVersion")
    } else {
      None
    }

  /** Loads the library; says why where it can't be. */
  private[spark] def loadLibrary(file: Option[String]): Option[String] =
    try {
      NativeLibraryLoader.load(file.orNull)
      None
    } catch {
      case unavailable: NativeLibraryUnavailableException => Some(unavailable.getMessage)
      case NonFatal(unexpected) => Some(s"the native library is not available: $unexpected")
    }

  /** The memory of the container, if there is one, or else of the machine: Java knows both cgroups. */
  private[spark] def machineBytes: Long = ManagementFactory.getOperatingSystemMXBean match {
    case system: OperatingSystemMXBean => system.getTotalMemorySize
    case _ => Runtime.getRuntime.maxMemory * 2
  }
}
