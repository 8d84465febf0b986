// RUN: xdsl-opt %s -p "lpu-mem-promote{lmu=512}" --split-input-file | filecheck %s

// What fits lies in the LMU, at an address of its own; inputs stay where the host puts them.
// CHECK-LABEL: @fits
// CHECK-SAME:    (%x: !lpu_mem.buffer<hbm, f32, 9>) attributes {lpu_mem.resident = 100 : i64}
// CHECK-NEXT:    %0 = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 9>
// CHECK-NEXT:    %1 = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f32, 9>
// CHECK-NEXT:    lpu_mem.map "neg" %0, %x {{.*}} : !lpu_mem.buffer<lmu, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
// CHECK-NEXT:    lpu_mem.map "neg" %1, %0 {{.*}} : !lpu_mem.buffer<lmu, f32, 9>, !lpu_mem.buffer<lmu, f32, 9>
func.func @fits(%x : !lpu_mem.buffer<hbm, f32, 9>) {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.map "neg" %0, %x <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.map "neg" %1, %0 <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.return :
}

// -----

// What is returned stays in HBM, where the host reads it; so do weights and states.
// CHECK-LABEL: @returned
// CHECK-SAME:    lpu_mem.resident = 0
// CHECK-NEXT:    %w = lpu_mem.param <inline("0000803f", [1], f32)> : !lpu_mem.buffer<hbm, f32, 1>
// CHECK-NEXT:    %c = lpu_mem.state "c" <[1]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 1>
// CHECK-NEXT:    %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 1>
func.func @returned() {
  %w = lpu_mem.param <inline("0000803f", [1], f32)> : !lpu_mem.buffer<hbm, f32, 1>
  %c = lpu_mem.state "c" <[1]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 1>
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 1>
  lpu_mem.map "neg" %y, %w <[1] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1>
  lpu_mem.map "neg" %c, %y <[1] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 1>
}

// -----

// What an engine streams or looks up stays in HBM: the panel of a product, not its other operands.
// CHECK-LABEL: @direct
// CHECK-NEXT:    %x = lpu_mem.alloc at {{[0-9]+}} : !lpu_mem.buffer<lmu, f32, 3>
// CHECK-NEXT:    %w = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
// CHECK-NEXT:    %y = lpu_mem.alloc at {{[0-9]+}} : !lpu_mem.buffer<lmu, f32, 4>
func.func @direct() {
  %x = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 3>
  %w = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 12>
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 4>
  lpu_mem.fill "00000000" %w <[12] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 12>
  lpu_mem.fill "00000000" %x <[3] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 3, 4] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 4, 1]}> : !lpu_mem.buffer<hbm, f32, 4>, !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 12>
  lpu_mem.return :
}

// -----

// No room for both: the small one is worth more, the large one stays.
// CHECK-LABEL: @room
// CHECK-NEXT:    %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 120>
// CHECK-NEXT:    %1 = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 17>
func.func @room() {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 120>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 17>
  lpu_mem.fill "00000000" %0 <[120] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.map "neg" %1, %0 <[17] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 17>, !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.return :
}

// -----

// Larger than all the room: it stays.
// CHECK-LABEL: @large
// CHECK-NEXT:    lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 129>
func.func @large() {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 129>
  lpu_mem.fill "00000000" %0 <[129] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 129>
  lpu_mem.return :
}

// -----

// Buffers that are not in use at once share an address: room for two of them is room for all.
// CHECK-LABEL: @shared
// CHECK-SAME:    lpu_mem.resident = 496
// CHECK-NEXT:    %0 = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu
// CHECK-NEXT:    %1 = lpu_mem.alloc at 256 : !lpu_mem.buffer<lmu
// CHECK-NEXT:    %2 = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu
func.func @shared(%x : !lpu_mem.buffer<hbm, f32, 60>) {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 60>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 60>
  %2 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.map "neg" %0, %x <[60] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.map "neg" %1, %0 <[60] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.map "neg" %2, %1 <[60] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.map "neg" %x, %2 <[60] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.return :
}

// -----

// A buffer from outside of a loop is in use as long as the loop: what comes in the body before or
// behind its only use there is apart. One that is made in the body is not.
// CHECK-LABEL: @loop
// CHECK-NEXT:    %0 = lpu_mem.alloc at 0
// CHECK-NEXT:    lpu_mem.for
// CHECK-NEXT:      %1 = lpu_mem.alloc at 64
// CHECK:           %2 = lpu_mem.alloc at 64
// CHECK:         %3 = lpu_mem.alloc at 0
func.func @loop(%x : !lpu_mem.buffer<hbm, f32, 9>) {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.for "l" to <4> step 1 {
    %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "neg" %1, %x <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "neg" %0, %x <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
    %2 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "neg" %2, %x <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  }
  %3 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.map "neg" %3, %x <[9] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.return :
}

// -----

// What devices exchange finds room before smaller buffers do.
// CHECK-LABEL: @exchanged
// CHECK-SAME:    lpu_mem.resident = 480
// CHECK-NEXT:    %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 60>
// CHECK-NEXT:    %1 = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 120>
func.func @exchanged(%x : !lpu_mem.buffer<hbm, f32, 60>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 60>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.map "neg" %0, %x <[60] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.map "neg" %1, %0 <[60] {60*d0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 120>, !lpu_mem.buffer<hbm, f32, 60>
  lpu_mem.send "left" %1 <[60] {60*d0: [1]}> : !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.recv "right" %1 <[60] {60*d1: [1]}> : !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.map "add" %x, %1, %1 <[60] {0: [1]} {0: [1]} {60: [1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 120>, !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.return :
}

// -----

// What a product reads is not written over before its result is read, if there is room: the product
// may still go on.
// CHECK-LABEL: @at_work
// CHECK:         %x = lpu_mem.alloc at [[AT:[0-9]+]] :
// CHECK-NOT:     %t = lpu_mem.alloc at [[AT]] :
// CHECK:         lpu_mem.vecmat
func.func @at_work(%y : !lpu_mem.buffer<hbm, f32, 3>) {
  %w = lpu_mem.param <file("w", 0, [3, 3], f32)> : !lpu_mem.buffer<hbm, f32, 9>
  %x = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 3>
  %t = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 3>
  %p = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.map "neg" %x, %y <[3] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.vecmat %p, %x, %w accumulate 0 <[1, 3, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 3]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.map "exp" %t, %y <[3] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.map "add" %y, %t, %p <[3] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.return :
}
