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
