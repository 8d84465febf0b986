// RUN: lpuc opt %s -p lpu-raise-norm,lpu-raise-activation -debug-only=raising 2>&1 | filecheck %s

// What was found is said, and what lacks for what was not.
// CHECK:      [raising] lpu-raise-norm: root: lpu.map: not: it is the root of no sum
// CHECK-NEXT: [raising] lpu-raise-activation: gate: lpu.map: stands for 2 operations
// CHECK-NEXT: builtin.module
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("gate")
  %t = lpu.map "mul" %x, %s : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %y = lpu.map "sqrt" %t : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("root")
  func.return %y : !lpu.tensor<[2], f32>
}
