// RUN: xdsl-opt %s | xdsl-opt | filecheck %s

// A loop prints its region with what each step takes, and which of its bounds are left out.
// CHECK-LABEL: @loop
func.func @loop(%n : !lpu.tensor<[], i64>, %x : !lpu.tensor<[2], f32>) {
  // CHECK-NEXT: onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[2], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  // CHECK-NEXT: ^bb0(%i: !lpu.tensor<[], i64>, %on: !lpu.tensor<[], bool>, %s: !lpu.tensor<*, f32>):
  // CHECK-NEXT: onnx.Neg(%s)
  // CHECK-NEXT: onnx.Yield %on,
  %y, %ys = onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[2], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  ^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>, %s : !lpu.tensor<*, f32>):
    %t = onnx.Neg(%s) {since_version = 13 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
    onnx.Yield %on, %t, %t : !lpu.tensor<[], bool>, !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
  }
  func.return
}
