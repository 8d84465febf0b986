// RUN: xdsl-opt %s -p lpu-drop-dead --split-input-file | filecheck %s

// What only dead operations read is dead.
// CHECK-LABEL: @chain
// CHECK-NEXT:    func.return %x
func.func @chain(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %x : !lpu.tensor<[2], f32>
}

// -----

// What a live operation reads stays, whatever else reads it.
// CHECK-LABEL: @shared
// CHECK-NEXT:    %0 = lpu.map "exp" %x
// CHECK-NEXT:    func.return %0
func.func @shared(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %0 : !lpu.tensor<[2], f32>
}

// -----

// An operation of two results stays when one of them is read.
// CHECK-LABEL: @half
// CHECK-NEXT:    lpu.topk %x
func.func @half(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[2], i64> {
  %values, %indices = lpu.topk %x largest 1 : !lpu.tensor<[4], f32> -> !lpu.tensor<[2], f32>, !lpu.tensor<[2], i64>
  func.return %indices : !lpu.tensor<[2], i64>
}

// -----

// A loop that writes a state stays, without what is dead in its body.
// CHECK-LABEL: @effect
// CHECK-NEXT:    %c = lpu.state
// CHECK-NEXT:    lpu.for "l" to <3>()
// CHECK-NEXT:      lpu.write %c, %x
// CHECK-NEXT:      lpu.yield
func.func @effect(%x : !lpu.tensor<[1, 2], f32>) {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  lpu.for "l" to <3> () {
    %0 = lpu.map "exp" %x : !lpu.tensor<[1, 2], f32> -> !lpu.tensor<[1, 2], f32>
    lpu.write %c, %x at <[l, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[1, 2], f32>
    lpu.yield
  }
  func.return
}
