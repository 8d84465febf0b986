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

// Operators of ONNX Runtime's own that are known pass like those of the standard.
// CHECK-LABEL: @microsoft
// CHECK-NEXT:    onnx.com.microsoft.FastGelu
// CHECK-NEXT:    onnx.com.microsoft.FusedMatMul
// CHECK-NEXT:    onnx.com.microsoft.SkipSimplifiedLayerNormalization
func.func @microsoft(%x : !lpu.tensor<[1, 2, 2], f32>, %w : !lpu.tensor<[2], f32>) {
  %0 = onnx.com.microsoft.FastGelu(%x) {since_version = 1 : i64} : (!lpu.tensor<[1, 2, 2], f32>) -> !lpu.tensor<*, f32>
  %1 = onnx.com.microsoft.FusedMatMul(%0, %x) {since_version = 1 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[1, 2, 2], f32>) -> !lpu.tensor<*, f32>
  %2 = onnx.com.microsoft.SkipSimplifiedLayerNormalization(%1, %x, %w) {since_version = 1 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[1, 2, 2], f32>, !lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>
  func.return
}

// -----

// All unknown operators are named, with the number of their nodes; the first node is the place.
// CHECK: node_a: Det: unsupported operators: Det (2), Unique (1); export without them, or add them
func.func @unknown(%x : !lpu.tensor<[2, 2], f32>) {
  %0 = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, f32> loc("node_a")
  %1 = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, f32> loc("node_b")
  %2 = onnx.Unique(%x) {since_version = 11 : i64} : (!lpu.tensor<[2, 2], f32>) -> !lpu.tensor<*, f32> loc("node_c")
  func.return
}
