// RUN: xdsl-opt %s -p lpu-merge-duplicates --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-merge-duplicates --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// The first of two equal operations stays, with its location.
// CHECK-LABEL: @equal
// CHECK-NEXT:    %0 = lpu.map "exp" %x
// CHECK-NEXT:    %1 = lpu.map "add" %0, %0
// LOC-LABEL: @equal
// LOC-NEXT:      lpu.map "exp" {{.*}} loc("first")
func.func @equal(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("first")
  %1 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("second")
  %2 = lpu.map "add" %0, %1 : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %2 : !lpu.tensor<[2], f32>
}

// -----

// What becomes equal by merging is merged too.
// CHECK-LABEL: @chain
// CHECK-NEXT:    %0 = lpu.map "exp" %x
// CHECK-NEXT:    %1 = lpu.map "neg" %0
// CHECK-NEXT:    %2 = lpu.map "add" %1, %1
func.func @chain(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %2 = lpu.map "neg" %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %3 = lpu.map "neg" %1 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %4 = lpu.map "add" %2, %3 : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %4 : !lpu.tensor<[2], f32>
}

// -----

// Operations that differ in a property, or in the type of the result alone, stay apart.
// CHECK-LABEL: @different
// CHECK-NEXT:    lpu.map "exp" %x
// CHECK-NEXT:    lpu.map "neg" %x
// CHECK-NEXT:    lpu.reshape %x {{.*}} -> !lpu.tensor<[1, 2], f32>
// CHECK-NEXT:    lpu.reshape %x {{.*}} -> !lpu.tensor<[2, 1], f32>
func.func @different(%x : !lpu.tensor<[2], f32>) {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %2 = lpu.reshape %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[1, 2], f32>
  %3 = lpu.reshape %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2, 1], f32>
  func.return
}

// -----

// A body sees what stands before its loop; nothing outside sees the body.
// CHECK-LABEL: @loop
// CHECK-NEXT:    %0 = lpu.map "exp" %x
// CHECK-NEXT:    lpu.for
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      %{{.*}} = lpu.map "add" %{{.*}}, %0
// CHECK-NEXT:      %{{.*}} = lpu.map "neg" %x
// CHECK:         lpu.map "neg" %x
func.func @loop(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.for "l" to <3> (%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  ^bb0(%a : !lpu.tensor<[2], f32>):
    %2 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
    %3 = lpu.map "add" %a, %2 : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
    %4 = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
    lpu.yield %4 : !lpu.tensor<[2], f32>
  }
  %5 = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %5 : !lpu.tensor<[2], f32>
}

// -----

// Two reads of a state are two: something may have been written between them.
// CHECK-LABEL: @reads
// CHECK:         lpu.read %c
// CHECK-NEXT:    lpu.read %c
func.func @reads() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[1, 2], f32>
  %1 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return
}
