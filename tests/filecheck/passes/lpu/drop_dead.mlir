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

// -----

// What was read from a place and is written there again is there.
// CHECK-LABEL: @written_back
// CHECK-NEXT:    %c = lpu.state
// CHECK-NEXT:    lpu.write %c, %x
// CHECK-NEXT:    %0 = lpu.read %c
// CHECK-NEXT:    %1 = lpu.reshape %0
// CHECK-NEXT:    func.return %1
func.func @written_back(%x : !lpu.tensor<[1, 2], f32>) -> !lpu.tensor<[6], f32> {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  lpu.write %c, %x at <[1, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[1, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  %1 = lpu.reshape %0 : !lpu.tensor<[3, 2], f32> -> !lpu.tensor<[6], f32>
  %2 = lpu.reshape %1 : !lpu.tensor<[6], f32> -> !lpu.tensor<[3, 2], f32>
  lpu.write %c, %2 at <[0, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
  func.return %1 : !lpu.tensor<[6], f32>
}

// -----

// Elsewhere it is something else.
// CHECK-LABEL: @elsewhere
// CHECK:         lpu.write %c, %0 at <[1, 0]>
func.func @elsewhere() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[2, 2], f32>
  lpu.write %c, %0 at <[1, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[2, 2], f32>
  func.return
}

// -----

// So it is in another state.
// CHECK-LABEL: @another_state
// CHECK:         lpu.write %d, %0
func.func @another_state() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %d = lpu.state "d" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  lpu.write %d, %0 at <[0, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
  func.return
}

// -----

// And in another order of elements.
// CHECK-LABEL: @another_order
// CHECK:         lpu.write %c, %1
func.func @another_order() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[2, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %1 = lpu.transpose %0 <[1, 0]> : !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  lpu.write %c, %1 at <[0, 0]> : !lpu.state<[2, 2], f32>, !lpu.tensor<[2, 2], f32>
  func.return
}

// -----

// And in another window, of as many elements.
// CHECK-LABEL: @another_window
// CHECK:         lpu.write %c, %1
func.func @another_window() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[4, 4], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[4, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %1 = lpu.reshape %0 : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 2], f32>
  lpu.write %c, %1 at <[0, 0]> : !lpu.state<[4, 4], f32>, !lpu.tensor<[4, 2], f32>
  func.return
}

// -----

// What was written since is not what was read.
// CHECK-LABEL: @written_since
// CHECK:         lpu.write %c, %x
// CHECK-NEXT:    lpu.write %c, %0
func.func @written_since(%x : !lpu.tensor<[1, 2], f32>) {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  lpu.write %c, %x at <[1, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[1, 2], f32>
  lpu.write %c, %0 at <[0, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
  func.return
}

// -----

// By a loop, too.
// CHECK-LABEL: @written_in_a_loop
// CHECK:         lpu.for
// CHECK:         }
// CHECK-NEXT:    lpu.write %c, %0
func.func @written_in_a_loop(%x : !lpu.tensor<[1, 2], f32>) {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  lpu.for "l" to <3> () {
    lpu.write %c, %x at <[l, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[1, 2], f32>
    lpu.yield
  }
  lpu.write %c, %0 at <[0, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
  func.return
}

// -----

// What was read before a loop may have been written in an earlier turn.
// CHECK-LABEL: @read_outside
// CHECK:         lpu.for
// CHECK-NEXT:      lpu.write %c, %0
func.func @read_outside(%x : !lpu.tensor<[1, 2], f32>) {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 2], f32>
  %0 = lpu.read %c at <[0, 0]> : !lpu.state<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  lpu.for "l" to <3> () {
    lpu.write %c, %0 at <[0, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
    lpu.write %c, %x at <[1, 0]> : !lpu.state<[3, 2], f32>, !lpu.tensor<[1, 2], f32>
    lpu.yield
  }
  func.return
}
