// RUN: xdsl-opt %s --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p cse,dce --split-input-file | filecheck %s --check-prefix=DCE

// Extents that depend on a symbol survive printing and parsing.
// CHECK-LABEL: @step
// CHECK-SAME:    !lpu.tensor<[1, P + 1], f32>
func.func @step(%x : !lpu.tensor<[1, P + 1], f32>) {
  func.return
}

// -----

// DCE-LABEL: @other
func.func @other() {
  func.return
}
// CHECK: @other
