// RUN: xdsl-opt %s --verify-diagnostics --split-input-file | filecheck %s

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Relu': there is no version 99
%y = onnx.Relu(%x) {since_version = 99 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Add': it takes 2 inputs, not 1
%y = onnx.Add(%x) {since_version = 14 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: property 'since_version' expected in operation 'onnx.Relu'
%y = onnx.Relu(%x) : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Relu': no version has an attribute 'alpha'
%y = onnx.Relu(%x) {alpha = 1.0 : f32, since_version = 14 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Clip': version 13 has no attribute 'max'
%y = onnx.Clip(%x) {max = 1.0 : f32, since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Concat': attribute 'axis' is required
%y = onnx.Concat(%x) {since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Softmax': attribute 'axis' must be INT
%y = onnx.Softmax(%x) {axis = 1 : i32, since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Clip': input 0 must be given
%y = onnx.Clip(%x) {absent = #lpu.ints<[0]>, since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Clip': absent = [1] leaves no input out
%y = onnx.Clip(%x) {absent = #lpu.ints<[1]>, since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>

// -----

// CHECK: 'onnx.Initializer': the weight is [4, 2] of f32, not [2, 4], f32
%w = onnx.Initializer <file("model.onnx", 0, [4, 2], f32)> : !lpu.tensor<[2, 4], f32>

// -----

%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Relu': it gives 1 outputs, not 2
%y, %z = onnx.Relu(%x) {since_version = 14 : i64} : (!lpu.tensor<[2], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)

// -----

%c = "test.op"() : () -> !lpu.tensor<[], bool>
// CHECK: 'onnx.If': a branch ends in onnx.Yield
%y = onnx.If(%c) : (!lpu.tensor<[], bool>) -> !lpu.tensor<*, f32> {
  "test.termop"() : () -> ()
} else {
  "test.termop"() : () -> ()
}

// -----

%c = "test.op"() : () -> !lpu.tensor<[], bool>
%x = "test.op"() : () -> !lpu.tensor<[], i64>
// CHECK: 'onnx.If': a branch gives the element types of the results
%y = onnx.If(%c) : (!lpu.tensor<[], bool>) -> !lpu.tensor<*, f32> {
  onnx.Yield %x : !lpu.tensor<[], i64>
} else {
  onnx.Yield %x : !lpu.tensor<[], i64>
}

// -----

// The region has an argument too few.
%n = "test.op"() : () -> !lpu.tensor<[], i64>
%c = "test.op"() : () -> !lpu.tensor<[], bool>
%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Loop': a step takes a number, a condition and the states
%y = onnx.Loop(%n, %c, %x) : (!lpu.tensor<[], i64>, !lpu.tensor<[], bool>, !lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32> {
^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>):
  onnx.Yield %on, %x : !lpu.tensor<[], bool>, !lpu.tensor<[2], f32>
}

// -----

// What ends a region says what it gives.
%n = "test.op"() : () -> !lpu.tensor<[], i64>
%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Loop': a step ends in onnx.Yield
%y = onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32> {
^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>, %s : !lpu.tensor<*, f32>):
  "test.termop"() : () -> ()
}

// -----

// A state of floats may not become one of integers.
%n = "test.op"() : () -> !lpu.tensor<[], i64>
%x = "test.op"() : () -> !lpu.tensor<[2], f32>
// CHECK: 'onnx.Loop': a step gives a condition and the element types of the results
%y = onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32> {
^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>, %s : !lpu.tensor<*, f32>):
  onnx.Yield %on, %i : !lpu.tensor<[], bool>, !lpu.tensor<[], i64>
}
