// RUN: xdsl-opt %s --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s --print-op-generic --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s --print-op-generic --split-input-file | filecheck %s --check-prefix=GENERIC

// An instruction prints its fields in the order of the instruction set; v0 is virtual, r1 is not.
// CHECK-LABEL: @instructions
func.func @instructions() {
  // CHECK-NEXT: lpu_isa.weight <inline("0000803f", [1], f32)> at 64
  lpu_isa.weight <inline("0000803f", [1], f32)> at 64
  // CHECK-NEXT: lpu_isa.li v0, -5
  // GENERIC: "lpu_isa.li"() <{code = #lpu_isa.code<li v0, -5>}> : () -> ()
  lpu_isa.li v0, -5
  // CHECK-NEXT: lpu_isa.bge r0, r1, @end0
  lpu_isa.bge r0, r1, @end0
  // CHECK-NEXT: lpu_isa.label @loop0
  // GENERIC: "lpu_isa.label"() <{label = "loop0"}> : () -> ()
  lpu_isa.label @loop0
  // CHECK-NEXT: lpu_isa.map2 add, (r0, r0, r1, v0), f32 v1[r0, r0, v2, v3], f16 v4[r0, r0, r0, r0], bf16 r2[r0, r0, r0, v3]
  lpu_isa.map2 add, (r0, r0, r1, v0), f32 v1[r0, r0, v2, v3], f16 v4[r0, r0, r0, r0], bf16 r2[r0, r0, r0, v3]
  // CHECK-NEXT: lpu_isa.reduce sum, (v0, v0, v0, v0), f32 v1[r0, r0, r0, r0], f32 v2[r0, r0, r0, r0], 8, true
  lpu_isa.reduce sum, (v0, v0, v0, v0), f32 v1[r0, r0, r0, r0], f32 v2[r0, r0, r0, r0], 8, true
  // CHECK-NEXT: lpu_isa.loop v0, r1, 4, @loop0
  lpu_isa.loop v0, r1, 4, @loop0
  // CHECK-NEXT: lpu_isa.label @end0
  lpu_isa.label @end0
  // CHECK-NEXT: lpu_isa.halt {note = "last"}
  // GENERIC: "lpu_isa.halt"() <{code = #lpu_isa.code<halt>}> {note = "last"} : () -> ()
  lpu_isa.halt {note = "last"}
}

// -----

// The function says where the buffers of its ports lie.
// CHECK-LABEL: @ports
// CHECK-SAME: lpu_isa.inputs = [#lpu_isa.slot<f32 at 4096>]
func.func @ports() attributes {lpu_isa.inputs = [#lpu_isa.slot<f32 at 4096>]} {
  lpu_isa.halt
}
