// RUN: xdsl-opt %s -p verify --disable-verify --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A label is one place.
// CHECK: 'lpu_isa.label': the label @a stands somewhere else, too
func.func @step() {
  lpu_isa.label @a
  lpu_isa.label @a
  lpu_isa.halt
}

// -----

// A branch goes somewhere.
// CHECK: 'lpu_isa.jump': there is no label @b
func.func @step() {
  lpu_isa.jump @b
  lpu_isa.halt
}

// -----

// A register is read once it is written.
// CHECK: 'lpu_isa.mov': nothing has written v1 here
func.func @step() {
  lpu_isa.mov v0, v1
  lpu_isa.halt
}

// -----

// What only one way writes is not written behind both.
// CHECK: 'lpu_isa.mov': nothing has written v0 here
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu_isa.bge r0, r1, @end
  lpu_isa.li v0, 1
  lpu_isa.label @end
  lpu_isa.mov v1, v0
  lpu_isa.halt
}

// -----

// Symbols lie in the first registers.
// CHECK: 'lpu_isa.mov': r2 may not be used among these registers
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu_isa.mov v0, r2
  lpu_isa.halt
}

// -----

// The target has so many registers.
// CHECK: 'lpu_isa.li': r255 may not be used among these registers
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step() {
    lpu_isa.li r255, 1
    lpu_isa.halt
  }
}
