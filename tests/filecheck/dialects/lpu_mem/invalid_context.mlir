// RUN: xdsl-opt %s -p verify --disable-verify --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// An element lies in its buffer.
// CHECK: 'lpu_mem.fill': it leaves buffer 0, whose last element is 7
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.fill "00000000" %x <[P + 2] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Rows that can be named lie in the table.
// CHECK: 'lpu_mem.gather': it leaves buffer 1, whose last element is 7
func.func @step() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  %i = lpu_mem.alloc : !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.gather %x, %x, %i limit <3> row <4> <[4] {0: [1]} {0: [1]} {0: [0]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.return :
}

// -----

// Nothing lies before a buffer.
// CHECK: 'lpu_mem.fill': it leaves buffer 0 at its start
func.func @step() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.fill "00000000" %x <[8] {6: [-1]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// The last tile may be short.
// CHECK: 'lpu_mem.fill': it leaves buffer 0, whose last element is 7
func.func @step() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.for "i" to <8> step 3 {
    lpu_mem.min "t" = 3 or <9 + -1*i>
    lpu_mem.fill "00000000" %x <[t] {i: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  }
  lpu_mem.return :
}

// -----

// A tile's extent is gone behind its loop.
// CHECK: 'lpu_mem.fill': nothing around it binds the names t
func.func @step() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.for "i" to <8> step 4 {
    lpu_mem.min "t" = 4 or <8>
  }
  lpu_mem.fill "00000000" %x <[t] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// A tile's extent has a name of its own.
// CHECK: 'lpu_mem.min': i is bound again, it is a loop around it
func.func @step() {
  lpu_mem.for "i" to <8> step 4 {
    lpu_mem.min "i" = 4 or <8>
  }
  lpu_mem.return :
}

// -----

// A token leaves a loop.
// CHECK: 'lpu_mem.emit': no loop is right around this token
func.func @step() {
  %t = lpu_mem.alloc : !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.emit %t, %t : !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.return :
}

// -----

// Loops do not return.
// CHECK: 'lpu_mem.return': a program returns at the end of its function
func.func @step() {
  lpu_mem.for "i" to <8> step 4 {
    lpu_mem.return :
  }
  lpu_mem.return :
}

// -----

// A function of the level returns buffers.
// CHECK: 'func.func': it ends with lpu_mem.return
func.func @step() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  func.return
}

// -----

// A state lives as long as the device.
// CHECK: 'lpu_mem.state': a state belongs to the whole function
func.func @step() {
  lpu_mem.for "i" to <8> step 4 {
    %c = lpu_mem.state "c" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
  }
  lpu_mem.return :
}

// -----

// A function names a state once.
// CHECK: 'lpu_mem.state': the state 'c' is there already
func.func @step() {
  %c = lpu_mem.state "c" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
  %d = lpu_mem.state "c" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// Functions agree on a state.
// CHECK: 'lpu_mem.state': 'c' is !lpu_mem.buffer<hbm, f32, 8> in another function
func.func @step() {
  %c = lpu_mem.state "c" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}
func.func @generate() {
  %c = lpu_mem.state "c" <[4]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 4>
  lpu_mem.return :
}

// -----

// A port lies in its buffer.
// CHECK: 'lpu_mem.state': port 'p' leaves its buffer
func.func @step() {
  %c = lpu_mem.state "c" <[8]> inputs [#lpu_mem.port<"p", past, f32, [8], [1], 1>] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// Each argument has a port.
// CHECK: 'func.func': there are 2 ports for 1 inputs
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 8>) attributes {lpu_mem.inputs = [#lpu_mem.port<"p", past, f32, [8], [1], 0>, #lpu_mem.port<"p", past, f32, [8], [1], 0>]} {
  lpu_mem.return :
}

// -----

// Each argument has an address.
// CHECK: 'func.func': there is an address for each argument
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 8>) attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  lpu_mem.return :
}

// -----

// Every buffer has an address in the end.
// CHECK: 'lpu_mem.alloc': every buffer has an address by now
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Buffers lie in the memory of the target.
// CHECK: 'lpu_mem.alloc': it lies at 100 and not from 64 to 128
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %h = lpu_mem.alloc at 100 : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// Addresses come with sizes.
// CHECK: 'func.func': a function with addresses says its arena_base
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %h = lpu_mem.alloc at 64 : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// A descriptor has four axes.
// CHECK: 'lpu_mem.fill': the machine has no descriptors of 5 axes
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.fill "00000000" %x <[1, 1, 1, 1, 1] {0: [0, 0, 0, 0, 0]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// A copy is a load or a store.
// CHECK: 'lpu_mem.copy': a tile goes between HBM and LMU, not within HBM
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %h = lpu_mem.alloc at 64 : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %h, %h <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// Engines work in the LMU.
// CHECK: 'lpu_mem.map': no engine takes buffer 1 in hbm
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  %h = lpu_mem.alloc at 64 : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.map "neg" %x, %h <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// An engine may write before it has read all.
// CHECK: 'lpu_mem.map': it writes where another of its buffers lies
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  %y = lpu_mem.alloc at 28 : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.map "neg" %y, %x <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Inputs lie where the function says.
// CHECK: 'lpu_mem.copy': it writes where another of its buffers lies
func.func @step(%a : !lpu_mem.buffer<lmu, f32, 8>) attributes {lpu_mem.arguments = #lpu.ints<[32]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %x, %a <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  %y = lpu_mem.alloc at 8 : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %y, %a <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Panels stream from HBM.
// CHECK: 'lpu_mem.vecmat': no engine takes buffer 2 in lmu
func.func @step() attributes {lpu_mem.arguments = #lpu.ints<[]>, lpu_mem.params_size = 64 : i64, lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 64 : i64} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.vecmat %x, %x, %x accumulate 0 <[2, 4] {0: [0, 1]} {0: [1, 0]} {0: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// What the last device receives lies in the buffer, too.
// CHECK: 'lpu_mem.recv': it leaves buffer 0, whose last element is 17
func.func @step() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3]>} {
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 18>
  lpu_mem.recv "left" %y <[6] {6*d0: [1]}> : !lpu_mem.buffer<hbm, f32, 18>
  lpu_mem.return :
}

// -----

// Links end in the LMU.
// CHECK: 'lpu_mem.send': no engine takes buffer 0 in hbm
func.func @step(%y : !lpu_mem.buffer<hbm, f32, 18>) attributes {lpu_mem.arguments = #lpu.ints<[0]>} {
  lpu_mem.send "left" %y <[6] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 18>
  lpu_mem.return :
}

// -----

// Messages of one text are of one size.
// CHECK: 'lpu_mem.send': all devices have the same extents
func.func @step() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3]>} {
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 18>
  lpu_mem.send "left" %y <[d0] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 18>
  lpu_mem.return :
}

// -----

// A device that takes one turn more would wait for a message that nobody sends.
// CHECK: 'lpu_mem.for': all devices take the same turns
func.func @step() attributes {lpu.symbols = #lpu.symbols<[d1 in 0 to 1]>} {
  lpu_mem.for "i" from <d1> to <8> step 1 {
    lpu_mem.min "t" = 4 or <8 + -1*i>
  }
  lpu_mem.return :
}

// -----

// Nor does the length of a tile say which device it is.
// CHECK: 'lpu_mem.min': all devices have the same tiles
func.func @step() attributes {lpu.symbols = #lpu.symbols<[d1 in 0 to 1]>} {
  lpu_mem.min "t" = 4 or <d1 + 1>
  lpu_mem.return :
}
