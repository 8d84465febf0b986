// RUN: xdsl-opt %s --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s --print-op-generic --split-input-file | xdsl-opt --split-input-file | filecheck %s

// Every operation survives printing and parsing, in its own form and in the generic one.
// CHECK-LABEL: @constants
func.func @constants() {
  // CHECK-NEXT: %0 = lpu.constant <transpose(file("model.onnx", 128, [4, 2], f32), [1, 0])> : !lpu.tensor<[2, 4], f32>
  %0 = lpu.constant <transpose(file("model.onnx", 128, [4, 2], f32), [1, 0])> : !lpu.tensor<[2, 4], f32>
  // CHECK-NEXT: %1 = lpu.constant <cast(reshape(file("dir/\\xe9.data", 0, [4], bf16), [2, 2]), f32)> : !lpu.tensor<[2, 2], f32>
  %1 = lpu.constant <cast(reshape(file("dir/\\xe9.data", 0, [4], bf16), [2, 2]), f32)> : !lpu.tensor<[2, 2], f32>
  // NaN with a payload, minus infinity and minus zero.
  // CHECK-NEXT: %2 = lpu.constant <inline("0100c07f000080ff00000080", [3], f32)> : !lpu.tensor<[3], f32>
  %2 = lpu.constant <inline("0100c07f000080ff00000080", [3], f32)> : !lpu.tensor<[3], f32>
  // CHECK-NEXT: %3 = lpu.fill "000080ff" : !lpu.tensor<[1, P + 1], f32>
  %3 = lpu.fill "000080ff" : !lpu.tensor<[1, P + 1], f32>
  // CHECK-NEXT: %4 = lpu.iota <[P, 0, 1]> : !lpu.tensor<[1, 3], i64>
  %4 = lpu.iota <[P, 0, 1]> : !lpu.tensor<[1, 3], i64>
  // CHECK-NEXT: %5 = lpu.iota <[2*P + S + -1]> : !lpu.tensor<[], i64>
  %5 = lpu.iota <[2*P + S + -1]> : !lpu.tensor<[], i64>
  func.return
}

// -----

// CHECK-LABEL: @elements
func.func @elements(%x : !lpu.tensor<[P, 4], f32>, %c : !lpu.tensor<[4], bool>) {
  // CHECK-NEXT: %0 = lpu.map "exp" %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %0 = lpu.map "exp" %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  // CHECK-NEXT: %1 = lpu.map "lt" %x, %0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], bool>
  %1 = lpu.map "lt" %x, %0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], bool>
  // CHECK-NEXT: %2 = lpu.select %c, %x, %0 : !lpu.tensor<[4], bool>, !lpu.tensor<[P, 4], f32>, !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %2 = lpu.select %c, %x, %0 : !lpu.tensor<[4], bool>, !lpu.tensor<[P, 4], f32>, !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  // CHECK-NEXT: %3 = lpu.cast %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], bf16>
  %3 = lpu.cast %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], bf16>
  func.return
}

// -----

// CHECK-LABEL: @sums
func.func @sums(%x : !lpu.tensor<[P, 4], f32>, %w : !lpu.tensor<[3, 4, 8], f32>) {
  // CHECK-NEXT: %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 1], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 1], f32>
  // CHECK-NEXT: %1 = lpu.scan %x axis 1 exclusive 0 : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %1 = lpu.scan %x axis 1 exclusive 0 : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  // CHECK-NEXT: %2 = lpu.matmul %x, %w : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3, 4, 8], f32> -> !lpu.tensor<[3, P, 8], f32>
  %2 = lpu.matmul %x, %w : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3, 4, 8], f32> -> !lpu.tensor<[3, P, 8], f32>
  // CHECK-NEXT: %3, %4 = lpu.topk %x largest 1 : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 2], f32>, !lpu.tensor<[P, 2], i64>
  %3, %4 = lpu.topk %x largest 1 : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 2], f32>, !lpu.tensor<[P, 2], i64>
  func.return
}

// -----

// Bytes with a sign and without are added up in i32.
// CHECK-LABEL: @bytes
func.func @bytes(%x : !lpu.tensor<[2, 4], u8>, %w : !lpu.tensor<[4, 8], i8>) {
  // CHECK-NEXT: %0 = lpu.matmul %x, %w : !lpu.tensor<[2, 4], u8>, !lpu.tensor<[4, 8], i8> -> !lpu.tensor<[2, 8], i32>
  %0 = lpu.matmul %x, %w : !lpu.tensor<[2, 4], u8>, !lpu.tensor<[4, 8], i8> -> !lpu.tensor<[2, 8], i32>
  func.return
}

// -----

// CHECK-LABEL: @moves
func.func @moves(%x : !lpu.tensor<[P, 4], f32>, %i : !lpu.tensor<[3], i64>, %u : !lpu.tensor<[3, 4], f32>) {
  // CHECK-NEXT: %0 = lpu.reshape %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[4*P], f32>
  %0 = lpu.reshape %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[4*P], f32>
  // CHECK-NEXT: %1 = lpu.transpose %x <[1, 0]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[4, P], f32>
  %1 = lpu.transpose %x <[1, 0]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[4, P], f32>
  // CHECK-NEXT: %2 = lpu.broadcast %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[2, P, 4], f32>
  %2 = lpu.broadcast %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[2, P, 4], f32>
  // CHECK-NEXT: %3 = lpu.slice %x at <[P + -1, 0]> step <[1, 2]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[1, 2], f32>
  %3 = lpu.slice %x at <[P + -1, 0]> step <[1, 2]> : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[1, 2], f32>
  // CHECK-NEXT: %4 = lpu.concat %x, %u axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[P + 3, 4], f32>
  %4 = lpu.concat %x, %u axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[P + 3, 4], f32>
  // CHECK-NEXT: %5 = lpu.gather %x, %i axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3, 4], f32>
  %5 = lpu.gather %x, %i axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3, 4], f32>
  // CHECK-NEXT: %6 = lpu.scatter "add" %x, %i, %u : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %6 = lpu.scatter "add" %x, %i, %u : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[P, 4], f32>
  func.return
}

// -----

// Loops carry values, stack others, start where they are told to, and may do neither.
// CHECK-LABEL: @loops
func.func @loops(%x : !lpu.tensor<[4], f32>) {
  // CHECK-NEXT: %0, %1 = lpu.for "l" to <3>(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32>, !lpu.tensor<[3, 2], i64> {
  // CHECK-NEXT: ^{{.*}}(%{{.*}}: !lpu.tensor<[4], f32>):
  %0, %1 = lpu.for "l" to <3> (%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32>, !lpu.tensor<[3, 2], i64> {
  ^bb0(%c : !lpu.tensor<[4], f32>):
    // CHECK-NEXT: lpu.map
    %d = lpu.map "add" %c, %x : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
    // CHECK-NEXT: lpu.iota <[l, 1]>
    %i = lpu.iota <[l, 1]> : !lpu.tensor<[2], i64>
    // CHECK-NEXT: lpu.yield %{{.*}}, %{{.*}} : !lpu.tensor<[4], f32>, !lpu.tensor<[2], i64>
    lpu.yield %d, %i : !lpu.tensor<[4], f32>, !lpu.tensor<[2], i64>
  }
  // CHECK:      lpu.for "P" from <prompt + -1> to <total>() {
  // CHECK-NEXT:   lpu.yield
  lpu.for "P" from <prompt + -1> to <total> () {
    lpu.yield
  }
  func.return
}

// -----

// A state and the ONNX inputs and outputs in it, whose names may need escapes.
// CHECK-LABEL: @state
func.func @state() {
  // CHECK-NEXT: %0 = lpu.state "cache.0" inputs <["p\\u00e9\\\22" past f32 [1, P, 4] at [2, 0, 0, 0]]> outputs <["a" data f16 [4] at [0, 0, 1, 0], "b" data f32 [4] at [0, 0, 2, 0]]> : !lpu.state<[3, 1, 8, 4], f16>
  %0 = lpu.state "cache.0" inputs <["p\\u00e9\\\22" past f32 [1, P, 4] at [2, 0, 0, 0]]> outputs <["a" data f16 [4] at [0, 0, 1, 0], "b" data f32 [4] at [0, 0, 2, 0]]> : !lpu.state<[3, 1, 8, 4], f16>
  // CHECK-NEXT: lpu.state "mask" inputs <[]> outputs <[]> : !lpu.state<[], bool>
  %1 = lpu.state "mask" inputs <[]> outputs <[]> : !lpu.state<[], bool>
  // CHECK-NEXT: %2 = lpu.read %0 at <[2, 0, P, 0]> : !lpu.state<[3, 1, 8, 4], f16> -> !lpu.tensor<[1, 1, 2, 4], f16>
  %2 = lpu.read %0 at <[2, 0, P, 0]> : !lpu.state<[3, 1, 8, 4], f16> -> !lpu.tensor<[1, 1, 2, 4], f16>
  // CHECK-NEXT: lpu.write %0, %2 at <[1, 0, 0, 0]> : !lpu.state<[3, 1, 8, 4], f16>, !lpu.tensor<[1, 1, 2, 4], f16>
  lpu.write %0, %2 at <[1, 0, 0, 0]> : !lpu.state<[3, 1, 8, 4], f16>, !lpu.tensor<[1, 1, 2, 4], f16>
  // CHECK-NEXT: lpu.state "shared" inputs <["p" past f32 [3, P, 4] at [0, 0, 0] shard 4 x [[3/4], [], []]]> outputs <[]> : !lpu.state<[1, 8, 4], f16>
  %9 = lpu.state "shared" inputs <["p" past f32 [3, P, 4] at [0, 0, 0] shard 4 x [[3/4], [], []]]> outputs <[]> : !lpu.state<[1, 8, 4], f16>
  func.return
}

// -----

// A token stands in a loop.
// CHECK-LABEL: @emit
func.func @emit(%t : !lpu.tensor<[1], i64>) {
  lpu.for "l" to <P> () {
    // CHECK: lpu.emit %t, %t : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
    lpu.emit %t, %t : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
    lpu.yield
  }
  func.return
}
