// RUN: xdsl-opt %s -p verify --disable-verify --split-input-file --verify-diagnostics | filecheck %s

// What is right stays as it is.
// CHECK-LABEL: @right
// CHECK: lpu.map "neg" %x
func.func @right(%x : !lpu.tensor<[P], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.map "neg" %x : !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
  func.return
}

// -----

// What xDSL's verifier lets pass is refused; `dialects/*/invalid_context.mlir` has all that is.
// CHECK: 'test.op': nothing around it binds the names Q
func.func @wrong() {
  %x = "test.op"() : () -> !lpu.tensor<[8], f32>
  %y = "lpu.map"(%x) <{fn = "neg"}> : (!lpu.tensor<[8], f32>) -> !lpu.tensor<[8], f32>
  %z = "test.op"() : () -> !lpu.tensor<[Q], f32>
  %u = lpu.map "neg" %z : !lpu.tensor<[Q], f32> -> !lpu.tensor<[Q], f32>
  func.return
}
