// RUN: xdsl-opt %s -p lpu-isa-hoist-streams --split-input-file | filecheck %s

// A stream of parameters passes a vector instruction and a store; its address comes along.
// CHECK-LABEL: @passes
// CHECK:       lpu_isa.li v0, 8
// CHECK-NEXT:  lpu_isa.muli v1, r1, 64
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.map1
// CHECK-NEXT:  lpu_isa.store
// CHECK-NEXT:  lpu_isa.vecmat
func.func @passes() attributes {lpu_mem.params_size = 4096 : i64, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu_isa.li v0, 8
  lpu_isa.map1 exp, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
  lpu_isa.store (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
  lpu_isa.muli v1, r1, 64
  lpu_isa.stream (v0, v0, v0, v0), f32 v1[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.halt
}

// -----

// What may read the arena stays behind a store, but not behind a vector instruction.
// CHECK-LABEL: @arena
// CHECK:       lpu_isa.store
// CHECK-NEXT:  lpu_isa.li v1, 8192
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.map1
func.func @arena() attributes {lpu_mem.params_size = 4096 : i64} {
  lpu_isa.li v0, 8
  lpu_isa.store (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
  lpu_isa.map1 exp, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
  lpu_isa.li v1, 8192
  lpu_isa.stream (v0, v0, v0, v0), f32 v1[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.halt
}

// -----

// Queue and FIFO have room for all three panels, whatever their sizes.
// CHECK-LABEL: @fifo
// CHECK:       lpu_isa.li v0, 8
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.vecmat
// CHECK-NEXT:  lpu_isa.vecmat
// CHECK-NEXT:  lpu_isa.vecmat
func.func @fifo() attributes {lpu_mem.params_size = 4096 : i64} {
  lpu_isa.li v0, 8
  lpu_isa.stream (v0, v0, v0, v0), f32 v0[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.stream (v0, v0, v0, v0), f32 v0[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.stream (v0, v0, v0, v0), f32 v0[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.halt
}

// -----

// A stream stays in its block: it does not leave a loop.
// CHECK-LABEL: @loop
// CHECK:       lpu_isa.label @head
// CHECK-NEXT:  lpu_isa.muli v2, v1, 64
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.map1
func.func @loop() attributes {lpu_mem.params_size = 4096 : i64} {
  lpu_isa.li v0, 8
  lpu_isa.li v1, 0
  lpu_isa.label @head
  lpu_isa.map1 exp, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
  lpu_isa.muli v2, v1, 64
  lpu_isa.stream (v0, v0, v0, v0), f32 v2[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.loop v1, v0, 1, @head
  lpu_isa.halt
}

// -----

// What may read the arena stays behind a scatter, which writes there, but not behind a gather.
// CHECK-LABEL: @scatter
// CHECK:       lpu_isa.scatter
// CHECK-NEXT:  lpu_isa.li v1, 8192
// CHECK-NEXT:  lpu_isa.stream
// CHECK-NEXT:  lpu_isa.gather
func.func @scatter() attributes {lpu_mem.params_size = 4096 : i64} {
  lpu_isa.li v0, 8
  lpu_isa.scatter set, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0], i64 v0[r0, r0, r0, v0], v0, v0
  lpu_isa.gather (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0], i64 v0[r0, r0, r0, v0], v0, v0
  lpu_isa.li v1, 8192
  lpu_isa.stream (v0, v0, v0, v0), f32 v1[r0, r0, v0, v0]
  lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
  lpu_isa.halt
}
