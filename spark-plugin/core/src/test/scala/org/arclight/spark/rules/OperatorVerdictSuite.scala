package org.arclight.spark.rules

import java.io.{ByteArrayInputStream, ByteArrayOutputStream, ObjectInputStream, ObjectOutputStream}

import org.scalatest.funsuite.AnyFunSuite

class OperatorVerdictSuite extends AnyFunSuite {

  test("what is found out later is found out once, when it is asked for") {
    var times = 0
    val later = new Later(() => {
      times += 1
      times
    })
    assert(times == 0)
    assert(later.value == 1 && later.value == 1)
  }

  test("it is serialized unasked") {
    val later = new Later(() => new Object)
    val bytes = new ByteArrayOutputStream
    new ObjectOutputStream(bytes).writeObject(later)
    assert(new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray)).readObject() != null)
  }
}
