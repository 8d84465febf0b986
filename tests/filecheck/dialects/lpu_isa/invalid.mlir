// RUN: xdsl-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// r0 cannot be written.
// CHECK: 'lpu_isa.li': the machine has no such instruction: li: rd: r0 always reads 0 and cannot be written
func.func @zero() {
  lpu_isa.li r0, 1
  lpu_isa.halt
}

// -----

// Rules of the instruction hold for virtual registers too.
// CHECK: 'lpu_isa.load': the machine has no such instruction: load: element types differ
func.func @types() {
  lpu_isa.load (v0, v0, v0, v0), f32 v1[r0, r0, r0, r0], f16 v2[r0, r0, r0, r0]
  lpu_isa.halt
}

// -----

// Functions are those of the machine.
// CHECK: unknown function 'plus'
func.func @function() {
  lpu_isa.map2 plus, (v0, v0, v0, v0), f32 v1[r0, r0, r0, r0], f32 v2[r0, r0, r0, r0], f32 v2[r0, r0, r0, r0]
  lpu_isa.halt
}

// -----

// An immediate fits its field.
// CHECK: is not an integer from
func.func @immediate() {
  lpu_isa.addi v0, v1, 2147483648
  lpu_isa.halt
}

// -----

// The machine has 256 registers.
// CHECK: the machine has no register 'r256'
func.func @registers() {
  lpu_isa.li r256, 1
  lpu_isa.halt
}

// -----

// A register is not a number.
// CHECK: expected a register, got 'x1'
func.func @name() {
  lpu_isa.mov v0, x1
  lpu_isa.halt
}

// -----

// An operand has four strides.
// CHECK: an operand has four strides
func.func @strides() {
  lpu_isa.cast (v0, v0, v0, v0), f32 v1[r0, r0, r0], f32 v1[r0, r0, r0, r0]
  lpu_isa.halt
}

// -----

// Four extents.
// CHECK: is not a tuple of four register ids
func.func @extents() {
  lpu_isa.cast (v0, v0, v0), f32 v1[r0, r0, r0, r0], f32 v1[r0, r0, r0, r0]
  lpu_isa.halt
}

// -----

// The generic form cannot put one instruction into the operation of another.
// CHECK: 'lpu_isa.li': it holds the instruction 'halt'
func.func @other() {
  "lpu_isa.li"() <{code = #lpu_isa.code<halt>}> : () -> ()
  lpu_isa.halt
}

// -----

// CHECK: unknown instruction 'nop'
func.func @unknown() {
  "lpu_isa.li"() <{code = #lpu_isa.code<nop>}> : () -> ()
  lpu_isa.halt
}
