// RUN: xdsl-opt %s -p lpu-roll-layers --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-roll-layers --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Weights are stacked; each operation names its nodes in all layers.
// CHECK-LABEL: @weights
// CHECK-NEXT:    %weight = lpu.constant <stack([file("w", 0, [4, 4], f32), file("w", 64, [4, 4], f32), file("w", 128, [4, 4], f32)])>
// CHECK-NEXT:    %0 = lpu.for "l" to <3>(%x : {{.*}}) -> !lpu.tensor<[1, 4], f32> {
// CHECK-NEXT:    ^bb0(%1: !lpu.tensor<[1, 4], f32>):
// CHECK-NEXT:      %2 = lpu.slice %weight at <[l, 0, 0]> step <[1, 1, 1]>
// CHECK-NEXT:      %a = lpu.reshape %2 {{.*}} -> !lpu.tensor<[4, 4], f32>
// CHECK-NEXT:      %m = lpu.matmul %1, %a
// CHECK-NEXT:      %3 = lpu.map "add" %1, %m
// CHECK-NEXT:      lpu.yield %3
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0
// LOC-LABEL: @weights
// LOC:           lpu.matmul {{.*}} loc(fused["fc0", "fc1", "fc2"])
// LOC-NEXT:      lpu.map {{.*}} loc(fused["add0", "add1", "add2"])
func.func @weights(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.constant <file("w", 128, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("fc0")
  %0 = lpu.map "add" %x, %m0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("add0")
  %m1 = lpu.matmul %0, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("fc1")
  %1 = lpu.map "add" %0, %m1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("add1")
  %m2 = lpu.matmul %1, %c : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("fc2")
  %2 = lpu.map "add" %1, %m2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32> loc("add2")
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// Neither the order of operations nor a value of the layers that happens to be the same matters.
// CHECK-LABEL: @order
// CHECK:         lpu.for "l" to <2>
// CHECK:           lpu.slice %weight at
// CHECK:           lpu.matmul
// CHECK:           lpu.slice %weight_1 at
// CHECK:           lpu.matmul
// CHECK:           lpu.yield
func.func @order(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.constant <file("w", 128, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %p = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %q = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %p, %q : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %s = lpu.matmul %0, %c : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %r = lpu.matmul %0, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %r, %s : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// What all layers read is read where it is.
// CHECK-LABEL: @invariant
// CHECK-NEXT:    %a = lpu.constant <file("w", 0, [4, 4], f32)>
// CHECK-NEXT:    lpu.for "l" to <2>
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      lpu.matmul %{{.*}}, %a
// CHECK-NEXT:      lpu.map "add" %{{.*}}, %b
// CHECK-NEXT:      lpu.yield
func.func @invariant(%x : !lpu.tensor<[1, 4], f32>, %b : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["0" ids f32, "1" mask f32] -> ["0" data f32]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %0, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %3 = lpu.map "add" %2, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %3 : !lpu.tensor<[1, 4], f32>
}

// -----

// Fills that differ become a small table.
// CHECK-LABEL: @scalars
// CHECK:         %weight = lpu.constant <inline("0000003f0000803e", [2], f32)> : !lpu.tensor<[2], f32>
// CHECK:           %[[S:.*]] = lpu.slice %weight at <[l]> step <[1]> {{.*}} -> !lpu.tensor<[1], f32>
// CHECK-NEXT:      %[[R:.*]] = lpu.reshape %[[S]] {{.*}} -> !lpu.tensor<[], f32>
// CHECK-NEXT:      lpu.map "mul" %{{.*}}, %[[R]]
func.func @scalars(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %s = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %t = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "mul" %0, %s : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %3 = lpu.map "mul" %2, %t : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %3 : !lpu.tensor<[1, 4], f32>
}

// -----

// Iotas that grow by the same step mention the variable.
// CHECK-LABEL: @iotas
// CHECK:           lpu.iota <[3*l + 1, 2]> : !lpu.tensor<[4], i64>
func.func @iotas(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %i = lpu.iota <[1, 2]> : !lpu.tensor<[4], i64>
  %j = lpu.iota <[4, 2]> : !lpu.tensor<[4], i64>
  %f0 = lpu.cast %i : !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>
  %m0 = lpu.map "mul" %x, %f0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %m0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %f1 = lpu.cast %j : !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>
  %m1 = lpu.map "mul" %0, %f1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %m1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// Iotas that grow unevenly are on no line: a table holds each, although the first two fit.
// CHECK-LABEL: @uneven_iotas
// CHECK:         lpu.iota <[1, 2]>
// CHECK:         lpu.iota <[4, 2]>
// CHECK:         lpu.iota <[8, 2]>
// CHECK:         %[[T:.*]] = lpu.concat {{.*}} axis 0 : {{.*}} -> !lpu.tensor<[3, 4], i64>
// CHECK:         lpu.for "l" to <3>
// CHECK-NOT:       lpu.iota
// CHECK:           lpu.slice %[[T]] at <[l, 0]>
func.func @uneven_iotas(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %i = lpu.iota <[1, 2]> : !lpu.tensor<[4], i64>
  %j = lpu.iota <[4, 2]> : !lpu.tensor<[4], i64>
  %k = lpu.iota <[8, 2]> : !lpu.tensor<[4], i64>
  %f0 = lpu.cast %i : !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>
  %m0 = lpu.map "mul" %x, %f0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %m0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %f1 = lpu.cast %j : !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>
  %m1 = lpu.map "mul" %0, %f1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %m1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %f2 = lpu.cast %k : !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>
  %m2 = lpu.map "mul" %1, %f2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %m2, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// What is computed outside and differs becomes a table; which row is a constant by layer.
// CHECK-LABEL: @table
// CHECK:         %[[A:.*]] = lpu.reshape %u {{.*}} -> !lpu.tensor<[1, 1, 4], f32>
// CHECK-NEXT:    %[[B:.*]] = lpu.reshape %v {{.*}} -> !lpu.tensor<[1, 1, 4], f32>
// CHECK-NEXT:    %[[T:.*]] = lpu.concat %[[A]], %[[B]] axis 0
// CHECK-NEXT:    %[[W:.*]] = lpu.constant <inline("000000000000000001000000000000000000000000000000", [3], i64)>
// CHECK-NEXT:    lpu.for "l" to <3>
// CHECK:           %[[I:.*]] = lpu.slice %[[W]] at <[l]>
// CHECK-NEXT:      lpu.gather %[[T]], %[[I]] axis 0
func.func @table(%x : !lpu.tensor<[1, 4], f32>, %u : !lpu.tensor<[1, 4], f32>, %v : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["0" ids f32, "1" mask f32, "2" mask f32] -> ["0" data f32]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %m0, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %m1, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m2 = lpu.matmul %1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.map "add" %m2, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// When every layer has its own, the row is the layer.
// CHECK-LABEL: @rows
// CHECK:         %[[T:.*]] = lpu.concat
// CHECK-NEXT:    lpu.for "l" to <2>
// CHECK:           lpu.slice %[[T]] at <[l, 0, 0]>
func.func @rows(%x : !lpu.tensor<[1, 4], f32>, %u : !lpu.tensor<[1, 4], f32>, %v : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["0" ids f32, "1" mask f32, "2" mask f32] -> ["0" data f32]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %m0, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %m1, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// What a layer computes from its own constants stands in the body.
// CHECK-LABEL: @expression
// CHECK:         lpu.for "l" to <2>
// CHECK:           %[[W:.*]] = lpu.reshape {{.*}} -> !lpu.tensor<[4, 4], f32>
// CHECK:           %[[N:.*]] = lpu.map "neg" %[[W]]
// CHECK-NEXT:      lpu.matmul %{{.*}}, %[[N]]
func.func @expression(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %p = lpu.map "neg" %a : !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  %q = lpu.map "neg" %b : !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %p : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %x, %m0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %q : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %0, %m1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// States of the layers become one, and so do their ports.
// CHECK-LABEL: @states
// CHECK:         %[[C:.*]] = lpu.state "cache.0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0, 0], "past.k1" past f32 [1, P, 4] at [1, 0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0, 0], "present.k1" present f32 [1, P + 1, 4] at [1, 0, 0, 0]]> : !lpu.state<[2, 1, 8, 4], f32>
// CHECK-NOT:     lpu.state "
// CHECK:         lpu.for "l" to <2>
// CHECK:           %[[N:.*]] = lpu.reshape {{.*}} -> !lpu.tensor<[1, 1, 1, 4], f32>
// CHECK-NEXT:      lpu.write %[[C]], %[[N]] at <[l, 0, P, 0]>
// CHECK-NEXT:      %[[R:.*]] = lpu.read %[[C]] at <[l, 0, 0, 0]> {{.*}} -> !lpu.tensor<[1, 1, P + 1, 4], f32>
// CHECK-NEXT:      lpu.reshape %[[R]] {{.*}} -> !lpu.tensor<[1, P + 1, 4], f32>
func.func @states(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.state "k0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %d = lpu.state "k1" inputs <["past.k1" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k1" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %n0 = lpu.reshape %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %c, %n0 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r0 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s0 = lpu.reduce "sum" %r0 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v0 = lpu.reshape %s0 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %v0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %n1 = lpu.reshape %0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %d, %n1 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r1 = lpu.read %d at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s1 = lpu.reduce "sum" %r1 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v1 = lpu.reshape %s1 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %v1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// An access behind the loop finds its layer in the state that they share.
// CHECK-LABEL: @behind
// CHECK:         lpu.for "l" to <2>
// CHECK:         }
// CHECK:         %[[R:.*]] = lpu.read %{{.*}} at <[1, 0, 0, 0]> {{.*}} -> !lpu.tensor<[1, 1, P + 1, 4], f32>
// CHECK-NEXT:    lpu.reshape %[[R]] {{.*}} -> !lpu.tensor<[1, P + 1, 4], f32>
func.func @behind(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.state "k0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %d = lpu.state "k1" inputs <["past.k1" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k1" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %n0 = lpu.reshape %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %c, %n0 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r0 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s0 = lpu.reduce "sum" %r0 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v0 = lpu.reshape %s0 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %v0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %n1 = lpu.reshape %0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %d, %n1 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r1 = lpu.read %d at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s1 = lpu.reduce "sum" %r1 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v1 = lpu.reshape %s1 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %v1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.read %d at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %z = lpu.reduce "sum" %y over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %t = lpu.reshape %z : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %u = lpu.map "add" %1, %t : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %u : !lpu.tensor<[1, 4], f32>
}

// -----

// Layers that read the state of another layer read it where it is.
// CHECK-LABEL: @reused
// CHECK:         %[[C:.*]] = lpu.state "cache.0"
// CHECK:         lpu.for "l" to <2>
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      lpu.read %[[C]] at <[0, 0, 0]>
func.func @reused(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.state "k0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %ne = lpu.reshape %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %c, %ne at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %re = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %se = lpu.reduce "sum" %re over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %ve = lpu.reshape %se : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %e = lpu.matmul %ve, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "neg" %e : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %r1 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s1 = lpu.reduce "sum" %r1 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v1 = lpu.reshape %s1 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %t1 = lpu.map "add" %0, %v1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %t1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %r2 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s2 = lpu.reduce "sum" %r2 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v2 = lpu.reshape %s2 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %t2 = lpu.map "add" %1, %v2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %t2, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// Layers of two kinds in turn are one body of both.
// CHECK-LABEL: @period
// CHECK:         lpu.for "l" to <2>
// CHECK:           lpu.map "neg"
// CHECK:           lpu.map "exp"
// CHECK:           lpu.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return
func.func @period(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %my0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y0 = lpu.map "add" %x, %my0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y1 = lpu.map "neg" %y0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %my2 = lpu.matmul %y1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y2 = lpu.map "add" %y1, %my2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.map "exp" %y2 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %mz0 = lpu.matmul %y, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %z0 = lpu.map "add" %y, %mz0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %z1 = lpu.map "neg" %z0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %mz2 = lpu.matmul %z1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %z2 = lpu.map "add" %z1, %mz2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %z = lpu.map "exp" %z2 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %z : !lpu.tensor<[1, 4], f32>
}

// -----

// Other values of the layers that are needed outside come out stacked.
// CHECK-LABEL: @stacked
// CHECK:         %[[L:.*]], %[[M:.*]] = lpu.for "l" to <2>(%x : {{.*}}) -> !lpu.tensor<[1, 4], f32>, !lpu.tensor<[2, 1, 4], f32> {
// CHECK:           %[[A:.*]] = lpu.matmul
// CHECK:           lpu.yield %{{.*}}, %[[A]]
// CHECK:         lpu.slice %[[M]] at <[0, 0, 0]>
// CHECK-NEXT:    %[[P:.*]] = lpu.reshape
// CHECK-NEXT:    lpu.slice %[[M]] at <[1, 0, 0]>
// CHECK-NEXT:    %[[Q:.*]] = lpu.reshape
// CHECK-NEXT:    func.return %[[L]], %[[P]], %[[Q]]
func.func @stacked(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %x, %m0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %0, %m1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1, %m0, %m1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// A layer that is not like the others stays outside, with its state.
// CHECK-LABEL: @first
// CHECK:         %[[D:.*]] = lpu.state "cache.0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]>
// CHECK:         lpu.map "neg"
// CHECK:         lpu.state "cache.1" {{.*}} : !lpu.state<[2, 1, 8, 4], f32>
// CHECK:         lpu.for "l" to <2>
// CHECK-NOT:       lpu.map "neg"
func.func @first(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.state "k0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %d = lpu.state "k1" inputs <["past.k1" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k1" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %e = lpu.state "k2" inputs <["past.k2" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k2" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %n0 = lpu.reshape %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %c, %n0 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r0 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s0 = lpu.reduce "sum" %r0 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v0 = lpu.reshape %s0 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %v0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m = lpu.map "neg" %0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %n1 = lpu.reshape %m : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %d, %n1 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r1 = lpu.read %d at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s1 = lpu.reduce "sum" %r1 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v1 = lpu.reshape %s1 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %v1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %n2 = lpu.reshape %1 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %e, %n2 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r2 = lpu.read %e at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s2 = lpu.reduce "sum" %r2 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v2 = lpu.reshape %s2 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %v2, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// Layers of two shapes are two loops.
// CHECK-LABEL: @two
// CHECK:         lpu.for "l" to <2>({{.*}}) -> !lpu.tensor<[1, 4], f32>
// CHECK:         lpu.for "l1" to <2>({{.*}}) -> !lpu.tensor<[1, 8], f32>
func.func @two(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %c = lpu.constant <file("w", 192, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %x, %m0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %0, %m1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %1, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %m3 = lpu.matmul %2, %c : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %3 = lpu.map "neg" %m3 : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %m4 = lpu.matmul %3, %c : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %4 = lpu.map "neg" %m4 : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  func.return %4 : !lpu.tensor<[1, 8], f32>
}

// -----

// A value that all layers read from afar is set aside.
// CHECK-LABEL: @afar
// CHECK:         %[[E:.*]] = lpu.map "neg" %x
// CHECK:         lpu.for "l" to <3>
// CHECK:           lpu.map "add" %{{.*}}, %[[E]]
func.func @afar(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %e = lpu.map "neg" %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %s = lpu.map "exp" %e : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m0 = lpu.matmul %s, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %m0, %e : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m1 = lpu.matmul %0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %m1, %e : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %m2 = lpu.matmul %1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.map "add" %m2, %e : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// Not rolled: one layer.
// CHECK-LABEL: @one
// CHECK-SAME:    lpu.not_rolled = "no part of the model that holds a product repeats"
// CHECK-NOT:     lpu.for
func.func @one(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %m0 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.map "add" %x, %m0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %0 : !lpu.tensor<[1, 4], f32>
}

// -----

// Not rolled: without a product a loop is not worth it.
// CHECK-LABEL: @cheap
// CHECK-SAME:    lpu.not_rolled
// CHECK-NOT:     lpu.for
func.func @cheap(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "exp" %0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %2 : !lpu.tensor<[1, 4], f32>
}

// -----

// Not rolled: the second layer reads the state of the first.
// CHECK-LABEL: @shared
// CHECK-SAME:    lpu.not_rolled
// CHECK-NOT:     lpu.for
func.func @shared(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %c = lpu.state "k0" inputs <["past.k0" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k0" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %d = lpu.state "k1" inputs <["past.k1" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present.k1" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
  %n0 = lpu.reshape %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %c, %n0 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r0 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s0 = lpu.reduce "sum" %r0 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v0 = lpu.reshape %s0 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.matmul %v0, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %n1 = lpu.reshape %0 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  lpu.write %d, %n1 at <[0, P, 0]> : !lpu.state<[1, 8, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
  %r1 = lpu.read %c at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %s1 = lpu.reduce "sum" %r1 over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %v1 = lpu.reshape %s1 : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.matmul %v1, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %1 : !lpu.tensor<[1, 4], f32>
}

// -----

// Not rolled: no result depends on an input.
// CHECK-LABEL: @constant
// CHECK-SAME:    lpu.not_rolled = "no result depends on the inputs"
func.func @constant(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %s = lpu.fill "0000003f" : !lpu.tensor<[1, 4], f32>
  func.return %s : !lpu.tensor<[1, 4], f32>
}
