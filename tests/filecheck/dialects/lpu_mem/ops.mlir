// RUN: xdsl-opt %s --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s --print-op-generic --split-input-file | xdsl-opt --split-input-file | filecheck %s

// Every operation over data prints what it parsed, and its generic form says the same.
// CHECK-LABEL: @data
func.func @data(%h : !lpu_mem.buffer<hbm, f32, 64>) {
  // CHECK: %w = lpu_mem.param <inline("0000803f", [1], f32)> at 0 : !lpu_mem.buffer<hbm, f32, 1>
  %w = lpu_mem.param <inline("0000803f", [1], f32)> at 0 : !lpu_mem.buffer<hbm, f32, 1>
  // CHECK-NEXT: %f = lpu_mem.alloc at 128 : !lpu_mem.buffer<lmu, f32, 64>
  %f = lpu_mem.alloc at 128 : !lpu_mem.buffer<lmu, f32, 64>
  %c = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 1>
  %i = lpu_mem.alloc : !lpu_mem.buffer<lmu, i64, 64>
  %b = lpu_mem.alloc : !lpu_mem.buffer<lmu, bool, 64>
  // CHECK: lpu_mem.copy %f, %h <[P, 8] {0: [8, 1]} {P + 4: [0, 1]}> :
  lpu_mem.copy %f, %h <[P, 8] {0: [8, 1]} {P + 4: [0, 1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  // CHECK: lpu_mem.map "lt" %b, %f, %f <[8] {0: [1]} {0: [1]} {0: [2]}> :
  lpu_mem.map "lt" %b, %f, %f <[8] {0: [1]} {0: [1]} {0: [2]}> : !lpu_mem.buffer<lmu, bool, 64>, !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.select %f, %b, %f, %f <[8]
  lpu_mem.select %f, %b, %f, %f <[8] {0: [1]} {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, bool, 64>, !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.cast %i, %f <[8]
  lpu_mem.cast %i, %f <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, i64, 64>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.fill "000080ff" %f <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>
  lpu_mem.fill "000080ff" %f <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.iota <[P, 1]> %i <[8] {0: [1]}> : !lpu_mem.buffer<lmu, i64, 64>
  lpu_mem.iota <[P, 1]> %i <[8] {0: [1]}> : !lpu_mem.buffer<lmu, i64, 64>
  // CHECK: lpu_mem.reduce "sum" %f, %f over <[1]> accumulate 1 <[2, 4]
  lpu_mem.reduce "sum" %f, %f over <[1]> accumulate 1 <[2, 4] {0: [1, 0]} {8: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.scan %f, %c, %f exclusive 1 <[8]
  lpu_mem.scan %f, %c, %f exclusive 1 <[8] {0: [1]} {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 1>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.gather %f, %h, %i limit <16> row <4> <[2, 4]
  lpu_mem.gather %f, %h, %i limit <16> row <4> <[2, 4] {0: [4, 1]} {0: [0, 1]} {0: [1, 0]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<lmu, i64, 64>
  // CHECK: lpu_mem.scatter "add" %h, %f, %i limit <16> row <4> <[2, 4]
  lpu_mem.scatter "add" %h, %f, %i limit <16> row <4> <[2, 4] {0: [0, 1]} {0: [4, 1]} {0: [1, 0]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, i64, 64>
  // CHECK: lpu_mem.topk %f, %i, %f k 2 largest 1 <[8]
  lpu_mem.topk %f, %i, %f k 2 largest 1 <[8] {0: [1]} {0: [1]} {8: [1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, i64, 64>, !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_mem.vecmat %f, %f, %h accumulate 0 <[4, 8] {0: [0, 1]} {16: [1, 0]} {0: [8, 1]}> :
  lpu_mem.vecmat %f, %f, %h accumulate 0 <[4, 8] {0: [0, 1]} {16: [1, 0]} {0: [8, 1]}> : !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  // CHECK: lpu_mem.return %h : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.return %h : !lpu_mem.buffer<hbm, f32, 64>
}

// -----

// Loops and tile extents name what they bind.
// CHECK-LABEL: @loops
func.func @loops() {
  // CHECK:      lpu_mem.for "i0" to <P + 1> step 4 {
  // CHECK-NEXT:   lpu_mem.min "t0" = 4 or <P + -1*i0 + 1>
  // CHECK-NEXT: }
  lpu_mem.for "i0" to <P + 1> step 4 {
    lpu_mem.min "t0" = 4 or <P + 1 + -1*i0>
  }
  // CHECK-NEXT: lpu_mem.for "j" from <P + -1> to <8> step 1 {
  lpu_mem.for "j" from <P + -1> to <8> step 1 {
    lpu_mem.min "t1" = 4 or <8 + -1*j>
  }
  // CHECK: lpu_mem.return
  lpu_mem.return :
}

// -----

// A port keeps a name with quotes, backslashes and escapes.
// CHECK-LABEL: @ports
// CHECK-SAME: #lpu_mem.port<"a\\u00e9\\\22b", past, f16, [1, P, 4], [64, 4, 1], 8>
func.func @ports() attributes {lpu_mem.inputs = [#lpu_mem.port<"a\\u00e9\\\22b", past, f16, [1, P, 4], [64, 4, 1], 8>]} {
  lpu_mem.return :
}

// -----

// A port that devices share has the extents of the whole, and the strides of a part.
// CHECK-LABEL: @shared_ports
// CHECK-SAME: #lpu_mem.port<"a", past, f16, [1, 6, P, 4], [128, 64, 4, 1], 8 shard 4 x [[], [3/2:2, 2/2], [], []]>
func.func @shared_ports() attributes {lpu_mem.inputs = [#lpu_mem.port<"a", past, f16, [1, 6, P, 4], [128, 64, 4, 1], 8 shard 4 x [[], [3/2:2, 2/2], [], []]>]} {
  lpu_mem.return :
}

// -----

// A port that devices share lies in its buffer as the part that each has.
// CHECK-LABEL: @shared_state
func.func @shared_state() {
  // CHECK-NEXT: %c = lpu_mem.state "c" <[2, 4]> inputs [#lpu_mem.port<"p", past, f32, [8, 4], [4, 1], 0 shard 4 x [[8/4], []]>] outputs [] : !lpu_mem.buffer<hbm, f16, 8>
  %c = lpu_mem.state "c" <[2, 4]> inputs [#lpu_mem.port<"p", past, f32, [8, 4], [4, 1], 0 shard 4 x [[8/4], []]>] outputs [] : !lpu_mem.buffer<hbm, f16, 8>
  lpu_mem.return :
}

// -----

// A state has extents, ports, and an address once it is known; tokens are read in its place.
// CHECK-LABEL: @state
func.func @state(%t : !lpu_mem.buffer<lmu, i64, 1>) {
  // CHECK-NEXT: %c = lpu_mem.state "c" <[2, 8, 4]> inputs [#lpu_mem.port<"p", past, f32, [P, 4], [4, 1], 32>] outputs [] : !lpu_mem.buffer<hbm, f16, 64>
  %c = lpu_mem.state "c" <[2, 8, 4]> inputs [#lpu_mem.port<"p", past, f32, [P, 4], [4, 1], 32>] outputs [] : !lpu_mem.buffer<hbm, f16, 64>
  // CHECK-NEXT: %d = lpu_mem.state "d" <[4]> inputs [] outputs [#lpu_mem.port<"n", data, f32, [4], [1], 0>] at 128 : !lpu_mem.buffer<hbm, f32, 4>
  %d = lpu_mem.state "d" <[4]> inputs [] outputs [#lpu_mem.port<"n", data, f32, [4], [1], 0>] at 128 : !lpu_mem.buffer<hbm, f32, 4>
  lpu_mem.for "i" to <8> step 1 {
    // CHECK: lpu_mem.emit %t, %t : !lpu_mem.buffer<lmu, i64, 1>, !lpu_mem.buffer<lmu, i64, 1>
    lpu_mem.emit %t, %t : !lpu_mem.buffer<lmu, i64, 1>, !lpu_mem.buffer<lmu, i64, 1>
  }
  lpu_mem.return :
}

// -----

// A message says to or from which neighbour it goes.
// CHECK-LABEL: @links
func.func @links(%y : !lpu_mem.buffer<hbm, f16, 24>) {
  // CHECK-NEXT: lpu_mem.send "left" %y <[2, 3] {6*d0: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 24>
  lpu_mem.send "left" %y <[2, 3] {6*d0: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 24>
  // CHECK-NEXT: lpu_mem.recv "right" %y <[2, 3] {6*d1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 24>
  lpu_mem.recv "right" %y <[2, 3] {6*d1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 24>
  lpu_mem.return :
}
