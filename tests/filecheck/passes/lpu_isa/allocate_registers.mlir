// RUN: xdsl-opt %s -p lpu-isa-allocate-registers --split-input-file | filecheck %s

// Symbols keep their registers, a register is free after its last use, constants are made where used.
// CHECK-LABEL: @straight
func.func @straight() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>} {
  // CHECK-NEXT: lpu_isa.addi r2, r1, 4
  // CHECK-NEXT: lpu_isa.muli r2, r2, 8
  // CHECK-NEXT: lpu_isa.li r3, 7
  // CHECK-NEXT: lpu_isa.fill (r3, r3, r3, r3), f32 r2[r0, r0, r0, r0], r0
  lpu_isa.li v0, 7
  lpu_isa.li v1, 8
  lpu_isa.addi v2, r1, 4
  lpu_isa.muli v3, v2, 8
  lpu_isa.fill (v0, v0, v0, v0), f32 v3[r0, r0, r0, r0], r0
  lpu_isa.halt
}

// -----

// Loop variables and the constants of a loop have registers of their own, loaded before it.
// CHECK-LABEL: @pinned
func.func @pinned() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>} {
  // CHECK-NEXT: lpu_isa.li [[I:r[0-9]+]], 0
  // CHECK-NEXT: lpu_isa.li [[C:r[0-9]+]], 7
  // CHECK-NEXT: lpu_isa.label @loop0
  // CHECK-NEXT: lpu_isa.fill ([[C]], [[C]], [[C]], [[C]]), f32 [[I]][r0, r0, r0, r0], r0
  // CHECK-NEXT: lpu_isa.loop [[I]], r1, 4, @loop0
  lpu_isa.li v0, 7
  lpu_isa.li v1, 0
  lpu_isa.label @loop0
  lpu_isa.fill (v0, v0, v0, v0), f32 v1[r0, r0, r0, r0], r0
  lpu_isa.loop v1, r1, 4, @loop0
  lpu_isa.halt
}

// -----

// The machine has 18 registers, and 20 values are alive at once: what is used last is stored.
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  // CHECK-LABEL: @spilled
  func.func @spilled() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>} {
    // CHECK:     lpu_isa.addi [[A:r[0-9]+]], r1, 76
    // CHECK-NEXT: lpu_isa.sts [[A]], [[SLOT:[0-9]+]]
    lpu_isa.addi v0, r1, 4
    lpu_isa.addi v1, r1, 8
    lpu_isa.addi v2, r1, 12
    lpu_isa.addi v3, r1, 16
    lpu_isa.addi v4, r1, 20
    lpu_isa.addi v5, r1, 24
    lpu_isa.addi v6, r1, 28
    lpu_isa.addi v7, r1, 32
    lpu_isa.addi v8, r1, 36
    lpu_isa.addi v9, r1, 40
    lpu_isa.addi v10, r1, 44
    lpu_isa.addi v11, r1, 48
    lpu_isa.addi v12, r1, 52
    lpu_isa.addi v13, r1, 56
    lpu_isa.addi v14, r1, 60
    lpu_isa.addi v15, r1, 64
    lpu_isa.addi v16, r1, 68
    lpu_isa.addi v17, r1, 72
    lpu_isa.addi v18, r1, 76
    lpu_isa.addi v19, r1, 80
    lpu_isa.fill (v0, v1, v2, v3), f32 v4[v5, v6, v7, v8], r0
    lpu_isa.fill (v9, v10, v11, v12), f32 v13[v14, v15, v16, v17], r0
    // CHECK:     lpu_isa.lds [[B:r[0-9]+]], [[SLOT]]
    // CHECK-NEXT: lpu_isa.fill {{.*}}, f32 [[B]][r0, r0, r0, {{r[0-9]+}}]
    lpu_isa.fill (v0, v1, v2, v3), f32 v18[r0, r0, r0, v19], r0
    lpu_isa.halt
  }
}

// -----

// Where symbols leave too few registers, those that are used least are stored first of all.
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  // CHECK-LABEL: @symbols
  func.func @symbols() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8, d0 in 0 to 7, d1 in 0 to 7, d2 in 0 to 7, d3 in 0 to 7, d4 in 0 to 7, d5 in 0 to 7, d6 in 0 to 7, d7 in 0 to 7]>} {
    // CHECK-NEXT: lpu_isa.sts r8, [[D6:[0-9]+]]
    // CHECK-NEXT: lpu_isa.sts r9, [[D7:[0-9]+]]
    // CHECK-NOT:  lpu_isa.sts
    // CHECK:      lpu_isa.lds [[A:r[0-9]+]], [[D6]]
    // CHECK-NEXT: lpu_isa.muli {{r[0-9]+}}, [[A]], 40
    // CHECK-NEXT: lpu_isa.lds [[B:r[0-9]+]], [[D7]]
    // CHECK-NEXT: lpu_isa.muli {{r[0-9]+}}, [[B]], 44
    lpu_isa.muli v0, r1, 4
    lpu_isa.muli v1, r1, 8
    lpu_isa.muli v2, r2, 12
    lpu_isa.muli v3, r3, 16
    lpu_isa.muli v4, r4, 20
    lpu_isa.muli v5, r5, 24
    lpu_isa.muli v6, r6, 28
    lpu_isa.muli v7, r7, 32
    lpu_isa.fill (r2, r3, r4, r5), f32 v4[r6, r7, r2, v3], v2
    lpu_isa.muli v8, r8, 40
    lpu_isa.muli v9, r9, 44
    lpu_isa.fill (v0, v1, v2, v3), f32 v4[v5, v6, v7, v8], v9
    lpu_isa.halt
  }
}

// -----

// What follows from the number of a device is loaded before the outermost loop, as constants are.
// CHECK-LABEL: @parts
func.func @parts() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  // CHECK-NEXT: lpu_isa.li [[I:r[0-9]+]], 0
  // CHECK-NEXT: lpu_isa.li [[N:r[0-9]+]], 6
  // CHECK-NEXT: lpu_isa.muli [[A:r[0-9]+]], r2, 24
  // CHECK-NEXT: lpu_isa.addi [[A]], [[A]], 64
  // CHECK-NEXT: lpu_isa.label @loop0
  // CHECK-NEXT: lpu_isa.recv right, ([[N]], [[N]], [[N]], [[N]]), f32 [[A]][r0, r0, r0, [[N]]]
  // CHECK-NEXT: lpu_isa.loop [[I]], [[N]], 4, @loop0
  lpu_isa.muli v0, r2, 24
  lpu_isa.addi v1, v0, 64
  lpu_isa.li v2, 6
  lpu_isa.li v3, 0
  lpu_isa.label @loop0
  lpu_isa.recv right, (v2, v2, v2, v2), f32 v1[r0, r0, r0, v2]
  lpu_isa.loop v3, v2, 4, @loop0
  lpu_isa.halt
}
