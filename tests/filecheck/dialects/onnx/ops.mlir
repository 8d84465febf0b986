// RUN: xdsl-opt %s --print-debuginfo | filecheck %s
// RUN: xdsl-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC
// RUN: xdsl-opt %s --print-op-generic --print-debuginfo | xdsl-opt --print-debuginfo | filecheck %s --check-prefix=AGAIN
// RUN: xdsl-opt %s -p cse,dce | filecheck %s --check-prefix=PURE

func.func @step(%x : !lpu.tensor<[batch, P + 1], f32>, %high : !lpu.tensor<[], f32>)
    -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  // CHECK: %w = onnx.Initializer <file("model.onnx", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32> loc("w")
  // GENERIC: "onnx.Initializer"() <{value = #lpu.weight<file("model.onnx", 128, [4, 2], f32)>}> : () -> !lpu.tensor<[4, 2], f32>
  %w = onnx.Initializer <file("model.onnx", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32> loc("w")

  // CHECK: %c = onnx.Constant() {value = #lpu.weight<inline("0000c0ff000080ff00000080", [3], f32)>, since_version = 13 : i64}
  %c = onnx.Constant() {value = #lpu.weight<inline("0000c0ff000080ff00000080", [3], f32)>, since_version = 13 : i64} : () -> !lpu.tensor<[3], f32>

  // CHECK: %a = onnx.Clip(%x, %high) {since_version = 13 : i64, absent = #lpu.ints<[1]>}
  // GENERIC: "onnx.Clip"(%x, %high) <{since_version = 13 : i64, absent = #lpu.ints<[1]>}>
  %a = onnx.Clip(%x, %high) {since_version = 13 : i64, absent = #lpu.ints<[1]>} : (!lpu.tensor<[batch, P + 1], f32>, !lpu.tensor<[], f32>) -> !lpu.tensor<*, f32>

  // CHECK: %b = onnx.Gemm(%a, %w) {alpha = 1.500000e+00 : f32, transB = 1 : i64, since_version = 13 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[4, 2], f32>) -> !lpu.tensor<*, f32> loc("a\22b")
  // AGAIN: loc("w")
  // AGAIN: onnx.Gemm(%a, %w) {alpha = 1.500000e+00 : f32
  %b = onnx.Gemm(%a, %w) {alpha = 1.5 : f32, transB = 1 : i64, since_version = 13 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[4, 2], f32>) -> !lpu.tensor<*, f32> loc("a\22b")

  // CHECK: onnx.com.microsoft.FastGelu(%b) {since_version = 1 : i64}
  // PURE-COUNT-1: onnx.com.microsoft.FastGelu
  // PURE-NOT: onnx.com.microsoft.FastGelu
  %d = onnx.com.microsoft.FastGelu(%b) {since_version = 1 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  %e = onnx.com.microsoft.FastGelu(%b) {since_version = 1 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>

  // CHECK: %f, %g = onnx.Split(%e) {axis = -1 : i64, num_outputs = 2 : i64, since_version = 18 : i64}
  // PURE-NOT: onnx.Split
  %f, %g = onnx.Split(%e) {axis = -1 : i64, num_outputs = 2 : i64, since_version = 18 : i64} : (!lpu.tensor<*, f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)

  func.return %d, %e : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}
