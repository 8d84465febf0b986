// RUN: xdsl-opt %s -p lpu-merge-matmuls,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-merge-matmuls,dce --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// In a rolled body the rows of two stacks are rows of one stack.
// CHECK-LABEL: @rolled
// CHECK-NEXT:    %0 = lpu.constant <concat([file("w", 0, [2, 4, 8], f32), file("w", 256, [2, 4, 2], f32)], 2)> : !lpu.tensor<[2, 4, 10], f32>
// CHECK:           %1 = lpu.slice %0 at <[l, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[2, 4, 10], f32> -> !lpu.tensor<[1, 4, 10], f32>
// CHECK-NEXT:      %2 = lpu.reshape %1
// CHECK-NEXT:      %3 = lpu.matmul %x, %2 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 10], f32> -> !lpu.tensor<[1, 10], f32>
// CHECK-NEXT:      %y = lpu.slice %3 at <[0, 0]> {{.*}} -> !lpu.tensor<[1, 8], f32>
// CHECK-NEXT:      %z = lpu.slice %3 at <[0, 8]> {{.*}} -> !lpu.tensor<[1, 2], f32>
// LOC-LABEL: @rolled
// LOC:           lpu.matmul {{.*}} loc(fused["gate", "up"])
// LOC-NEXT:      lpu.slice {{.*}} loc("gate")
// LOC-NEXT:      lpu.slice {{.*}} loc("up")
func.func @rolled(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[2, 1, 8], f32>, !lpu.tensor<[2, 1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [2, 4, 8], f32)> : !lpu.tensor<[2, 4, 8], f32>
  %v = lpu.constant <file("w", 256, [2, 4, 2], f32)> : !lpu.tensor<[2, 4, 2], f32>
  %ys, %zs = lpu.for "l" to <2> () -> !lpu.tensor<[2, 1, 8], f32>, !lpu.tensor<[2, 1, 2], f32> {
    %0 = lpu.slice %u at <[l, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[2, 4, 8], f32> -> !lpu.tensor<[1, 4, 8], f32>
    %1 = lpu.reshape %0 : !lpu.tensor<[1, 4, 8], f32> -> !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32> loc("gate")
    %2 = lpu.slice %v at <[l, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[2, 4, 2], f32> -> !lpu.tensor<[1, 4, 2], f32>
    %3 = lpu.reshape %2 : !lpu.tensor<[1, 4, 2], f32> -> !lpu.tensor<[4, 2], f32>
    %z = lpu.matmul %x, %3 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32> loc("up")
    lpu.yield %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
  }
  func.return %ys, %zs : !lpu.tensor<[2, 1, 8], f32>, !lpu.tensor<[2, 1, 2], f32>
}

// -----

// Biases that follow each product follow the one, behind the same cast.
// CHECK-LABEL: @biases
// CHECK-NEXT:    %0 = lpu.constant <concat([file("w", 0, [4, 8], f16), file("w", 64, [4, 2], f16)], 1)>
// CHECK-NEXT:    %1 = lpu.constant <concat([file("w", 80, [8], f32), file("w", 112, [2], f32)], 0)>
// CHECK-NEXT:    %2 = lpu.matmul %x, %0
// CHECK-NEXT:    %3 = lpu.cast %2 : !lpu.tensor<[1, 10], f16> -> !lpu.tensor<[1, 10], f32>
// CHECK-NEXT:    %4 = lpu.map "add" %3, %1
// CHECK-NEXT:    lpu.slice %4 at <[0, 0]>
// CHECK-NEXT:    lpu.slice %4 at <[0, 8]>
// CHECK-NEXT:    func.return
func.func @biases(%x : !lpu.tensor<[1, 4], f16>) -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f16)> : !lpu.tensor<[4, 8], f16>
  %v = lpu.constant <file("w", 64, [4, 2], f16)> : !lpu.tensor<[4, 2], f16>
  %b = lpu.constant <file("w", 80, [8], f32)> : !lpu.tensor<[8], f32>
  %c = lpu.constant <file("w", 112, [2], f32)> : !lpu.tensor<[2], f32>
  %0 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f16>, !lpu.tensor<[4, 8], f16> -> !lpu.tensor<[1, 8], f16>
  %1 = lpu.cast %0 : !lpu.tensor<[1, 8], f16> -> !lpu.tensor<[1, 8], f32>
  %y = lpu.map "add" %b, %1 : !lpu.tensor<[8], f32>, !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %2 = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f16>, !lpu.tensor<[4, 2], f16> -> !lpu.tensor<[1, 2], f16>
  %3 = lpu.cast %2 : !lpu.tensor<[1, 2], f16> -> !lpu.tensor<[1, 2], f32>
  %z = lpu.map "add" %3, %c : !lpu.tensor<[1, 2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}

// -----

// Keys first, then queries; values are alone, what is no operand of the attention makes another.
// CHECK-LABEL: @order
// CHECK:         lpu.constant <concat([file("k", 0, [8, 4], f32), file("q", 0, [8, 8], f32)], 1)>
// CHECK:         lpu.constant <concat([file("a", 0, [8, 8], f32), file("b", 0, [8, 8], f32)], 1)>
func.func @order(%x : !lpu.tensor<[1, 8], f32>, %pk : !lpu.tensor<[1, 1, P, 4], f32>, %pv : !lpu.tensor<[1, 1, P, 4], f32>) -> (!lpu.tensor<[1, 2, 1, 4], f32>, !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 8], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %wq = lpu.constant <file("q", 0, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
  %wk = lpu.constant <file("k", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
  %wv = lpu.constant <file("v", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
  %wa = lpu.constant <file("a", 0, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
  %wb = lpu.constant <file("b", 0, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
  %a = lpu.matmul %x, %wa : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %b = lpu.matmul %x, %wb : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %q = lpu.matmul %x, %wq : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %k = lpu.matmul %x, %wk : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %v = lpu.matmul %x, %wv : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.reshape %q : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 2, 1, 4], f32>
  %1 = lpu.reshape %k : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 1, 4], f32>
  %2 = lpu.reshape %v : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 1, 4], f32>
  %3 = lpu.concat %pk, %1 axis 2 : !lpu.tensor<[1, 1, P, 4], f32>, !lpu.tensor<[1, 1, 1, 4], f32> -> !lpu.tensor<[1, 1, P + 1, 4], f32>
  %4 = lpu.concat %pv, %2 axis 2 : !lpu.tensor<[1, 1, P, 4], f32>, !lpu.tensor<[1, 1, 1, 4], f32> -> !lpu.tensor<[1, 1, P + 1, 4], f32>
  %y = lpu.attention %0, %3, %4 scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 2, 1, 4], f32>, !lpu.tensor<[1, 1, P + 1, 4], f32>, !lpu.tensor<[1, 1, P + 1, 4], f32> -> !lpu.tensor<[1, 2, 1, 4], f32>
  func.return %y, %a, %b : !lpu.tensor<[1, 2, 1, 4], f32>, !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 8], f32>
}

// -----

// A weight that something else reads would be stored twice.
// CHECK-LABEL: @shared
// CHECK-COUNT-2: lpu.matmul
func.func @shared(%x : !lpu.tensor<[4, 4], f32>) -> (!lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 2], f32>, !lpu.tensor<[4, 4], f32>) {
  %u = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %v = lpu.constant <file("w", 64, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[4, 2], f32>
  %s = lpu.map "add" %x, %u : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  func.return %y, %z, %s : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 2], f32>, !lpu.tensor<[4, 4], f32>
}

// -----

// Products of different left sides stay.
// CHECK-LABEL: @different
// CHECK-COUNT-2: lpu.matmul
func.func @different(%x : !lpu.tensor<[1, 4], f32>, %w : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.matmul %w, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}

// -----

// Functions that read the same weights in the same way agree on one weight.
// CHECK-LABEL: @step
// CHECK:         lpu.constant <concat([file("w", 0, [4, 8], f32), file("w", 128, [4, 2], f32)], 1)>
// CHECK-COUNT-1: lpu.matmul
// CHECK-LABEL: @generate
// CHECK:         lpu.constant <concat([file("w", 0, [4, 8], f32), file("w", 128, [4, 2], f32)], 1)>
// CHECK-COUNT-1: lpu.matmul
func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}
func.func @generate(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}

// -----

// If one of them reads a weight alone, none is merged.
// CHECK-LABEL: @step
// CHECK-COUNT-2: lpu.matmul
// CHECK-LABEL: @generate
func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}
func.func @generate(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 2], f32> {
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %z : !lpu.tensor<[1, 2], f32>
}

// -----

// A weight that stands behind the first product: the one of all stands in front of it.
// CHECK-LABEL: @behind
// CHECK:         %[[w:.*]] = lpu.constant <concat([file("k", 0, [8, 4], f32), file("q", 0, [8, 8], f32)], 1)>
// CHECK:         lpu.matmul %x, %[[w]]
func.func @behind(%x : !lpu.tensor<[1, 8], f32>, %pk : !lpu.tensor<[1, 1, P, 4], f32>, %pv : !lpu.tensor<[1, 1, P, 4], f32>) -> !lpu.tensor<[1, 2, 1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %wq = lpu.constant <file("q", 0, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
  %q = lpu.matmul %x, %wq : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %wk = lpu.constant <file("k", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
  %k = lpu.matmul %x, %wk : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %wv = lpu.constant <file("v", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
  %v = lpu.matmul %x, %wv : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %0 = lpu.reshape %q : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 2, 1, 4], f32>
  %1 = lpu.reshape %k : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 1, 4], f32>
  %2 = lpu.reshape %v : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1, 1, 4], f32>
  %3 = lpu.concat %pk, %1 axis 2 : !lpu.tensor<[1, 1, P, 4], f32>, !lpu.tensor<[1, 1, 1, 4], f32> -> !lpu.tensor<[1, 1, P + 1, 4], f32>
  %4 = lpu.concat %pv, %2 axis 2 : !lpu.tensor<[1, 1, P, 4], f32>, !lpu.tensor<[1, 1, 1, 4], f32> -> !lpu.tensor<[1, 1, P + 1, 4], f32>
  %y = lpu.attention %0, %3, %4 scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 2, 1, 4], f32>, !lpu.tensor<[1, 1, P + 1, 4], f32>, !lpu.tensor<[1, 1, P + 1, 4], f32> -> !lpu.tensor<[1, 2, 1, 4], f32>
  func.return %y : !lpu.tensor<[1, 2, 1, 4], f32>
}
