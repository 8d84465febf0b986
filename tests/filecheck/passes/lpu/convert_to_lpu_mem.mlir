// RUN: xdsl-opt %s -p convert-lpu-to-lpu-mem --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p convert-lpu-to-lpu-mem --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// A tensor is a dense buffer at the bounds of its extents; the ports say where inputs and outputs
// lie and what they are called.
// CHECK-LABEL: @buffers
// CHECK-SAME:    (%0: !lpu_mem.buffer<hbm, f32, 28>)
// CHECK-SAME:    lpu_mem.inputs = [#lpu_mem.port<"x", past, f32, [4, P], [7, 1], 0>]
// CHECK-SAME:    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [4, P], [7, 1], 0>]
// CHECK-NEXT:    %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 28>
// CHECK-NEXT:    lpu_mem.map "neg" %1, %0 <[4, P] {0: [7, 1]} {0: [7, 1]}>
// CHECK-NEXT:    lpu_mem.return %1
// LOC:           lpu_mem.alloc {{.*}} loc("minus")
// LOC-NEXT:      lpu_mem.map {{.*}} loc("minus")
func.func @buffers(%x : !lpu.tensor<[4, P], f32>) -> !lpu.tensor<[4, P], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" past f32] -> ["y" data f32]>} {
  %y = lpu.map "neg" %x : !lpu.tensor<[4, P], f32> -> !lpu.tensor<[4, P], f32> loc("minus")
  func.return %y : !lpu.tensor<[4, P], f32>
}

// -----

// Transposes, slices and broadcasts are strides and offsets: nothing is copied.
// CHECK:         lpu_mem.alloc
// CHECK-NEXT:    lpu_mem.map "add" %1, %0, %0 <[2, P, 3] {0: [21, 3, 1]} {7: [0, 1, 14]} {7: [0, 1, 14]}>
// CHECK-NEXT:    lpu_mem.return
func.func @views(%x : !lpu.tensor<[6, P], f32>) -> !lpu.tensor<[2, P, 3], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %s = lpu.slice %x at <[1, 0]> step <[2, 1]> : !lpu.tensor<[6, P], f32> -> !lpu.tensor<[3, P], f32>
  %t = lpu.transpose %s <[1, 0]> : !lpu.tensor<[3, P], f32> -> !lpu.tensor<[P, 3], f32>
  %b = lpu.broadcast %t : !lpu.tensor<[P, 3], f32> -> !lpu.tensor<[2, P, 3], f32>
  %y = lpu.map "add" %b, %t : !lpu.tensor<[2, P, 3], f32>, !lpu.tensor<[P, 3], f32> -> !lpu.tensor<[2, P, 3], f32>
  func.return %y : !lpu.tensor<[2, P, 3], f32>
}

// -----

// An offset may be a symbol.
// CHECK:         lpu_mem.map "neg" %1, %0 <[1, 4] {0: [4, 1]} {4*P: [0, 1]}>
func.func @last(%x : !lpu.tensor<[P + 1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %s = lpu.slice %x at <[P, 0]> step <[1, 1]> : !lpu.tensor<[P + 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.map "neg" %s : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// A reshape that splits an axis is strides.
// CHECK:         lpu_mem.map "neg" %1, %0 <[2, P, 4] {0: [28, 4, 1]} {0: [4, 8, 1]}>
func.func @splitting(%x : !lpu.tensor<[P, 8], f32>) -> !lpu.tensor<[2, P, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %r = lpu.reshape %x : !lpu.tensor<[P, 8], f32> -> !lpu.tensor<[P, 2, 4], f32>
  %t = lpu.transpose %r <[1, 0, 2]> : !lpu.tensor<[P, 2, 4], f32> -> !lpu.tensor<[2, P, 4], f32>
  %y = lpu.map "neg" %t : !lpu.tensor<[2, P, 4], f32> -> !lpu.tensor<[2, P, 4], f32>
  func.return %y : !lpu.tensor<[2, P, 4], f32>
}

// -----

// A reshape that merges axes which do not follow on one another copies.
// CHECK:         %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
// CHECK-NEXT:    lpu_mem.copy %1, %0 <[4, 3] {0: [3, 1]} {0: [1, 4]}>
// CHECK:         lpu_mem.map "neg" %2, %1 <[12]
func.func @merging(%x : !lpu.tensor<[3, 4], f32>) -> !lpu.tensor<[12], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %t = lpu.transpose %x <[1, 0]> : !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[4, 3], f32>
  %r = lpu.reshape %t : !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[12], f32>
  %y = lpu.map "neg" %r : !lpu.tensor<[12], f32> -> !lpu.tensor<[12], f32>
  func.return %y : !lpu.tensor<[12], f32>
}

// -----

// Rows that are shorter than their bound do not follow on one another either.
// CHECK:         lpu_mem.copy %1, %0 <[2, P] {0: [P, 1]} {0: [7, 1]}>
func.func @merging_rows(%x : !lpu.tensor<[2, P], f32>) -> !lpu.tensor<[2*P], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %r = lpu.reshape %x : !lpu.tensor<[2, P], f32> -> !lpu.tensor<[2*P], f32>
  %y = lpu.map "neg" %r : !lpu.tensor<[2*P], f32> -> !lpu.tensor<[2*P], f32>
  func.return %y : !lpu.tensor<[2*P], f32>
}

// -----

// Shapes without common factors go through a dense buffer.
// CHECK:         %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
// CHECK-NEXT:    lpu_mem.copy %1, %0 <[4, 3] {0: [3, 1]} {0: [3, 1]}>
// CHECK:         lpu_mem.map "neg" %2, %1 <[6, 2] {0: [2, 1]} {0: [2, 1]}>
func.func @no_factors(%x : !lpu.tensor<[4, 3], f32>) -> !lpu.tensor<[6, 2], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %r = lpu.reshape %x : !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[6, 2], f32>
  %y = lpu.map "neg" %r : !lpu.tensor<[6, 2], f32> -> !lpu.tensor<[6, 2], f32>
  func.return %y : !lpu.tensor<[6, 2], f32>
}

// -----

// A concatenation copies each operand to its place, which may be a symbol.
// CHECK:         %2 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 16>
// CHECK-NEXT:    lpu_mem.copy %2, %0 <[P, 2] {0: [2, 1]} {0: [2, 1]}>
// CHECK-NEXT:    lpu_mem.copy %2, %1 <[1, 2] {2*P: [2, 1]} {0: [2, 1]}>
// CHECK-NEXT:    lpu_mem.return %2
func.func @concat(%x : !lpu.tensor<[P, 2], f32>, %y : !lpu.tensor<[1, 2], f32>) -> !lpu.tensor<[P + 1, 2], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32, "y" data f32] -> ["z" data f32]>} {
  %z = lpu.concat %x, %y axis 0 : !lpu.tensor<[P, 2], f32>, !lpu.tensor<[1, 2], f32> -> !lpu.tensor<[P + 1, 2], f32>
  func.return %z : !lpu.tensor<[P + 1, 2], f32>
}

// -----

// A constant is a parameter, a fill one element that is read with stride 0, made once and first.
// CHECK:         %[[one:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 1>
// CHECK-NEXT:    lpu_mem.fill "0000803f" %[[one]] <[] {0: []}>
// CHECK-NEXT:    %[[w:.*]] = lpu_mem.param <file("w", 0, [3, 2], f32)> : !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.map "add" %{{.*}}, %[[w]], %[[one]] <[3, 2] {0: [2, 1]} {0: [2, 1]} {0: [0, 0]}>
func.func @constants() -> !lpu.tensor<[3, 2], f32> attributes {lpu.interface = #lpu.interface<[] -> ["y" data f32]>} {
  %w = lpu.constant <file("w", 0, [3, 2], f32)> : !lpu.tensor<[3, 2], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[3, 2], f32>
  %y = lpu.map "add" %w, %one : !lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  func.return %y : !lpu.tensor<[3, 2], f32>
}

// -----

// Outputs get buffers of their own: an input, a weight, a view and a double are copied.
// CHECK:         %[[w:.*]] = lpu_mem.param
// CHECK:         lpu_mem.map "neg" %[[y:.*]], %0
// CHECK:         lpu_mem.copy %[[a:.*]], %0 <[2, 3] {0: [3, 1]} {0: [3, 1]}>
// CHECK:         lpu_mem.copy %[[b:.*]], %[[w]] <[2]
// CHECK:         lpu_mem.copy %[[c:.*]], %[[y]] <[3, 2] {0: [2, 1]} {0: [1, 3]}>
// CHECK:         lpu_mem.copy %[[d:.*]], %[[y]] <[2, 3]
// CHECK-NEXT:    lpu_mem.return %[[a]], %[[b]], %[[c]], %[[y]], %[[d]]
func.func @outputs(%x : !lpu.tensor<[2, 3], f32>) -> (!lpu.tensor<[2, 3], f32>, !lpu.tensor<[2], f32>, !lpu.tensor<[3, 2], f32>, !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f32>)
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["a" data f32, "b" data f32, "c" data f32, "y" data f32, "d" data f32]>} {
  %w = lpu.constant <file("w", 0, [2], f32)> : !lpu.tensor<[2], f32>
  %y = lpu.map "neg" %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>
  %t = lpu.transpose %y <[1, 0]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[3, 2], f32>
  func.return %x, %w, %t, %y, %y : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2], f32>, !lpu.tensor<[3, 2], f32>, !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f32>
}

// -----

// The axes of a product are [.., M, K, N]; a transposed panel and a shared batch are strides.
// CHECK:         lpu_mem.vecmat %2, %0, %1 accumulate 0 <[5, 1, 4, 3] {0: [3, 3, 0, 1]} {0: [4, 4, 1, 0]} {0: [0, 0, 1, 4]}>
func.func @matmul(%x : !lpu.tensor<[5, 1, 4], f32>, %w : !lpu.tensor<[3, 4], f32>) -> !lpu.tensor<[5, 1, 3], f32> attributes {lpu.interface = #lpu.interface<["x" data f32, "w" data f32] -> ["y" data f32]>} {
  %t = lpu.transpose %w <[1, 0]> : !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[4, 3], f32>
  %y = lpu.matmul %x, %t : !lpu.tensor<[5, 1, 4], f32>, !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[5, 1, 3], f32>
  func.return %y : !lpu.tensor<[5, 1, 3], f32>
}

// -----

// A reduction does not move along the axes it reduces.
// CHECK:         lpu_mem.reduce "max" %1, %0 over <[0]> accumulate 0 <[4, 3] {0: [0, 1]} {0: [3, 1]}>
func.func @reduce(%x : !lpu.tensor<[4, 3], f32>) -> !lpu.tensor<[1, 3], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %y = lpu.reduce "max" %x over <[0]> : !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[1, 3], f32>
  func.return %y : !lpu.tensor<[1, 3], f32>
}

// -----

// The axis of a running sum becomes the last; its carry starts at 0.
// CHECK:         lpu_mem.fill "0000000000000000" %2 <[3, 1] {0: [1, 1]}>
// CHECK-NEXT:    lpu_mem.scan %1, %2, %0 exclusive 1 <[3, 4] {0: [1, 3]} {0: [1, 0]} {0: [1, 3]}>
func.func @scan(%x : !lpu.tensor<[4, 3], i64>) -> !lpu.tensor<[4, 3], i64> attributes {lpu.interface = #lpu.interface<["x" data i64] -> ["y" data i64]>} {
  %y = lpu.scan %x axis 0 exclusive 1 : !lpu.tensor<[4, 3], i64> -> !lpu.tensor<[4, 3], i64>
  func.return %y : !lpu.tensor<[4, 3], i64>
}

// -----

// A gather looks up rows of any axis; the limit may be a symbol.
// CHECK:         lpu_mem.gather %2, %0, %1 limit <P> row <4> <[2, 5, 4] {0: [20, 4, 1]} {0: [28, 0, 1]} {0: [0, 1, 0]}>
func.func @gather(%x : !lpu.tensor<[2, P, 4], f32>, %i : !lpu.tensor<[5], i64>) -> !lpu.tensor<[2, 5, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32, "i" data i64] -> ["y" data f32]>} {
  %y = lpu.gather %x, %i axis 1 : !lpu.tensor<[2, P, 4], f32>, !lpu.tensor<[5], i64> -> !lpu.tensor<[2, 5, 4], f32>
  func.return %y : !lpu.tensor<[2, 5, 4], f32>
}

// -----

// A scatter changes a copy of its source.
// CHECK:         lpu_mem.copy %3, %0 <[9, 4]
// CHECK-NEXT:    lpu_mem.scatter "add" %3, %2, %1 limit <9> row <4> <[2, 4] {0: [0, 1]} {0: [4, 1]} {0: [1, 0]}>
// CHECK-NEXT:    lpu_mem.return %3
func.func @scatter(%x : !lpu.tensor<[9, 4], f32>, %i : !lpu.tensor<[2], i64>, %u : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<[9, 4], f32> attributes {lpu.interface = #lpu.interface<["x" data f32, "i" data i64, "u" data f32] -> ["y" data f32]>} {
  %y = lpu.scatter "add" %x, %i, %u : !lpu.tensor<[9, 4], f32>, !lpu.tensor<[2], i64>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[9, 4], f32>
  func.return %y : !lpu.tensor<[9, 4], f32>
}

// -----

// A top-k has two results.
// CHECK:         lpu_mem.topk %1, %2, %0 k 2 largest 1 <[3, 9] {0: [2, 1]} {0: [2, 1]} {0: [9, 1]}>
// CHECK-NEXT:    lpu_mem.return %1, %2
func.func @topk(%x : !lpu.tensor<[3, 9], f32>) -> (!lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], i64>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["v" data f32, "i" data i64]>} {
  %v, %i = lpu.topk %x largest 1 : !lpu.tensor<[3, 9], f32> -> !lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], i64>
  func.return %v, %i : !lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], i64>
}

// -----

// A reduction has the name that the engine gives it.
// CHECK:         lpu_mem.reduce "mul" %1, %0 over <[0]> accumulate 0 <[4] {0: [0]} {0: [1]}>
func.func @product(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[1], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %y = lpu.reduce "prod" %x over <[0]> : !lpu.tensor<[4], f32> -> !lpu.tensor<[1], f32>
  func.return %y : !lpu.tensor<[1], f32>
}

// -----

// A carried value has one buffer: filled before the loop, and again at the end of each turn. The
// others go to their part of a stack.
// CHECK-LABEL: @loop
// CHECK:         %[[c:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 4>
// CHECK-NEXT:    %[[s:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
// CHECK-NEXT:    lpu_mem.copy %[[c]], %0 <[4]
// CHECK-NEXT:    lpu_mem.for "l" to <3> step 1 {
// CHECK-NEXT:      %[[d:.*]] = lpu_mem.alloc
// CHECK-NEXT:      lpu_mem.map "exp" %[[d]], %[[c]]
// CHECK-NEXT:      lpu_mem.copy %[[s]], %[[c]] <[4] {4*l: [1]} {0: [1]}>
// CHECK-NEXT:      lpu_mem.copy %[[c]], %[[d]] <[4] {0: [1]} {0: [1]}>
// CHECK-NEXT:    }
// CHECK-NEXT:    lpu_mem.return %[[c]], %[[s]]
func.func @loop(%x : !lpu.tensor<[4], f32>) -> (!lpu.tensor<[4], f32>, !lpu.tensor<[3, 4], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32, "s" data f32]>} {
  %y, %s = lpu.for "l" to <3> (%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32>, !lpu.tensor<[3, 4], f32> {
  ^bb0(%c : !lpu.tensor<[4], f32>):
    %d = lpu.map "exp" %c : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
    lpu.yield %d, %c : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>
  }
  func.return %y, %s : !lpu.tensor<[4], f32>, !lpu.tensor<[3, 4], f32>
}

// -----

// Carried values that change places are all read before one is written; one that stays needs nothing.
// CHECK-LABEL: @swap
// CHECK:         lpu_mem.for "l" from <1> to <P> step 1 {
// CHECK-NEXT:      %[[p:.*]] = lpu_mem.alloc
// CHECK-NEXT:      lpu_mem.copy %[[p]], %[[b:.*]] <[4]
// CHECK-NEXT:      %[[q:.*]] = lpu_mem.alloc
// CHECK-NEXT:      lpu_mem.copy %[[q]], %[[a:.*]] <[4]
// CHECK-NEXT:      lpu_mem.copy %[[a]], %[[p]] <[4]
// CHECK-NEXT:      lpu_mem.copy %[[b]], %[[q]] <[4]
// CHECK-NEXT:    }
func.func @swap(%x : !lpu.tensor<[4], f32>, %y : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32, "y" data f32] -> ["z" data f32]>} {
  %a, %b, %c = lpu.for "l" from <1> to <P> (%x, %y, %y : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32> {
  ^bb0(%p : !lpu.tensor<[4], f32>, %q : !lpu.tensor<[4], f32>, %s : !lpu.tensor<[4], f32>):
    lpu.yield %q, %p, %s : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>
  }
  func.return %a : !lpu.tensor<[4], f32>
}

// -----

// A state is a buffer; its ports are windows of it, its reads views, its writes copies.
// CHECK-LABEL: @state
// CHECK:         %[[c:.*]] = lpu_mem.state "c" <[3, 8, 4]> inputs [#lpu_mem.port<"p", past, f16, [P, 4], [4, 1], 32>] outputs [#lpu_mem.port<"n", data, f32, [P + 1, 4], [4, 1], 64>] : !lpu_mem.buffer<hbm, f32, 96>
// CHECK-NEXT:    lpu_mem.for "l" to <3> step 1 {
// CHECK-NEXT:      lpu_mem.copy %[[c]], %0 <[1, 1, 4] {4*P + 32*l: [32, 4, 1]} {0: [4, 4, 1]}>
// CHECK-NEXT:      lpu_mem.alloc
// CHECK-NEXT:      lpu_mem.map "neg" %{{.*}}, %[[c]] <[1, 1, 4] {0: [4, 4, 1]} {32*l: [0, 0, 1]}>
func.func @state(%x : !lpu.tensor<[1, 1, 4], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32, "p" in state] -> ["n" in state]>} {
  %c = lpu.state "c" inputs <["p" past f16 [P, 4] at [1, 0, 0]]> outputs <["n" data f32 [P + 1, 4] at [2, 0, 0]]> : !lpu.state<[3, 8, 4], f32>
  lpu.for "l" to <3> () {
    lpu.write %c, %x at <[l, P, 0]> : !lpu.state<[3, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
    %r = lpu.read %c at <[l, 0, 0]> : !lpu.state<[3, 8, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
    %y = lpu.map "neg" %r : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
    lpu.yield
  }
  func.return
}

// -----

// A window that is written behind the read is copied, also when the write is in a loop.
// CHECK-LABEL: @read_before_write
// CHECK:         %[[c:.*]] = lpu_mem.state
// CHECK-NEXT:    %[[old:.*]] = lpu_mem.alloc
// CHECK-NEXT:    lpu_mem.copy %[[old]], %[[c]] <[1, 1, 4] {0: [4, 4, 1]} {8: [32, 4, 1]}>
// CHECK:         lpu_mem.copy %[[c]], %0
// CHECK:         lpu_mem.return %[[old]]
func.func @read_before_write(%x : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, 1, 4], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[3, 8, 4], f32>
  %r = lpu.read %c at <[0, 2, 0]> : !lpu.state<[3, 8, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.for "l" to <3> () {
    lpu.write %c, %x at <[l, 2, 0]> : !lpu.state<[3, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
    lpu.yield
  }
  func.return %r : !lpu.tensor<[1, 1, 4], f32>
}

// -----

// A token and its stop get buffers of one element each.
// CHECK-LABEL: @emit
// CHECK:         lpu_mem.for "l" to <2> step 1 {
// CHECK-NEXT:      %[[t:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, i64, 1>
// CHECK-NEXT:      lpu_mem.copy %[[t]], %0 <[1] {0: [1]} {3: [1]}>
// CHECK-NEXT:      %[[s:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, i64, 1>
// CHECK-NEXT:      lpu_mem.copy %[[s]], %0 <[1] {0: [1]} {0: [1]}>
// CHECK-NEXT:      lpu_mem.emit %[[t]], %[[s]]
func.func @emit(%x : !lpu.tensor<[4], i64>) attributes {lpu.interface = #lpu.interface<["x" data i64] -> []>} {
  %t = lpu.slice %x at <[3]> step <[1]> : !lpu.tensor<[4], i64> -> !lpu.tensor<[1], i64>
  %s = lpu.slice %x at <[0]> step <[1]> : !lpu.tensor<[4], i64> -> !lpu.tensor<[1], i64>
  lpu.for "l" to <2> () {
    lpu.emit %t, %s : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
    lpu.yield
  }
  func.return
}

// -----

// Of two devices each sends its part one way. Ports of parts have the extents of the whole.
// CHECK-LABEL: @gather2
// CHECK-SAME:    lpu_mem.inputs = [#lpu_mem.port<"x", data, f16, [P, 5], [3, 1], 0 shard 2 x [[], [5/2]]>]
// CHECK-SAME:    lpu_mem.outputs = [#lpu_mem.port<"y", data, f16, [2, P, 3], [21, 3, 1], 0>, #lpu_mem.port<"z", data, f16, [P, 5], [3, 1], 0 shard 2 x [[], [5/2]]>]
// CHECK-NEXT:    %[[y:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 42>
// CHECK-NEXT:    lpu_mem.copy %[[y]], %{{.*}} <[P, 3] {21*d0: [3, 1]} {0: [3, 1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[P, 3] {21*d0: [3, 1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[P, 3] {21*d1: [3, 1]}>
// CHECK-NEXT:    %[[z:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 21>
// CHECK-NEXT:    lpu_mem.copy %[[z]]
// CHECK-NEXT:    lpu_mem.return %[[y]], %[[z]]
// LOC-LABEL: @gather2
// LOC:           lpu_mem.copy {{.*}} loc("sum")
// LOC-NEXT:      lpu_mem.send {{.*}} loc("sum")
// LOC-NEXT:      lpu_mem.recv {{.*}} loc("sum")
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
func.func @gather2(%x : !lpu_esl.shard<[P, 5], f16, 2 x [[], [5/2]]>) -> (!lpu.tensor<[2, P, 3], f16>, !lpu_esl.shard<[P, 5], f16, 2 x [[], [5/2]]>)
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7, d0 in 0 to 1, d1 in 0 to 1]>, lpu.interface = #lpu.interface<["x" data f16] -> ["y" data f16, "z" data f16]>} {
  %y = lpu_esl.all_gather %x : !lpu_esl.shard<[P, 5], f16, 2 x [[], [5/2]]> -> !lpu.tensor<[2, P, 3], f16> loc("sum")
  func.return %y, %x : !lpu.tensor<[2, P, 3], f16>, !lpu_esl.shard<[P, 5], f16, 2 x [[], [5/2]]>
}
}

// -----

// Of four devices both ways at once, and the part from two places away from the right alone.
// CHECK-LABEL: @gather4
// CHECK-NEXT:    %[[y:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
// CHECK-NEXT:    lpu_mem.copy %[[y]], %{{.*}} <[3] {3*d0: [1]} {0: [1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d0: [1]}>
// CHECK-NEXT:    lpu_mem.send "right" %[[y]] <[3] {3*d0: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d1: [1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d1: [1]}>
// CHECK-NEXT:    lpu_mem.recv "left" %[[y]] <[3] {3*d3: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d2: [1]}>
// CHECK-NEXT:    lpu_mem.return
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
func.func @gather4(%x : !lpu.tensor<[3], f32>) -> !lpu.tensor<[4, 3], f32>
    attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3, d1 in 0 to 3, d2 in 0 to 3, d3 in 0 to 3]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %y = lpu_esl.all_gather %x : !lpu.tensor<[3], f32> -> !lpu.tensor<[4, 3], f32>
  func.return %y : !lpu.tensor<[4, 3], f32>
}
}

// -----

// Of eight, what comes in is sent on at once, unless it has been everywhere.
// CHECK-LABEL: @gather8
// CHECK-NEXT:    %[[y:.*]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 24>
// CHECK-NEXT:    lpu_mem.copy
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d0: [1]}>
// CHECK-NEXT:    lpu_mem.send "right" %[[y]] <[3] {3*d0: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d1: [1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d1: [1]}>
// CHECK-NEXT:    lpu_mem.recv "left" %[[y]] <[3] {3*d7: [1]}>
// CHECK-NEXT:    lpu_mem.send "right" %[[y]] <[3] {3*d7: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d2: [1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d2: [1]}>
// CHECK-NEXT:    lpu_mem.recv "left" %[[y]] <[3] {3*d6: [1]}>
// CHECK-NEXT:    lpu_mem.send "right" %[[y]] <[3] {3*d6: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d3: [1]}>
// CHECK-NEXT:    lpu_mem.send "left" %[[y]] <[3] {3*d3: [1]}>
// CHECK-NEXT:    lpu_mem.recv "left" %[[y]] <[3] {3*d5: [1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %[[y]] <[3] {3*d4: [1]}>
// CHECK-NEXT:    lpu_mem.return
builtin.module attributes {lpu.options = {devices = 8 : i64}} {
func.func @gather8(%x : !lpu.tensor<[3], f32>) -> !lpu.tensor<[8, 3], f32>
    attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 7, d1 in 0 to 7, d2 in 0 to 7, d3 in 0 to 7, d4 in 0 to 7, d5 in 0 to 7, d6 in 0 to 7, d7 in 0 to 7]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %y = lpu_esl.all_gather %x : !lpu.tensor<[3], f32> -> !lpu.tensor<[8, 3], f32>
  func.return %y : !lpu.tensor<[8, 3], f32>
}
}

// -----

// A part without elements is one that is never looked at.
// CHECK-LABEL: @nothing
// CHECK:         lpu_mem.send "left" %{{.*}} <[0, 3] {3*d0: [3, 1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %{{.*}} <[0, 3] {3*d1: [3, 1]}>
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
func.func @nothing(%x : !lpu.tensor<[0, 3], f32>) -> !lpu.tensor<[2, 0, 3], f32>
    attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>, lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %y = lpu_esl.all_gather %x : !lpu.tensor<[0, 3], f32> -> !lpu.tensor<[2, 0, 3], f32>
  func.return %y : !lpu.tensor<[2, 0, 3], f32>
}
}

// -----

// Functions of floats take and give any width: what is lengthened for them alone is read as it is,
// and what is computed only to be shortened is written short.
// CHECK-LABEL: @free_casts
// CHECK:         lpu_mem.map "add" %[[wide:[0-9]+]], %{{.*}}, %1 <{{.*}} : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f16, 8>, !lpu_mem.buffer<hbm, f32, 8>
// CHECK-NEXT:    %[[short:[0-9]+]] = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 8>
// CHECK-NEXT:    lpu_mem.map "relu" %[[short]], %[[wide]] {{.*}} : !lpu_mem.buffer<hbm, f16, 8>, !lpu_mem.buffer<hbm, f32, 8>
// CHECK-NOT:     lpu_mem.cast
// CHECK:         lpu_mem.return
func.func @free_casts(%a : !lpu.tensor<[8], f16>, %b : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f16>
    attributes {lpu.interface = #lpu.interface<["a" data f16, "b" data f32] -> ["y" data f16]>} {
  %x = lpu.map "neg" %a : !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f16>
  %l = lpu.cast %x : !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f32>
  %s = lpu.map "add" %l, %b : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %r = lpu.map "relu" %s : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.cast %r : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f16>
  func.return %y : !lpu.tensor<[8], f16>
}

// -----

// Not so: what something else reads, too, before or behind a cast; what becomes an integer; what a
// sum reads; what a state holds, which may be written meanwhile; what two read that does not lie
// row by row.
// CHECK-LABEL: @casts_that_stay
// CHECK:         lpu_mem.map "neg" {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.cast {{.*}} : !lpu_mem.buffer<hbm, f16, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.map "exp" {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.cast {{.*}} : !lpu_mem.buffer<hbm, i64, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.map "abs" {{.*}} : !lpu_mem.buffer<hbm, f16, 6>, !lpu_mem.buffer<hbm, f16, 6>
// CHECK:         lpu_mem.cast {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f16, 6>
// CHECK:         lpu_mem.map "neg" {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.reduce "sum"
// CHECK:         %[[state:[0-9]+]] = lpu_mem.state "c"
// CHECK:         lpu_mem.cast %{{.*}}, %[[state]] {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f16, 6>
// CHECK:         lpu_mem.map "neg" {{.*}} : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f32, 6>
// CHECK:         lpu_mem.cast {{.*}} <[3, 2] {0: [2, 1]} {0: [1, 3]}> : !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, f16, 6>
// CHECK-NOT:     lpu_mem.cast
// CHECK:         lpu_mem.return
func.func @casts_that_stay(%a : !lpu.tensor<[2, 3], f32>, %h : !lpu.tensor<[2, 3], f16>)
    -> (!lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f16>, !lpu.tensor<[2, 3], i64>, !lpu.tensor<[2, 1], f32>, !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], f32>)
    attributes {lpu.interface = #lpu.interface<["a" data f32, "h" data f16] -> ["b" data f32, "c" data f16, "i" data i64, "s" data f32, "n" data f32, "p" data f32, "q" data f32]>} {
  %b = lpu.map "neg" %a : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>
  %c = lpu.cast %b : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f16>
  %e = lpu.map "exp" %a : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>
  %i = lpu.cast %e : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], i64>
  %g = lpu.map "abs" %h : !lpu.tensor<[2, 3], f16> -> !lpu.tensor<[2, 3], f16>
  %l = lpu.cast %g : !lpu.tensor<[2, 3], f16> -> !lpu.tensor<[2, 3], f32>
  %o = lpu.map "neg" %l : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>
  %s = lpu.reduce "sum" %l over <[1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 1], f32>
  %state = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[2, 3], f16>
  %r = lpu.read %state at <[0, 0]> : !lpu.state<[2, 3], f16> -> !lpu.tensor<[2, 3], f16>
  %w = lpu.cast %r : !lpu.tensor<[2, 3], f16> -> !lpu.tensor<[2, 3], f32>
  %n = lpu.map "neg" %w : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>
  %t = lpu.transpose %g <[1, 0]> : !lpu.tensor<[2, 3], f16> -> !lpu.tensor<[3, 2], f16>
  %m = lpu.cast %t : !lpu.tensor<[3, 2], f16> -> !lpu.tensor<[3, 2], f32>
  %p = lpu.map "neg" %m : !lpu.tensor<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  %q = lpu.map "exp" %m : !lpu.tensor<[3, 2], f32> -> !lpu.tensor<[3, 2], f32>
  func.return %b, %c, %i, %s, %n, %p, %q : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f16>, !lpu.tensor<[2, 3], i64>, !lpu.tensor<[2, 1], f32>, !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3, 2], f32>, !lpu.tensor<[3, 2], f32>
}
