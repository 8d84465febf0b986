// RUN: lpuc opt %s -p lpu-drop-dead,dce --mlir-pass-statistics 2>&1 | filecheck %s

// What a pass erased is counted, by the kernel for ours, and by dialects for all.
// CHECK:      pass {{ *}}inserted  erased  replaced  moved  changed  operations by dialect
// CHECK-NEXT: lpu-drop-dead         0       1         0      0        0  builtin 1, func 2, lpu 2 -> 1
// CHECK-NEXT: dce {{ *}}-       -         -      -        -  builtin 1, func 2, lpu 1
// CHECK-NEXT: builtin.module
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %dead = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %y = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %y : !lpu.tensor<[2], f32>
}
