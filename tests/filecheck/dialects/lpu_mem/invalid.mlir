// RUN: xdsl-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Each buffer has a view.
// CHECK: one view for each buffer
func.func @views(%x : !lpu_mem.buffer<lmu, f32, 8>) {
  lpu_mem.copy %x, %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// A view has a stride for each axis.
// CHECK: one stride for each axis
func.func @strides(%x : !lpu_mem.buffer<lmu, f32, 8>) {
  lpu_mem.fill "00000000" %x <[2, 4] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// An iota has a base and a coefficient for each axis.
// CHECK: a base and one coefficient per axis
func.func @iota(%x : !lpu_mem.buffer<lmu, i64, 8>) {
  lpu_mem.iota <[0]> %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.return :
}

// -----

// Buffers lie in HBM or LMU.
// CHECK: Expected 'lmu'
func.func @space(%x : !lpu_mem.buffer<sram, f32, 8>) {
  lpu_mem.return :
}

// -----

// Elements have one of the machine's types.
// CHECK: unknown element type 'f64'
func.func @dtype(%x : !lpu_mem.buffer<lmu, f64, 8>) {
  lpu_mem.return :
}

// -----

// Tokens are numbers.
// CHECK: 'lpu_mem.emit': token and stop are i64
func.func @emit(%t : !lpu_mem.buffer<lmu, i64, 1>, %s : !lpu_mem.buffer<lmu, bool, 1>) {
  lpu_mem.for "i" to <8> step 1 {
    lpu_mem.emit %t, %s : !lpu_mem.buffer<lmu, i64, 1>, !lpu_mem.buffer<lmu, bool, 1>
  }
  lpu_mem.return :
}
