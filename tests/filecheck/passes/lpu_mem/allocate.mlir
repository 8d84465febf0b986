// RUN: xdsl-opt %s -p lpu-mem-allocate --split-input-file | filecheck %s

// Weights come first, 64-byte aligned; equal ones are stored once; the arena follows.
// CHECK-LABEL: @weights
// CHECK-SAME: lpu_mem.params_size = 72 : i64, lpu_mem.arena_base = 128 : i64, lpu_mem.arena_size = 0 : i64
func.func @weights() {
  // CHECK-NEXT: lpu_mem.param <file("w", 0, [3], f32)> at 0
  // CHECK-NEXT: lpu_mem.param <file("w", 12, [2], f32)> at 64
  // CHECK-NEXT: lpu_mem.param <file("w", 0, [3], f32)> at 0
  %0 = lpu_mem.param <file("w", 0, [3], f32)> : !lpu_mem.buffer<hbm, f32, 3>
  %1 = lpu_mem.param <file("w", 12, [2], f32)> : !lpu_mem.buffer<hbm, f32, 2>
  %2 = lpu_mem.param <file("w", 0, [3], f32)> : !lpu_mem.buffer<hbm, f32, 3>
  lpu_mem.return :
}

// -----

// A buffer takes the place of one that is not used any more.
// CHECK-LABEL: @reuse
func.func @reuse(%x : !lpu_mem.buffer<lmu, f32, 4>) {
  // CHECK-NEXT: %l
  %l = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  // CHECK-NEXT: %0 = lpu_mem.alloc at 64
  // CHECK-NEXT: lpu_mem.copy %0, %l
  // CHECK-NEXT: %1 = lpu_mem.alloc at 64
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %0, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %1, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Not reused: the first buffer is read later. A small buffer is aligned to its size.
// CHECK-LABEL: @overlap
func.func @overlap() {
  // CHECK-NEXT: %l
  %l = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  // CHECK-NEXT: %0 = lpu_mem.alloc at 0
  // CHECK-NEXT: %1 = lpu_mem.alloc at 32
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %0, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %l, %0 <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %1, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %0, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Inputs and outputs keep their places for the whole program.
// CHECK-LABEL: @ports
// CHECK-SAME: lpu_mem.arguments = #lpu.ints<[0]>
func.func @ports(%x : !lpu_mem.buffer<hbm, f32, 8>) {
  // CHECK-NEXT: %l
  %l = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  // CHECK-NEXT: %y = lpu_mem.alloc at 64
  // CHECK-NEXT: %t = lpu_mem.alloc at 128
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  %t = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.copy %y, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %t, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 8>
}

// -----

// Tiles take turns in the LMU: each lies behind the one before, also from nest to nest.
// CHECK-LABEL: @nests
func.func @nests() {
  // CHECK-NEXT: lpu_mem.for "i"
  // CHECK-NEXT:   %0 = lpu_mem.alloc at 0
  lpu_mem.for "i" to <8> step 1 {
    %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
    // CHECK:        lpu_mem.for "j"
    // CHECK-NEXT:     %1 = lpu_mem.alloc at 32
    lpu_mem.for "j" to <8> step 1 {
      %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
      lpu_mem.copy %1, %0 <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
    }
    // CHECK:        %2 = lpu_mem.alloc at 64
    %2 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
    lpu_mem.fill "00000000" %2 <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  }
  // CHECK:      lpu_mem.for "k"
  // CHECK-NEXT:   %3 = lpu_mem.alloc at 96
  lpu_mem.for "k" to <8> step 1 {
    %3 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
    lpu_mem.fill "00000000" %3 <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  }
  lpu_mem.return :
}

// -----

// A buffer that lives over a loop nest keeps its place in it, also if it is used there only; others
// go around it at the end of the LMU.
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  // CHECK-LABEL: @over
  func.func @over() {
    // CHECK-NEXT: %0 = lpu_mem.alloc at 0
    %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 900>
    lpu_mem.for "i" to <8> step 1 {
      // CHECK: %1 = lpu_mem.alloc at 3648
      %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 900>
      lpu_mem.fill "00000000" %1 <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 900>
      lpu_mem.fill "00000000" %0 <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 900>
      // CHECK: %2 = lpu_mem.alloc at 3648
      %2 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 900>
      lpu_mem.fill "00000000" %2 <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 900>
    }
    lpu_mem.return :
  }
}

// -----

// What fits only without gaps is packed at 8 bytes.
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  // CHECK-LABEL: @tight
  func.func @tight() {
    lpu_mem.for "i" to <8> step 1 {
      // CHECK: %0 = lpu_mem.alloc at 0
      // CHECK: %1 = lpu_mem.alloc at 3848
      %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 961>
      %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 958>
      lpu_mem.copy %1, %0 <[958] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 958>, !lpu_mem.buffer<lmu, f32, 961>
    }
    lpu_mem.return :
  }
}

// -----

// Tiles lie behind what is resident, which keeps its address.
// CHECK-LABEL: @resident
func.func @resident() attributes {lpu_mem.resident = 100 : i64} {
  // CHECK-NEXT: %0 = lpu_mem.alloc at 64
  // CHECK-NEXT: %1 = lpu_mem.alloc at 128
  %0 = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f32, 8>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.copy %1, %0 <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// States come before the buffers of the functions, and a name has one place in all of them.
builtin.module {
  // CHECK-LABEL: @step
  // CHECK-SAME:  lpu_mem.arena_base = 0 : i64, lpu_mem.arena_size = 256 : i64
  func.func @step() {
    // CHECK-NEXT: lpu_mem.state "a" <[8]> inputs [] outputs [] at 0
    // CHECK-NEXT: lpu_mem.alloc at 192
    %a = lpu_mem.state "a" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
    %t = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8>
    %l = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
    lpu_mem.copy %l, %a <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<hbm, f32, 8>
    lpu_mem.copy %t, %l <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
    lpu_mem.return :
  }
  // CHECK-LABEL: @generate
  // CHECK-SAME:  lpu_mem.arguments = #lpu.ints<[192]>
  // CHECK-SAME:  lpu_mem.arena_base = 0 : i64, lpu_mem.arena_size = 256 : i64
  func.func @generate(%x : !lpu_mem.buffer<hbm, f32, 8>) {
    // CHECK-NEXT: lpu_mem.state "b" <[24]> inputs [] outputs [] at 64
    // CHECK-NEXT: lpu_mem.state "a" <[8]> inputs [] outputs [] at 0
    %b = lpu_mem.state "b" <[24]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 24>
    %a = lpu_mem.state "a" <[8]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>
    lpu_mem.return :
  }
}
