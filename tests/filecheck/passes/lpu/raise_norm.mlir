// RUN: xdsl-opt %s -p lpu-raise-norm,dce --split-input-file | filecheck %s

// A layer norm with weight and bias: Dynamo's pow, division by a root.
// CHECK-LABEL: @layer
// CHECK-NEXT:    %w = lpu.constant
// CHECK-NEXT:    %c = lpu.constant
// CHECK-NEXT:    %y = lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f32> bias %c : !lpu.tensor<[8], f32> epsilon {{.*}} : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
// CHECK-NEXT:    func.return %y
func.func @layer(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %w = lpu.constant <file("w", 0, [8], f32)> : !lpu.tensor<[8], f32>
  %c = lpu.constant <file("w", 32, [8], f32)> : !lpu.tensor<[8], f32>
  %n = lpu.fill "00000041" : !lpu.tensor<[], f32>
  %two = lpu.fill "00000040" : !lpu.tensor<[], f32>
  %e = lpu.fill "acc52737" : !lpu.tensor<[], f32>
  %0 = lpu.reduce "sum" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "div" %0, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "sub" %x, %1 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.map "pow" %2, %two : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 8], f32>
  %4 = lpu.reduce "sum" %3 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "div" %4, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %6 = lpu.map "add" %5, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %7 = lpu.map "sqrt" %6 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %8 = lpu.map "div" %2, %7 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %9 = lpu.map "mul" %w, %8 : !lpu.tensor<[8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "add" %9, %c : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// An RMS norm of a half precision model: casts around it, the weight in half precision.
// CHECK-LABEL: @rms
// CHECK-NEXT:    %w = lpu.constant
// CHECK-NEXT:    %y = lpu.norm "rms" %x weight %w : !lpu.tensor<[8], f16> epsilon {{.*}} : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT:    func.return %y
func.func @rms(%x : !lpu.tensor<[2, 8], f16>) -> !lpu.tensor<[2, 8], f16> {
  %w = lpu.constant <file("w", 0, [8], f16)> : !lpu.tensor<[8], f16>
  %n = lpu.fill "0000003e" : !lpu.tensor<[], f32>
  %e = lpu.fill "acc52737" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %0 = lpu.cast %x : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.map "mul" %0, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.reduce "sum" %1 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "mul" %2, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "add" %3, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "sqrt" %4 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %6 = lpu.map "div" %one, %5 : !lpu.tensor<[], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %7 = lpu.map "mul" %0, %6 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %8 = lpu.cast %7 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f16>
  %y = lpu.map "mul" %8, %w : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[8], f16> -> !lpu.tensor<[2, 8], f16>
  func.return %y : !lpu.tensor<[2, 8], f16>
}

// -----

// A product with data is no weight; the cast behind the norm is its result type.
// CHECK-LABEL: @gated
// CHECK-NEXT:    %0 = lpu.norm "rms" %x epsilon {{.*}} : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT:    %y = lpu.map "mul" %0, %gate
func.func @gated(%x : !lpu.tensor<[2, 8], f32>, %gate : !lpu.tensor<[2, 8], f16>) -> !lpu.tensor<[2, 8], f16> {
  %n = lpu.fill "00000041" : !lpu.tensor<[], f32>
  %e = lpu.fill "acc52737" : !lpu.tensor<[], f32>
  %1 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.reduce "sum" %1 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "div" %2, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "add" %3, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "sqrt" %4 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %6 = lpu.map "recip" %5 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %7 = lpu.map "mul" %x, %6 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %8 = lpu.cast %7 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f16>
  %y = lpu.map "mul" %8, %gate : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  func.return %y : !lpu.tensor<[2, 8], f16>
}

// -----

// A sum divided by another number than its extent is no mean.
// CHECK-LABEL: @no_mean
// CHECK:         lpu.map "sqrt"
func.func @no_mean(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %n = lpu.fill "0000e040" : !lpu.tensor<[], f32>
  %e = lpu.fill "acc52737" : !lpu.tensor<[], f32>
  %1 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.reduce "sum" %1 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "div" %2, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "add" %3, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "sqrt" %4 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %6 = lpu.map "recip" %5 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "mul" %x, %6 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// What is divided must be what was squared.
// CHECK-LABEL: @other_dividend
// CHECK:         lpu.map "sqrt"
func.func @other_dividend(%x : !lpu.tensor<[2, 8], f32>, %z : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %n = lpu.fill "00000041" : !lpu.tensor<[], f32>
  %e = lpu.fill "acc52737" : !lpu.tensor<[], f32>
  %1 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.reduce "sum" %1 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "div" %2, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "add" %3, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "sqrt" %4 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %z, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// The sum times 1/12.
// CHECK-LABEL: @reciprocal
// CHECK-NEXT:    %y = lpu.norm "rms" %x
// CHECK-NEXT:    func.return %y
func.func @reciprocal(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "abaaaa3d" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "mul" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// The number beside 1/12 is one that is computed.
// CHECK-LABEL: @neighbour
// CHECK-NEXT:    %y = lpu.norm "rms" %x
// CHECK-NEXT:    func.return %y
func.func @neighbour(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "acaaaa3d" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "mul" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// Two steps away it is another one.
// CHECK-LABEL: @two_ulps
// CHECK-NOT:     lpu.norm
// CHECK:         func.return
func.func @two_ulps(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "adaaaa3d" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "mul" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// The sum by the number beside 12 is no mean.
// CHECK-LABEL: @almost_mean
// CHECK-NOT:     lpu.norm
// CHECK:         func.return
func.func @almost_mean(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "01004041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// The power of 2.
// CHECK-LABEL: @power
// CHECK-NEXT:    %y = lpu.norm "rms" %x
// CHECK-NEXT:    func.return %y
func.func @power(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "00004041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %p = lpu.fill "00000040" : !lpu.tensor<[], f32>
  %0 = lpu.map "pow" %x, %p : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// The power of 2.0019 is no square.
// CHECK-LABEL: @almost_square
// CHECK-NOT:     lpu.norm
// CHECK:         func.return
func.func @almost_square(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[2, 12], f32> {
  %n = lpu.fill "00004041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %p = lpu.fill "1f1f0040" : !lpu.tensor<[], f32>
  %0 = lpu.map "pow" %x, %p : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 12], f32>
  func.return %y : !lpu.tensor<[2, 12], f32>
}

// -----

// An epsilon with more axes than x makes a wider result.
// CHECK-LABEL: @wide_epsilon
// CHECK-NOT:     lpu.norm
// CHECK:         func.return
func.func @wide_epsilon(%x : !lpu.tensor<[2, 12], f32>) -> !lpu.tensor<[3, 2, 12], f32> {
  %n = lpu.fill "00004041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[3, 1, 1], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 12], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[3, 1, 1], f32> -> !lpu.tensor<[3, 2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[3, 2, 1], f32> -> !lpu.tensor<[3, 2, 1], f32>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f32>, !lpu.tensor<[3, 2, 1], f32> -> !lpu.tensor<[3, 2, 12], f32>
  func.return %y : !lpu.tensor<[3, 2, 12], f32>
}

// -----

// In f16 each step is rounded, which a norm would not do.
// CHECK-LABEL: @rounded
// CHECK-NOT:     lpu.norm
// CHECK:         func.return
func.func @rounded(%x : !lpu.tensor<[2, 12], f16>) -> !lpu.tensor<[2, 12], f16> {
  %n = lpu.fill "004a" : !lpu.tensor<[], f16>
  %e = lpu.fill "0014" : !lpu.tensor<[], f16>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 12], f16>, !lpu.tensor<[2, 12], f16> -> !lpu.tensor<[2, 12], f16>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 12], f16> -> !lpu.tensor<[2, 1], f16>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f16>, !lpu.tensor<[], f16> -> !lpu.tensor<[2, 1], f16>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f16>, !lpu.tensor<[], f16> -> !lpu.tensor<[2, 1], f16>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f16> -> !lpu.tensor<[2, 1], f16>
  %y = lpu.map "div" %x, %4 : !lpu.tensor<[2, 12], f16>, !lpu.tensor<[2, 1], f16> -> !lpu.tensor<[2, 12], f16>
  func.return %y : !lpu.tensor<[2, 12], f16>
}
