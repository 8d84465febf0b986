// RUN: lpuc opt %s -p onnx-check-operators --print-ir-after-failure --verify-diagnostics 2>&1 | filecheck %s

// What a pass that refuses has left is printed; the refusal itself is expected.
// CHECK:      // -----// IR Dump After OnnxCheckOperatorsPass Failed (onnx-check-operators) //----- //
// CHECK:      onnx.Det
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  // expected-error @below {{unsupported operators: Det (1)}}
  %y = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> loc("det")
  func.return %y : !lpu.tensor<[2], f32>
}
