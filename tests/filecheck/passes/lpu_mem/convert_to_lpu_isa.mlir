// RUN: xdsl-opt %s -p convert-lpu-mem-to-lpu-isa --split-input-file --print-debuginfo | filecheck %s

// Ports become slots, those of states behind the others; weights stay, the function takes nothing.
// CHECK-LABEL: func.func @ports()
// CHECK-SAME:  lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [8], [1], 0>, #lpu_mem.port<"p", past, f32, [P], [1], 4>]
// CHECK-SAME:  lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [8], [1], 0>, #lpu_mem.port<"n", data, f32, [P], [1], 4>]
// CHECK-SAME:  lpu_isa.inputs = [#lpu_isa.slot<f16 at 128>, #lpu_isa.slot<f16 at 512>]
// CHECK-SAME:  lpu_isa.outputs = [#lpu_isa.slot<f32 at 256>, #lpu_isa.slot<f16 at 512>]
func.func @ports(%x : !lpu_mem.buffer<hbm, f16, 8>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, 
    lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [8], [1], 0>], lpu_mem.arguments = #lpu.ints<[128]>,
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [8], [1], 0>]} {
  // CHECK-NEXT: lpu_isa.weight <inline("0000803f", [1], f32)> at 0
  // CHECK-NEXT: lpu_isa.halt
  %w = lpu_mem.param <inline("0000803f", [1], f32)> at 0 : !lpu_mem.buffer<hbm, f32, 1>
  %c = lpu_mem.state "c" <[8]> inputs [#lpu_mem.port<"p", past, f32, [P], [1], 4>] outputs [#lpu_mem.port<"n", data, f32, [P], [1], 4>] at 512 : !lpu_mem.buffer<hbm, f16, 8>
  %y = lpu_mem.alloc at 256 : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 8>
}

// -----

// Addresses and strides are in bytes, axes are padded in front, axes of extent 1 have no stride.
// CHECK-LABEL: @bytes
func.func @bytes() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %x = lpu_mem.alloc at 128 : !lpu_mem.buffer<hbm, f16, 64>
  %t = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f16, 64>
  // CHECK:      lpu_isa.li v0, 1
  // CHECK-NEXT: lpu_isa.li v1, 4
  // CHECK-NEXT: lpu_isa.li v2, 64
  // CHECK-NEXT: lpu_isa.li v3, 2
  // CHECK-NEXT: lpu_isa.li v4, 138
  // CHECK-NEXT: lpu_isa.li v5, 16
  // CHECK-NEXT: lpu_isa.load (v0, v0, v0, v1), f16 v2[r0, r0, r0, v3], f16 v4[r0, r0, r0, v5]
  lpu_mem.copy %t, %x <[1, 4] {0: [4, 1]} {5: [1, 8]}> : !lpu_mem.buffer<lmu, f16, 64>, !lpu_mem.buffer<hbm, f16, 64>
  lpu_mem.return :
}

// -----

// A copy is a load, a store or a copy: memories decide.
// CHECK-LABEL: @copies
func.func @copies() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %x = lpu_mem.alloc at 128 : !lpu_mem.buffer<hbm, f32, 1>
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  %u = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f32, 1>
  // CHECK: lpu_isa.load
  // CHECK: lpu_isa.copy
  // CHECK: lpu_isa.store
  lpu_mem.copy %t, %x <[1] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 1>, !lpu_mem.buffer<hbm, f32, 1>
  lpu_mem.copy %u, %t <[1] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 1>, !lpu_mem.buffer<lmu, f32, 1>
  lpu_mem.copy %x, %u <[1] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<lmu, f32, 1>
  lpu_mem.return :
}

// -----

// A product streams its panel and drains it; axes are [.., K, N].
// CHECK-LABEL: @product
func.func @product() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %w = lpu_mem.alloc at 128 : !lpu_mem.buffer<hbm, f32, 12>
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 3>
  %y = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f32, 4>
  // CHECK:      lpu_isa.li [[ONE:v[0-9]+]], 1
  // CHECK-NEXT: lpu_isa.li [[K:v[0-9]+]], 3
  // CHECK-NEXT: lpu_isa.li [[N:v[0-9]+]], 4
  // CHECK:      lpu_isa.stream ([[ONE]], [[ONE]], [[K]], [[N]]),
  // CHECK-NEXT: lpu_isa.vecmat ([[ONE]], [[ONE]], [[K]], [[N]]),
  // CHECK-SAME: true
  lpu_mem.vecmat %y, %x, %w accumulate 1 <[3, 4] {0: [0, 1]} {0: [1, 0]} {0: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 4>, !lpu_mem.buffer<lmu, f32, 3>, !lpu_mem.buffer<hbm, f32, 12>
  lpu_mem.return :
}

// -----

// Reduced axes move with the padding: axis 0 of two is axis 2 of four.
// CHECK-LABEL: @axes
func.func @axes() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 8>
  // CHECK: lpu_isa.reduce max, {{.*}}, 4, false
  lpu_mem.reduce "max" %x, %x over <[0]> accumulate 0 <[2, 4] {0: [0, 1]} {0: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// What does not change in a loop is computed before it: sums over outer names, constants.
// CHECK-LABEL: @hoisting
func.func @hoisting() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>, lpu_mem.arguments = #lpu.ints<[]>} {
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<hbm, f32, 4096>
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  // CHECK:      lpu_isa.muli [[P:v[0-9]+]], r1, 4
  // CHECK-NEXT: lpu_isa.add [[OUTER:v[0-9]+]], r0, [[P]]
  // CHECK:      lpu_isa.label @loop
  // CHECK-NEXT: lpu_isa.muli [[I:v[0-9]+]], v{{[0-9]+}}, 256
  // CHECK-NEXT: lpu_isa.add [[SUM:v[0-9]+]], [[OUTER]], [[I]]
  // CHECK-NEXT: lpu_isa.li v{{[0-9]+}}, 0
  // CHECK-NEXT: lpu_isa.label @loop
  // CHECK-NEXT: lpu_isa.muli [[J:v[0-9]+]], v{{[0-9]+}}, 32
  // CHECK-NEXT: lpu_isa.add [[BASE:v[0-9]+]], [[SUM]], [[J]]
  // CHECK-NEXT: lpu_isa.load ({{.*}}), f32 r0[r0, r0, r0, r0], f32 [[BASE]][
  lpu_mem.for "i" to <8> step 1 {
    lpu_mem.for "j" to <8> step 1 {
      lpu_mem.copy %t, %x <[1] {0: [1]} {P + 64*i + 8*j: [1]}> : !lpu_mem.buffer<lmu, f32, 1>, !lpu_mem.buffer<hbm, f32, 4096>
    }
  }
  lpu_mem.return :
}

// -----

// A loop starts where it is told to, and is guarded unless that is below its end for certain.
// CHECK-LABEL: @from
func.func @from() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 4, Q in 4 to 8]>, lpu_mem.arguments = #lpu.ints<[]>} {
  // CHECK-NEXT: lpu_isa.addi [[LOW:v[0-9]+]], r1, 2
  // CHECK-NEXT: lpu_isa.mov [[I:v[0-9]+]], [[LOW]]
  // CHECK-NEXT: lpu_isa.bge [[LOW]], r2, @end1
  // CHECK-NEXT: lpu_isa.label @loop0
  // CHECK-NEXT: lpu_isa.loop [[I]], r2, 1, @loop0
  // CHECK-NEXT: lpu_isa.label @end1
  lpu_mem.for "i" from <P + 2> to <Q> step 1 {
    %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  }
  // CHECK:      lpu_isa.li [[J:v[0-9]+]], 2
  // CHECK-NEXT: lpu_isa.label @loop2
  // CHECK-NEXT: lpu_isa.loop [[J]], r2, 1, @loop2
  // CHECK-NEXT: lpu_isa.halt
  lpu_mem.for "j" from <2> to <Q> step 1 {
    %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  }
  lpu_mem.return :
}

// -----

// A loop of one turn is none, wherever it starts.
// CHECK-LABEL: @one_turn
// CHECK-NOT:   lpu_isa.loop
// CHECK:       lpu_isa.iota {{.*}}, r1, (r0, r0, r0, r0)
func.func @one_turn() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 4]>, lpu_mem.arguments = #lpu.ints<[]>} {
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, i64, 1>
  lpu_mem.for "i" from <P> to <P + 1> step 1 {
    lpu_mem.iota <[i, 0]> %t <[1] {0: [1]}> : !lpu_mem.buffer<lmu, i64, 1>
  }
  lpu_mem.return :
}

// -----

// A token is handed over unless its stop is set, which leaves the loop right around, and only that.
// A loop that may be left stays a loop, even of one turn.
// CHECK-LABEL: @emit
func.func @emit() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, i64, 1>
  %s = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, i64, 1>
  // CHECK:      lpu_isa.li [[ONE:v[0-9]+]], 1
  // CHECK:      lpu_isa.label @[[OUTER:loop[0-9]+]]
  // CHECK:      lpu_isa.label @[[INNER:loop[0-9]+]]
  // CHECK-NEXT: lpu_isa.lds [[STOP:v[0-9]+]], 64
  // CHECK-NEXT: lpu_isa.bge [[STOP]], [[ONE]], @[[END:end[0-9]+]]
  // CHECK-NEXT: lpu_isa.lds [[TOKEN:v[0-9]+]], 0
  // CHECK-NEXT: lpu_isa.out [[TOKEN]]
  // CHECK-NEXT: lpu_isa.loop {{.*}}, 1, @[[INNER]]
  // CHECK-NEXT: lpu_isa.label @[[END]]
  // CHECK-NEXT: lpu_isa.loop {{.*}}, @[[OUTER]]
  // CHECK-NEXT: lpu_isa.halt
  lpu_mem.for "i" to <3> step 1 {
    lpu_mem.for "j" to <1> step 1 {
      lpu_mem.emit %t, %s : !lpu_mem.buffer<lmu, i64, 1>, !lpu_mem.buffer<lmu, i64, 1>
    }
  }
  lpu_mem.return :
}

// -----

// Rows of a product share the panel of their batch: it is streamed once.
// CHECK-LABEL: @batched
func.func @batched() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %w = lpu_mem.alloc at 128 : !lpu_mem.buffer<hbm, f32, 24>
  %x = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 30>
  %y = lpu_mem.alloc at 128 : !lpu_mem.buffer<lmu, f32, 40>
  // CHECK-DAG:  lpu_isa.li [[ONE:v[0-9]+]], 1 loc
  // CHECK-DAG:  lpu_isa.li [[B:v[0-9]+]], 2 loc
  // CHECK-DAG:  lpu_isa.li [[M:v[0-9]+]], 5 loc
  // CHECK-DAG:  lpu_isa.li [[K:v[0-9]+]], 3 loc
  // CHECK-DAG:  lpu_isa.li [[N:v[0-9]+]], 4 loc
  // CHECK:      lpu_isa.stream ([[B]], [[ONE]], [[K]], [[N]]), f32 {{v[0-9]+}}[{{v[0-9]+}}, r0,
  // CHECK-NEXT: lpu_isa.vecmat ([[B]], [[M]], [[K]], [[N]]),
  // CHECK-NEXT: lpu_isa.halt
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[2, 5, 3, 4] {0: [20, 4, 0, 1]} {0: [15, 3, 1, 0]} {0: [12, 0, 4, 1]}> : !lpu_mem.buffer<lmu, f32, 40>, !lpu_mem.buffer<lmu, f32, 30>, !lpu_mem.buffer<hbm, f32, 24>
  lpu_mem.return :
}

// -----

// A loop that may not run is guarded; one that runs for certain is not.
// CHECK-LABEL: @guards
func.func @guards() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 8, Q in 2 to 8]>, lpu_mem.arguments = #lpu.ints<[]>} {
  // CHECK:      lpu_isa.li [[I:v[0-9]+]], 0
  // CHECK-NEXT: lpu_isa.bge r0, r1, @end1
  // CHECK-NEXT: lpu_isa.label @loop0
  // CHECK-NEXT: lpu_isa.loop [[I]], r1, 1, @loop0
  // CHECK-NEXT: lpu_isa.label @end1
  lpu_mem.for "i" to <P> step 1 {
    %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  }
  // CHECK-NEXT: lpu_isa.li [[J:v[0-9]+]], 0
  // CHECK-NEXT: lpu_isa.label @loop2
  // CHECK-NEXT: lpu_isa.loop [[J]], r2, 1, @loop2
  // CHECK-NEXT: lpu_isa.halt
  lpu_mem.for "j" to <Q> step 1 {
    %u = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 1>
  }
  lpu_mem.return :
}

// -----

// Known trip counts of 0 and 1 leave no loop; a tile that is never short has a constant extent.
// CHECK-LABEL: @trips
func.func @trips() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 64>
  // CHECK-NOT:  lpu_isa.loop
  // CHECK-NOT:  lpu_isa.min
  // CHECK:      lpu_isa.li [[N:v[0-9]+]], 64
  // CHECK:      lpu_isa.fill (v{{[0-9]+}}, v{{[0-9]+}}, v{{[0-9]+}}, [[N]])
  // CHECK-NOT:  lpu_isa.fill
  // CHECK:      lpu_isa.halt
  lpu_mem.for "i" to <64> step 64 {
    lpu_mem.min "n" = 64 or <64 + -1*i>
    lpu_mem.fill "00000000" %t <[n] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>
  }
  lpu_mem.for "j" to <0> step 64 {
    lpu_mem.fill "00000000" %t <[64] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64>
  }
  lpu_mem.return :
}

// -----

// Every instruction has the location of its operation.
// CHECK-LABEL: @locations
func.func @locations() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 64>
  // CHECK: lpu_isa.fill {{.*}} loc("/layer/Zero")
  lpu_mem.fill "00000000" %t <[64] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 64> loc("/layer/Zero")
  lpu_mem.return :
}

// -----

// Messages name a side; where their elements lie comes from the registers of the devices' symbols.
// CHECK-LABEL: @messages
func.func @messages() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 8, d0 in 0 to 1, d1 in 0 to 1]>, lpu_mem.arguments = #lpu.ints<[]>} {
  %y = lpu_mem.alloc at 64 : !lpu_mem.buffer<lmu, f16, 12>
  // CHECK:      lpu_isa.muli v3, r2, 12
  // CHECK-NEXT: lpu_isa.addi v4, v3, 64
  // CHECK:      lpu_isa.send left, (v0, v0, v1, v2), f16 v4[r0, r0, v5, v1]
  // CHECK-NEXT: lpu_isa.muli v6, r3, 12
  // CHECK-NEXT: lpu_isa.addi v7, v6, 64
  // CHECK-NEXT: lpu_isa.recv right, (v0, v0, v1, v2), f16 v7[r0, r0, v5, v1]
  lpu_mem.send "left" %y <[2, 3] {6*d0: [3, 1]}> : !lpu_mem.buffer<lmu, f16, 12>
  lpu_mem.recv "right" %y <[2, 3] {6*d1: [3, 1]}> : !lpu_mem.buffer<lmu, f16, 12>
  lpu_mem.return :
}

// -----

// Tiles that divide what they are tiles of are all of one size: the loop ends a tile before its end.
// CHECK-LABEL: @whole_tiles
func.func @whole_tiles() attributes {lpu_mem.arguments = #lpu.ints<[]>} {
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 64>
  // CHECK:      lpu_isa.li [[N:v[0-9]+]], 16
  // CHECK-NOT:  lpu_isa.min
  // CHECK:      lpu_isa.fill (v{{[0-9]+}}, v{{[0-9]+}}, v{{[0-9]+}}, [[N]])
  // CHECK:      lpu_isa.loop
  lpu_mem.for "i" to <64> step 16 {
    lpu_mem.min "n" = 16 or <64 + -1*i>
    lpu_mem.fill "00000000" %t <[n] {i: [1]}> : !lpu_mem.buffer<lmu, f32, 64>
  }
  lpu_mem.return :
}
