package org.arclight.spark.jni

/** A program that loads the library in a thread that ends, and then uses it in many others. */
object ManyThreads {
  private val THREADS = 200

  def main(arguments: Array[String]): Unit = {
    inThread(NativeLibraryLoader.load())
    // One of them is likely to get the address of the thread that ended.
    (1 to THREADS).foreach(_ => inThread(require(NativeLibrary.functions().nonEmpty)))
    println("used")
  }

  private def inThread(work: => Unit): Unit = {
    val thread = new Thread(() => work)
    thread.start()
    thread.join()
  }
}
