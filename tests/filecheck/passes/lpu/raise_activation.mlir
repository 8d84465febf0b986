// RUN: xdsl-opt %s -p lpu-raise-activation,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-raise-activation,dce --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// x * sigmoid(x), in either order, is silu, located at both nodes.
// CHECK-LABEL: @silu
// CHECK-NEXT:    %y = lpu.map "silu" %x
// CHECK-NEXT:    func.return %y
// LOC-LABEL: @silu
// LOC-NEXT:      lpu.map "silu" {{.*}} loc(fused["sigmoid", "mul"])
func.func @silu(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32> loc("sigmoid")
  %y = lpu.map "mul" %s, %x : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32> loc("mul")
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// A gate of something else is none.
// CHECK-LABEL: @gate
// CHECK-NEXT:    lpu.map "sigmoid" %x
func.func @gate(%x : !lpu.tensor<[8], f32>, %z : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %s, %z : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// If the sigmoid is read by others, nothing is saved.
// CHECK-LABEL: @shared
// CHECK-NEXT:    lpu.map "sigmoid" %x
func.func @shared(%x : !lpu.tensor<[8], f32>) -> (!lpu.tensor<[8], f32>, !lpu.tensor<[8], f32>) {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %s, %x : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  func.return %y, %s : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32>
}

// -----

// Division by sqrt(2), erf, plus 1, times x, times 0.5: TorchScript.
// CHECK-LABEL: @erf
// CHECK-NEXT:    %y = lpu.map "gelu" %x
// CHECK-NEXT:    func.return %y
func.func @erf(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %root = lpu.fill "f304b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// 0.5 x (1 + tanh(0.7979 (x + 0.0447 x^3))): pow, as Dynamo writes it. The product with a gate
// that follows stays.
// CHECK-LABEL: @tanh
// CHECK-NEXT:    %h = lpu.map "gelu_tanh" %x
// CHECK-NEXT:    %y = lpu.map "mul" %h, %gate
// CHECK-NEXT:    func.return %y
func.func @tanh(%x : !lpu.tensor<[8], f32>, %gate : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %three = lpu.fill "00004040" : !lpu.tensor<[], f32>
  %cubic = lpu.fill "1327373d" : !lpu.tensor<[], f32>
  %linear = lpu.fill "2a424c3f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "pow" %x, %three : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "mul" %1, %cubic : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "add" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %4 = lpu.map "mul" %3, %linear : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %5 = lpu.map "tanh" %4 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %6 = lpu.map "add" %5, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %h = lpu.map "mul" %0, %6 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %h, %gate : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// The same curve factored: 0.7979 x (1 + 0.0447 x x), as Bloom has it.
// CHECK-LABEL: @factored
// CHECK-NEXT:    %y = lpu.map "gelu_tanh" %x
// CHECK-NEXT:    func.return %y
func.func @factored(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %cubic = lpu.fill "1327373d" : !lpu.tensor<[], f32>
  %linear = lpu.fill "2a424c3f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "mul" %x, %linear : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "mul" %x, %cubic : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %2, %x : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %4 = lpu.map "add" %3, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %5 = lpu.map "mul" %1, %4 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %6 = lpu.map "tanh" %5 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %7 = lpu.map "add" %6, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %0, %7 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// Another argument of erf (x times 1) makes another function.
// CHECK-LABEL: @other
// CHECK:         lpu.map "erf" %x
func.func @other(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %1 = lpu.map "erf" %x : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// Bodies of loops are looked through.
// CHECK-LABEL: @loop
// CHECK:         lpu.map "silu"
func.func @loop(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %y = lpu.for "l" to <2> (%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  ^bb0(%a : !lpu.tensor<[8], f32>):
    %s = lpu.map "sigmoid" %a : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
    %b = lpu.map "mul" %a, %s : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
    lpu.yield %b : !lpu.tensor<[8], f32>
  }
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// The number beside sqrt(2): exporters compute it in their own way.
// CHECK-LABEL: @neighbour
// CHECK-NEXT:    %y = lpu.map "gelu" %x
// CHECK-NEXT:    func.return %y
func.func @neighbour(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %root = lpu.fill "f404b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// Two steps away from sqrt(2) it is another number.
// CHECK-LABEL: @two_ulps
// CHECK:         lpu.map "erf"
func.func @two_ulps(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %root = lpu.fill "f504b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// The number beside 1 is not 1.
// CHECK-LABEL: @beside_one
// CHECK:         lpu.map "erf"
func.func @beside_one(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %root = lpu.fill "f304b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0100803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// Nor is 0.5005 a half.
// CHECK-LABEL: @almost_half
// CHECK:         lpu.map "erf"
func.func @almost_half(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %root = lpu.fill "f304b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "c520003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// sqrt(2) as f16 has it, and that is the number where it came through f16.
// CHECK-LABEL: @short_number
// CHECK-NEXT:    %y = lpu.map "gelu" %x
// CHECK-NEXT:    func.return %y
func.func @short_number(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %h = lpu.fill "a83d" : !lpu.tensor<[], f16>
  %root = lpu.cast %h : !lpu.tensor<[], f16> -> !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// Two steps of f16 are as wrong as two of f32.
// CHECK-LABEL: @short_two_ulps
// CHECK:         lpu.map "erf"
func.func @short_two_ulps(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32> {
  %h = lpu.fill "aa3d" : !lpu.tensor<[], f16>
  %root = lpu.cast %h : !lpu.tensor<[], f16> -> !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  func.return %y : !lpu.tensor<[8], f32>
}

// -----

// A number with more axes than x makes a wider result.
// CHECK-LABEL: @widened
// CHECK:         lpu.map "erf"
func.func @widened(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %root = lpu.fill "f304b53f" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %half = lpu.fill "0000003f" : !lpu.tensor<[2, 1], f32>
  %0 = lpu.map "div" %x, %root : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %1 = lpu.map "erf" %0 : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %2 = lpu.map "add" %1, %one : !lpu.tensor<[8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[8], f32>
  %3 = lpu.map "mul" %x, %2 : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.map "mul" %3, %half : !lpu.tensor<[8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// In f16 the sigmoid is rounded, which silu would not do.
// CHECK-LABEL: @rounded
// CHECK-NEXT:    lpu.map "sigmoid"
func.func @rounded(%x : !lpu.tensor<[8], f16>) -> !lpu.tensor<[8], f16> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f16>
  %y = lpu.map "mul" %x, %s : !lpu.tensor<[8], f16>, !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f16>
  func.return %y : !lpu.tensor<[8], f16>
}

// -----

// From f16 to f32 and back: one operation in f16 rounds as often, once.
// CHECK-LABEL: @casts
// CHECK-NEXT:    %y = lpu.map "silu" %h : !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f16>
// CHECK-NEXT:    func.return %y
func.func @casts(%h : !lpu.tensor<[8], f16>) -> !lpu.tensor<[8], f16> {
  %x = lpu.cast %h : !lpu.tensor<[8], f16> -> !lpu.tensor<[8], f32>
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %m = lpu.map "mul" %x, %s : !lpu.tensor<[8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.cast %m : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f16>
  func.return %y : !lpu.tensor<[8], f16>
}
