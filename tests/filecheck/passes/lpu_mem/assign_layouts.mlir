// RUN: xdsl-opt %s -p lpu-mem-assign-layouts --split-input-file | filecheck %s

// A weight by rows becomes one by columns, and its view follows.
// CHECK:       lpu_mem.param <transpose(file("w", 0, [2, 3], f32), [1, 0])>
// CHECK:       lpu_mem.vecmat %{{.*}} accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 2]}>
func.func @weight(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <file("w", 0, [2, 3], f32)> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}

// -----

// In a stack of layers each part is transposed; columns from 1 on start at the second column.
// CHECK:       lpu_mem.param <stack([file("a", 0, [3, 2], f32), transpose(file("b", 0, [2, 3], f32), [1, 0])])>
// CHECK:       lpu_mem.vecmat %{{.*}} <[1, 2, 2] {0: [0, 0, 1]} {0: [0, 1, 0]} {6*l + 2: [0, 1, 2]}>
func.func @layers(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <stack([transpose(file("a", 0, [3, 2], f32), [1, 0]), file("b", 0, [2, 3], f32)])> : !lpu_mem.buffer<hbm, f32, 12>
  lpu_mem.for "l" to <2> step 1 {
    lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 2] {0: [0, 0, 1]} {0: [0, 1, 0]} {6*l + 1: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 12>
  }
  lpu_mem.return :
}

// -----

// A tied embedding becomes the parameter that the gather reads.
// CHECK-COUNT-2: lpu_mem.param <file("w", 0, [3, 2], f32)>
func.func @tied(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>, %i : !lpu_mem.buffer<hbm, i64, 1>) {
  %e = lpu_mem.param <file("w", 0, [3, 2], f32)> : !lpu_mem.buffer<hbm, f32, 6>
  %w = lpu_mem.param <transpose(file("w", 0, [3, 2], f32), [1, 0])> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.gather %x, %e, %i limit <3> row <2> <[2] {0: [1]} {0: [1]} {0: [0]}> : !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>, !lpu_mem.buffer<hbm, i64, 1>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}

// -----

// Left alone: a weight that an elementwise operation reads, too.
// CHECK:       lpu_mem.param <file("w", 0, [2, 3], f32)>
// CHECK:       lpu_mem.vecmat %{{.*}} {0: [0, 3, 1]}>
func.func @shared(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <file("w", 0, [2, 3], f32)> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.map "neg" %y, %w <[3] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}

// -----

// The value cache is written transposed: its rows become columns in the buffer and at the ports.
// CHECK:       lpu_mem.state "v" <[2, 8, 4]> inputs [#lpu_mem.port<"past", past, f32, [P, 4], [1, 8], 32>]
// CHECK:       lpu_mem.copy %{{.*}} <[4] {P + 32*l: [8]} {0: [1]}>
// CHECK:       lpu_mem.vecmat %{{.*}} <[1, P + 1, 4] {0: [0, 0, 1]} {0: [0, 1, 0]} {32*l: [0, 1, 8]}>
func.func @values(%y : !lpu_mem.buffer<hbm, f32, 4>, %p : !lpu_mem.buffer<hbm, f32, 8>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %v = lpu_mem.state "v" <[2, 8, 4]> inputs [#lpu_mem.port<"past", past, f32, [P, 4], [4, 1], 32>] outputs [] : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.for "l" to <2> step 1 {
    lpu_mem.copy %v, %y <[4] {32*l + 4*P: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 4>
    lpu_mem.vecmat %y, %p, %v accumulate 0 <[1, P + 1, 4] {0: [0, 0, 1]} {0: [0, 1, 0]} {32*l: [0, 4, 1]}> : !lpu_mem.buffer<hbm, f32, 4>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 64>
  }
  lpu_mem.return :
}

// -----

// Left alone: the key cache, whose columns are rows of the buffer already.
// CHECK:       lpu_mem.copy %{{.*}} <[4] {4*P: [1]} {0: [1]}>
// CHECK:       lpu_mem.vecmat %{{.*}} {0: [0, 1, 4]}>
func.func @keys(%s : !lpu_mem.buffer<hbm, f32, 8>, %q : !lpu_mem.buffer<hbm, f32, 4>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu_mem.state "k" <[8, 4]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.copy %k, %q <[4] {4*P: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 4>
  lpu_mem.vecmat %s, %q, %k accumulate 0 <[1, 4, P + 1] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 4]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 4>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// Left alone: a state with a view that runs across its rows.
// CHECK:       lpu_mem.vecmat %{{.*}} {0: [0, 4, 1]}>
func.func @across(%y : !lpu_mem.buffer<hbm, f32, 32>, %p : !lpu_mem.buffer<hbm, f32, 8>) {
  %v = lpu_mem.state "v" <[8, 4]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.copy %v, %y <[32] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.vecmat %y, %p, %v accumulate 0 <[1, 8, 4] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 4, 1]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// So it does where each device holds some of its rows.
// CHECK-LABEL: @tied_parts
// CHECK:       lpu_mem.param <shard(file("w", 0, [5, 2], f32), 2 x [[5/2], []])>
func.func @tied_parts(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <shard(transpose(file("w", 0, [5, 2], f32), [1, 0]), 2 x [[], [5/2]])> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}

// -----

// Boxes and paddings of a weight turn with it.
// CHECK-LABEL: @boxes
// CHECK:       lpu_mem.param <pad(slice(file("w", 0, [5, 4], f32), [3, 1], [2, 2]), [3, 2])>
func.func @boxes(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <pad(slice(transpose(file("w", 0, [5, 4], f32), [1, 0]), [1, 3], [2, 2]), [2, 3])> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}
