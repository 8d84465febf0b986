// RUN: xdsl-opt %s | xdsl-opt | filecheck %s

// An If has a condition, two regions, and what they yield.
func.func @step(%c : !lpu.tensor<[], bool>, %x : !lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32> {
  // CHECK: onnx.If(%c) {node.origin = "n"} : (!lpu.tensor<[], bool>) -> !lpu.tensor<*, f32> {
  // CHECK-NEXT: onnx.Yield %x : !lpu.tensor<[2], f32>
  // CHECK-NEXT: } else {
  // CHECK-NEXT: onnx.Neg(%x) {since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32>
  // CHECK-NEXT: onnx.Yield %{{.*}} : !lpu.tensor<[2], f32>
  // CHECK-NEXT: }
  %y = onnx.If(%c) {node.origin = "n"} : (!lpu.tensor<[], bool>) -> !lpu.tensor<*, f32> {
    onnx.Yield %x : !lpu.tensor<[2], f32>
  } else {
    %n = onnx.Neg(%x) {since_version = 13 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32>
    onnx.Yield %n : !lpu.tensor<[2], f32>
  }
  func.return %y : !lpu.tensor<*, f32>
}
