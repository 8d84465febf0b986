// RUN: xdsl-opt %s -p onnx-check-operators --split-input-file --verify-diagnostics | filecheck %s

// Operators that become views, contents or decompositions pass, and nothing changes.
// CHECK-LABEL: @known
// CHECK-NEXT:    onnx.Shape
// CHECK-NEXT:    onnx.Reshape
// CHECK-NEXT:    onnx.Relu
func.func @known(%x : !lpu.tensor<[2], f32>) {
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[2], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  %y = onnx.Relu(%r) {since_version = 14 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  func.return
}

// -----

// All unknown operators are named, with the number of their nodes; the first node is the place.
// CHECK: node_a: Det: unsupported operators: Det (2), NonZero (1); export without them, or add them
func.func @unknown(%x : !lpu.tensor<[2, 2], f32>) {
  %0 = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, f32> loc("node_a")
  %1 = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, f32> loc("node_b")
  %2 = onnx.NonZero(%x) {since_version = 13 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, i64> loc("node_c")
  func.return
}
