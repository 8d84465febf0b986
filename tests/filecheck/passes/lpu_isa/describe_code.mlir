// RUN: xdsl-opt %s -p lpu-isa-describe-code --split-input-file | filecheck %s

// Other registers, other scalars that make the same numbers, and more of them: it is the same.
// CHECK-LABEL: @step
// CHECK-SAME:  lpu_isa.meant = ["[[SAME:[0-9a-f]+]]"]
// CHECK-LABEL: @registers
// CHECK-SAME:  lpu_isa.meant = ["[[SAME]]"]
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu_isa.li v0, 4
    lpu_isa.muli v1, r1, 64
    lpu_isa.addi v2, v1, 4096
    lpu_isa.fill (v0, v0, v0, v0), f32 v2[r0, r0, r0, v0], v0
    lpu_isa.halt
  }
  func.func @registers() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu_isa.li v7, 4
    lpu_isa.li v1, 1024
    lpu_isa.muli v3, r1, 16
    lpu_isa.add v1, v1, v3
    lpu_isa.mul v1, v1, v7
    lpu_isa.li v2, 5
    lpu_isa.fill (v7, v7, v7, v7), f32 v1[r0, r0, r0, v7], v7
    lpu_isa.halt
  }
}

// -----

// An address of another device is another one.
// CHECK-LABEL: @neighbour
// CHECK-SAME:  lpu_isa.meant = [
// CHECK-NOT:   "[[SAME]]"
// CHECK-SAME:  ]
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @neighbour() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu_isa.li v0, 4
    lpu_isa.muli v1, r2, 64
    lpu_isa.addi v2, v1, 4096
    lpu_isa.fill (v0, v0, v0, v0), f32 v2[r0, r0, r0, v0], v0
    lpu_isa.halt
  }
}

// -----

// A stretch ends behind an exchange. What is in a loop, and behind a branch, is described there.
// CHECK-LABEL: @stretches
// CHECK-SAME:  lpu_isa.meant = ["{{[0-9a-f]+}}", "{{[0-9a-f]+}}"]
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @stretches() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu_isa.li v0, 4
    lpu_isa.li v5, 0
    lpu_isa.bge v5, r1, @end
    lpu_isa.label @turn
    lpu_isa.muli v1, r2, 64
    lpu_isa.muli v2, r3, 64
    lpu_isa.fill (v0, v0, v0, v0), f32 v1[r0, r0, r0, v0], v5
    lpu_isa.send left, (v0, v0, v0, v0), f32 v1[r0, r0, r0, v0]
    lpu_isa.recv right, (v0, v0, v0, v0), f32 v2[r0, r0, r0, v0]
    lpu_isa.loop v5, r1, 1, @turn
    lpu_isa.label @end
    lpu_isa.halt
  }
}

// -----

// One device exchanges nothing.
// CHECK-LABEL: @alone
// CHECK-NOT:   lpu_isa.meant
// CHECK:       lpu_isa.halt
func.func @alone() {
  lpu_isa.halt
}
