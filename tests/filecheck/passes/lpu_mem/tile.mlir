// RUN: xdsl-opt %s -p "lpu-mem-tile{lmu=512}" --split-input-file --verify-diagnostics | filecheck %s
// RUN: xdsl-opt %s -p "lpu-mem-tile{lmu=512}" --split-input-file --verify-diagnostics --print-debuginfo | filecheck %s --check-prefix=LOC

// What fits is staged without a loop, at the place it came from.
// CHECK-LABEL: @fits
// CHECK-NOT:     lpu_mem.for
// CHECK:         %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 64>
// CHECK-NEXT:    %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 64>
// CHECK-NEXT:    lpu_mem.copy %1, %x <[64] {0: [1]} {0: [1]}>
// CHECK-NEXT:    lpu_mem.map "neg" %0, %1 <[64] {0: [1]} {0: [1]}>
// CHECK-NEXT:    lpu_mem.copy %y, %0 <[64] {0: [1]} {0: [1]}>
// LOC-LABEL: @fits
// LOC:           lpu_mem.copy {{.*}} loc("minus")
// LOC-NEXT:      lpu_mem.map {{.*}} loc("minus")
func.func @fits(%y : !lpu_mem.buffer<hbm, f32, 64>, %x : !lpu_mem.buffer<hbm, f32, 64>) {
  lpu_mem.map "neg" %y, %x <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64> loc("minus")
  lpu_mem.return :
}

// -----

// What does not fit is a loop over tiles, of which the last may be short.
// CHECK-LABEL: @loop
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 64 {
// CHECK-NEXT:      lpu_mem.min "t0" = 64 or <-1*i0 + 1000>
// CHECK-NEXT:      lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 64>
// CHECK-NEXT:      lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 64>
// CHECK-NEXT:      lpu_mem.copy %{{.*}}, %x <[t0] {0: [1]} {i0: [1]}>
// CHECK-NEXT:      lpu_mem.map "neg" {{.*}} <[t0] {0: [1]} {0: [1]}>
// CHECK-NEXT:      lpu_mem.copy %y, %{{.*}} <[t0] {i0: [1]} {0: [1]}>
// CHECK-NEXT:    }
func.func @loop(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.map "neg" %y, %x <[1000] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// Tiles are chosen for the bound of a symbol, and the loop runs to its value.
// CHECK-LABEL: @symbol
// CHECK-NEXT:    lpu_mem.for "i0" to <P> step 64 {
// CHECK-NEXT:      lpu_mem.min "t0" = 64 or <P + -1*i0>
func.func @symbol(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 1000]>} {
  lpu_mem.map "neg" %y, %x <[P] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// Axes that all views walk over as one become one; axes of extent 1 vanish.
// CHECK-LABEL: @merged
// CHECK:         lpu_mem.map "neg" {{.*}} <[24] {0: [1]} {0: [1]}>
func.func @merged(%y : !lpu_mem.buffer<hbm, f32, 24>, %x : !lpu_mem.buffer<hbm, f32, 24>) {
  lpu_mem.map "neg" %y, %x <[2, 1, 3, 4] {0: [12, 99, 4, 1]} {0: [12, 0, 4, 1]}> : !lpu_mem.buffer<hbm, f32, 24>, !lpu_mem.buffer<hbm, f32, 24>
  lpu_mem.return :
}

// -----

// Not merged: one view is transposed.
// CHECK-LABEL: @transposed
// CHECK:         lpu_mem.copy {{.*}} <[4, 3] {0: [3, 1]} {0: [1, 4]}>
// CHECK-NEXT:    lpu_mem.map "neg" {{.*}} <[4, 3]
func.func @transposed(%y : !lpu_mem.buffer<hbm, f32, 12>, %x : !lpu_mem.buffer<hbm, f32, 12>) {
  lpu_mem.map "neg" %y, %x <[4, 3] {0: [3, 1]} {0: [1, 4]}> : !lpu_mem.buffer<hbm, f32, 12>, !lpu_mem.buffer<hbm, f32, 12>
  lpu_mem.return :
}

// -----

// An operand that does not move takes one element.
// CHECK-LABEL: @broadcast
// CHECK:         lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 8>
// CHECK:         %[[one:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 1>
// CHECK-NEXT:    lpu_mem.copy %[[one]], %x <[] {0: []} {3: []}>
// CHECK-NEXT:    lpu_mem.map "neg" %{{.*}}, %[[one]] <[8] {0: [1]} {0: [0]}>
func.func @broadcast(%y : !lpu_mem.buffer<hbm, f32, 8>, %x : !lpu_mem.buffer<hbm, f32, 8>) {
  lpu_mem.map "neg" %y, %x <[8] {0: [1]} {3: [0]}> : !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// A fifth axis is a loop, whatever fits.
// CHECK-LABEL: @five_axes
// CHECK-NEXT:    lpu_mem.for "i0" to <2> step 1 {
// CHECK-NOT:     lpu_mem.min
// CHECK:         lpu_mem.copy %{{.*}}, %x <[2, 2, 2, 2] {0: [8, 4, 2, 1]} {i0: [2, 4, 8, 16]}>
func.func @five_axes(%y : !lpu_mem.buffer<hbm, f32, 32>, %x : !lpu_mem.buffer<hbm, f32, 32>) {
  lpu_mem.map "neg" %y, %x <[2, 2, 2, 2, 2] {0: [16, 8, 4, 2, 1]} {0: [1, 2, 4, 8, 16]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// A sum that is split starts from 0 and accumulates in the LMU; the total is stored once.
// CHECK-LABEL: @sum
// CHECK-NEXT:    %[[sum:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 1>
// CHECK-NEXT:    lpu_mem.fill "00000000" %[[sum]] <[] {0: []}>
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 126 {
// CHECK:           lpu_mem.copy %{{.*}}, %x <[t0] {0: [1]} {i0: [1]}>
// CHECK-NEXT:      lpu_mem.reduce "sum" %[[sum]], %{{.*}} over <[0]> accumulate 1 <[t0] {0: [0]} {0: [1]}>
// CHECK-NEXT:    }
// CHECK-NEXT:    lpu_mem.copy %y, %[[sum]] <[] {0: []} {0: []}>
func.func @sum(%y : !lpu_mem.buffer<hbm, f32, 1>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.reduce "sum" %y, %x over <[0]> accumulate 0 <[1000] {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// A maximum starts from minus infinity; one that fits starts from nothing.
// CHECK-LABEL: @max
// CHECK:         lpu_mem.fill "000080ff"
// CHECK:         lpu_mem.reduce "max" {{.*}} accumulate 1
// CHECK:         lpu_mem.reduce "max" {{.*}} accumulate 0 <[8]
func.func @max(%y : !lpu_mem.buffer<hbm, f32, 1>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.reduce "max" %y, %x over <[0]> accumulate 0 <[1000] {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.reduce "max" %y, %x over <[0]> accumulate 0 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// The minimum of integers starts from the largest one.
// CHECK-LABEL: @min
// CHECK:         lpu_mem.fill "ffffff7f"
func.func @min(%y : !lpu_mem.buffer<hbm, i32, 1>, %x : !lpu_mem.buffer<hbm, i32, 1000>) {
  lpu_mem.reduce "min" %y, %x over <[0]> accumulate 0 <[1000] {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, i32, 1>, !lpu_mem.buffer<hbm, i32, 1000>
  lpu_mem.return :
}

// -----

// The panel of a product streams from HBM; K and N are tiled and the sum over K accumulates.
// CHECK-LABEL: @vecmat
// CHECK-NEXT:    lpu_mem.for "i0" to <99> step 66 {
// CHECK-NEXT:      lpu_mem.min "t0" = 66 or <-1*i0 + 99>
// CHECK-NEXT:      %[[sum:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 66>
// CHECK-NEXT:      lpu_mem.fill "00000000" %[[sum]] <[t0] {0: [1]}>
// CHECK-NEXT:      lpu_mem.for "i1" to <200> step 62 {
// CHECK:             lpu_mem.copy %[[x:.*]], %x <[t1] {0: [1]} {i1: [1]}>
// CHECK-NEXT:        lpu_mem.vecmat %[[sum]], %[[x]], %w accumulate 1 <[1, t1, t0] {0: [0, 0, 1]} {0: [0, 1, 0]} {i0 + 99*i1: [0, 99, 1]}>
// CHECK-NEXT:      }
// CHECK-NEXT:      lpu_mem.copy %y, %[[sum]] <[t0] {i0: [1]} {0: [1]}>
func.func @vecmat(%y : !lpu_mem.buffer<hbm, f32, 99>, %x : !lpu_mem.buffer<hbm, f32, 200>, %w : !lpu_mem.buffer<hbm, f32, 19800>) {
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 200, 99] {0: [99, 0, 1]} {0: [200, 1, 0]} {0: [0, 99, 1]}> : !lpu_mem.buffer<hbm, f32, 99>, !lpu_mem.buffer<hbm, f32, 200>, !lpu_mem.buffer<hbm, f32, 19800>
  lpu_mem.return :
}

// -----

// A running sum hands its total on: the carry lives across the loop.
// CHECK-LABEL: @scan
// CHECK-NEXT:    %[[carry:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 1>
// CHECK-NEXT:    lpu_mem.copy %[[carry]], %c <[]
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step
// CHECK:           lpu_mem.scan %{{.*}}, %[[carry]], %{{.*}} exclusive 0 <[t0] {0: [1]} {0: [0]} {0: [1]}>
// CHECK-NEXT:      lpu_mem.copy %y, %{{.*}} <[t0] {i0: [1]} {0: [1]}>
// CHECK-NEXT:    }
// CHECK-NEXT:    lpu_mem.copy %c, %[[carry]]
func.func @scan(%y : !lpu_mem.buffer<hbm, f32, 1000>, %c : !lpu_mem.buffer<hbm, f32, 1>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.scan %y, %c, %x exclusive 0 <[1000] {0: [1]} {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// A copy between two places in HBM goes through one buffer of the LMU.
// CHECK-LABEL: @copy
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 64 {
// CHECK-NEXT:      lpu_mem.min "t0" = 64 or <-1*i0 + 1000>
// CHECK-NEXT:      %[[tile:.*]] = lpu_mem.alloc
// CHECK-NEXT:      lpu_mem.copy %[[tile]], %x <[t0] {0: [1]} {2*i0: [2]}>
// CHECK-NEXT:      lpu_mem.copy %y, %[[tile]] <[t0] {i0: [1]} {0: [1]}>
// CHECK-NEXT:    }
func.func @copy(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 2000>) {
  lpu_mem.copy %y, %x <[1000] {0: [1]} {0: [2]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 2000>
  lpu_mem.return :
}

// -----

// The table of a gather stays in HBM.
// CHECK-LABEL: @gather
// CHECK:         %[[rows:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, i64, 2>
// CHECK-NEXT:    lpu_mem.copy %[[rows]], %i <[2]
// CHECK-NEXT:    lpu_mem.gather %{{.*}}, %x, %[[rows]] limit <9999> row <8> <[2, 8] {0: [8, 1]} {0: [0, 1]} {0: [1, 0]}>
func.func @gather(%y : !lpu_mem.buffer<hbm, f32, 16>, %x : !lpu_mem.buffer<hbm, f32, 79992>, %i : !lpu_mem.buffer<hbm, i64, 2>) {
  lpu_mem.gather %y, %x, %i limit <9999> row <8> <[2, 8] {0: [8, 1]} {0: [0, 1]} {0: [1, 0]}> : !lpu_mem.buffer<hbm, f32, 16>, !lpu_mem.buffer<hbm, f32, 79992>, !lpu_mem.buffer<hbm, i64, 2>
  lpu_mem.return :
}

// -----

// So does the target of a scatter.
// CHECK-LABEL: @scatter
// CHECK:         lpu_mem.scatter "set" %y, %{{.*}}, %{{.*}} limit <9999> row <8> <[2, 8] {0: [0, 1]}
func.func @scatter(%y : !lpu_mem.buffer<hbm, f32, 79992>, %x : !lpu_mem.buffer<hbm, f32, 16>, %i : !lpu_mem.buffer<hbm, i64, 2>) {
  lpu_mem.scatter "set" %y, %x, %i limit <9999> row <8> <[2, 8] {0: [0, 1]} {0: [8, 1]} {0: [1, 0]}> : !lpu_mem.buffer<hbm, f32, 79992>, !lpu_mem.buffer<hbm, f32, 16>, !lpu_mem.buffer<hbm, i64, 2>
  lpu_mem.return :
}

// -----

// The base of an iota moves with the tile.
// CHECK-LABEL: @iota
// CHECK:         lpu_mem.iota <[P + 3*i0, 3]> %{{.*}} <[t0] {0: [1]}>
func.func @iota(%y : !lpu_mem.buffer<hbm, i64, 1000>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu_mem.iota <[P, 3]> %y <[1000] {0: [1]}> : !lpu_mem.buffer<hbm, i64, 1000>
  lpu_mem.return :
}

// -----

// Axes that an iota tells apart are not merged.
// CHECK-LABEL: @iota_axes
// CHECK:         lpu_mem.iota <[0, 0, 1]> %{{.*}} <[2, 3] {0: [3, 1]}>
func.func @iota_axes(%y : !lpu_mem.buffer<hbm, i64, 6>) {
  lpu_mem.iota <[0, 0, 1]> %y <[2, 3] {0: [3, 1]}> : !lpu_mem.buffer<hbm, i64, 6>
  lpu_mem.return :
}

// -----

// A top-k takes whole rows and writes k elements of each.
// CHECK-LABEL: @topk
// CHECK-NEXT:    lpu_mem.for "i0" to <9> step
// CHECK:           lpu_mem.topk {{.*}} k 2 largest 1 <[{{.*}}, 40] {0: [2, 1]} {0: [2, 1]} {0: [40, 1]}>
// CHECK-NEXT:      lpu_mem.copy %v, %{{.*}} <[{{.*}}, 2] {2*i0: [2, 1]}
// CHECK-NEXT:      lpu_mem.copy %i, %{{.*}} <[{{.*}}, 2] {2*i0: [2, 1]}
func.func @topk(%v : !lpu_mem.buffer<hbm, f32, 18>, %i : !lpu_mem.buffer<hbm, i64, 18>, %x : !lpu_mem.buffer<hbm, f32, 360>) {
  lpu_mem.topk %v, %i, %x k 2 largest 1 <[9, 40] {0: [2, 1]} {0: [2, 1]} {0: [40, 1]}> : !lpu_mem.buffer<hbm, f32, 18>, !lpu_mem.buffer<hbm, i64, 18>, !lpu_mem.buffer<hbm, f32, 360>
  lpu_mem.return :
}

// -----

// What lies in the LMU is used there: nothing is loaded or stored.
// CHECK-LABEL: @resident
// CHECK-NEXT:    lpu_mem.map "add" %y, %x, %x <[8] {0: [1]} {0: [1]} {1: [0]}>
// CHECK-NEXT:    lpu_mem.return
func.func @resident(%y : !lpu_mem.buffer<lmu, f32, 8>, %x : !lpu_mem.buffer<lmu, f32, 8>) {
  lpu_mem.map "add" %y, %x, %x <[1, 8] {0: [8, 1]} {0: [8, 1]} {1: [0, 0]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// Only the operand in HBM is staged, and it gets all the room.
// CHECK-LABEL: @mixed
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 128 {
// CHECK-NEXT:      lpu_mem.min "t0" = 128 or
// CHECK-NEXT:      %[[x:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 128>
// CHECK-NEXT:      lpu_mem.copy %[[x]], %x <[t0] {0: [1]} {i0: [1]}>
// CHECK-NEXT:      lpu_mem.map "add" %y, %[[x]], %y <[t0] {i0: [1]} {0: [1]} {i0: [1]}>
// CHECK-NEXT:    }
func.func @mixed(%y : !lpu_mem.buffer<lmu, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.map "add" %y, %x, %y <[1000] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<lmu, f32, 1000>
  lpu_mem.return :
}

// -----

// A sum that is split accumulates where it stays: only what it covers is cleared.
// CHECK-LABEL: @sum_in_place
// CHECK-NEXT:    lpu_mem.fill "00000000" %y <[] {3: []}>
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 128 {
// CHECK:           lpu_mem.reduce "sum" %y, %{{.*}} over <[0]> accumulate 1 <[t0] {3: [0]} {0: [1]}>
// CHECK-NEXT:    }
// CHECK-NEXT:    lpu_mem.return
func.func @sum_in_place(%y : !lpu_mem.buffer<lmu, f32, 4>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.reduce "sum" %y, %x over <[0]> accumulate 0 <[1000] {3: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 4>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// A reduction along axes of one element is a copy.
// CHECK-LABEL: @one_element
// CHECK-NEXT:    lpu_mem.copy %y, %x <[4] {0: [1]} {0: [2]}>
// CHECK-NEXT:    lpu_mem.return
func.func @one_element(%y : !lpu_mem.buffer<lmu, f32, 4>, %x : !lpu_mem.buffer<hbm, f32, 8>) {
  lpu_mem.reduce "max" %y, %x over <[1, 2]> accumulate 0 <[4, 1, 1] {0: [1, 0, 0]} {0: [2, 1, 1]}> : !lpu_mem.buffer<lmu, f32, 4>, !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// A reduction along axes of one element to a wider type is a cast.
// CHECK-LABEL: @widened
// CHECK-NEXT:    lpu_mem.cast %y, %x <[4] {0: [1]} {0: [1]}>
// CHECK-NEXT:    lpu_mem.return
func.func @widened(%y : !lpu_mem.buffer<lmu, f32, 4>, %x : !lpu_mem.buffer<lmu, f16, 4>) {
  lpu_mem.reduce "sum" %y, %x over <[1]> accumulate 0 <[4, 1] {0: [1, 0]} {0: [1, 1]}> : !lpu_mem.buffer<lmu, f32, 4>, !lpu_mem.buffer<lmu, f16, 4>
  lpu_mem.return :
}

// -----

// An engine that reduces is told along which axis, even where a tile has one element of it.
// CHECK-LABEL: @looped_sum
// CHECK:         lpu_mem.reduce "sum" %y, %{{.*}} over <[0]> accumulate 1 <[1, 100] {0: [0, 1]} {0: [0, 1]}>
func.func @looped_sum(%y : !lpu_mem.buffer<lmu, f32, 100>, %x : !lpu_mem.buffer<hbm, f32, 900>) {
  lpu_mem.reduce "sum" %y, %x over <[0]> accumulate 0 <[9, 100] {0: [0, 1]} {0: [1, 9]}> : !lpu_mem.buffer<lmu, f32, 100>, !lpu_mem.buffer<hbm, f32, 900>
  lpu_mem.return :
}

// -----

// Nor may the other axes take all the places of a descriptor.
// CHECK-LABEL: @sum_of_five_axes
// CHECK:         lpu_mem.reduce "sum" %{{.*}} over <[0]> accumulate {{[01]}} <[2, 2, 2, 2]
func.func @sum_of_five_axes(%y : !lpu_mem.buffer<hbm, f32, 16>, %x : !lpu_mem.buffer<hbm, f32, 32>) {
  lpu_mem.reduce "sum" %y, %x over <[0]> accumulate 0 <[2, 2, 2, 2, 2] {0: [0, 8, 4, 2, 1]} {0: [16, 1, 2, 4, 8]}> : !lpu_mem.buffer<hbm, f32, 16>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// A product that is split starts from 1.
// CHECK-LABEL: @product
// CHECK:         lpu_mem.fill "0000803f"
// CHECK:         lpu_mem.reduce "mul" {{.*}} accumulate 1
func.func @product(%y : !lpu_mem.buffer<hbm, f32, 1>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.reduce "mul" %y, %x over <[0]> accumulate 0 <[1000] {0: [0]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// A product of resident operands reads and writes them in place.
// CHECK-LABEL: @vecmat_in_place
// CHECK-NEXT:    lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 200, 99] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 99, 1]}>
// CHECK-NEXT:    lpu_mem.return
func.func @vecmat_in_place(%y : !lpu_mem.buffer<lmu, f32, 99>, %x : !lpu_mem.buffer<lmu, f32, 200>, %w : !lpu_mem.buffer<hbm, f32, 19800>) {
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[1, 200, 99] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 99, 1]}> : !lpu_mem.buffer<lmu, f32, 99>, !lpu_mem.buffer<lmu, f32, 200>, !lpu_mem.buffer<hbm, f32, 19800>
  lpu_mem.return :
}

// -----

// Rows and one axis of batches stay in a tile; another axis of batches is a loop.
// CHECK-LABEL: @batched
// CHECK-NEXT:    lpu_mem.for "i0" to <2> step 1 {
// CHECK:           lpu_mem.vecmat %{{.*}}, %{{.*}}, %w accumulate 0 <[3, 2, 4, 5] {0: [10, 5, 0, 1]} {0: [8, 4, 1, 0]} {20*i0: [40, 0, 5, 1]}>
// CHECK-NEXT:      lpu_mem.copy %y, %{{.*}} <[3, 2, 5] {30*i0: [10, 5, 1]} {0: [10, 5, 1]}>
func.func @batched(%y : !lpu_mem.buffer<hbm, f32, 60>, %x : !lpu_mem.buffer<hbm, f32, 48>, %w : !lpu_mem.buffer<hbm, f32, 120>) {
  lpu_mem.vecmat %y, %x, %w accumulate 0 <[2, 3, 2, 4, 5] {0: [30, 10, 5, 0, 1]} {0: [24, 8, 4, 1, 0]} {0: [20, 40, 0, 5, 1]}> : !lpu_mem.buffer<hbm, f32, 60>, !lpu_mem.buffer<hbm, f32, 48>, !lpu_mem.buffer<hbm, f32, 120>
  lpu_mem.return :
}

// -----

// A copy between HBM and LMU is one transfer, of any size.
// CHECK-LABEL: @transfer
// CHECK-NEXT:    lpu_mem.copy %y, %x <[1000] {0: [1]} {0: [2]}>
// CHECK-NEXT:    lpu_mem.copy %z, %y <[1000] {0: [1]} {0: [1]}>
// CHECK-NEXT:    lpu_mem.return
func.func @transfer(%y : !lpu_mem.buffer<lmu, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 2000>, %z : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.copy %y, %x <[1000] {0: [1]} {0: [2]}> : !lpu_mem.buffer<lmu, f32, 1000>, !lpu_mem.buffer<hbm, f32, 2000>
  lpu_mem.copy %z, %y <[1000] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<lmu, f32, 1000>
  lpu_mem.return :
}

// -----

// Tiles share the LMU with what is resident.
// CHECK-LABEL: @room
// CHECK-NEXT:    lpu_mem.for "i0" to <1000> step 32 {
func.func @room(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) attributes {lpu_mem.resident = 256 : i64} {
  lpu_mem.map "neg" %y, %x <[1000] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1000>
  lpu_mem.return :
}

// -----

// Operations in loops are tiled where they are; extents may depend on the variable of the loop, and
// a tile has its largest value.
// CHECK-LABEL: @in_a_loop
// CHECK-NEXT:    lpu_mem.for "l" from <P> to <9> step 1 {
// CHECK-NEXT:      %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 9>
// CHECK-NEXT:      %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 9>
// CHECK-NEXT:      lpu_mem.copy %1, %x <[l + 1] {0: [1]} {9*l: [1]}>
// CHECK-NEXT:      lpu_mem.map "neg" %0, %1 <[l + 1] {0: [1]} {0: [1]}>
// CHECK-NEXT:      lpu_mem.copy %y, %0 <[l + 1] {0: [1]} {0: [1]}>
// CHECK-NEXT:    }
func.func @in_a_loop(%y : !lpu_mem.buffer<hbm, f32, 9>, %x : !lpu_mem.buffer<hbm, f32, 81>) attributes {lpu.symbols = #lpu.symbols<[P in 2 to 3]>} {
  lpu_mem.for "l" from <P> to <9> step 1 {
    lpu_mem.map "neg" %y, %x <[l + 1] {0: [1]} {9*l: [1]}> : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 81>
  }
  lpu_mem.return :
}

// -----

// The control processor reads a token and its stop in the LMU; one that is there is not loaded.
// CHECK-LABEL: @emit
// CHECK-NEXT:    lpu_mem.for "l" to <9> step 1 {
// CHECK-NEXT:      %[[t:.*]] = lpu_mem.alloc : !lpu_mem.buffer<lmu, i64, 1>
// CHECK-NEXT:      lpu_mem.copy %[[t]], %t <[] {0: []} {0: []}>
// CHECK-NEXT:      lpu_mem.emit %[[t]], %s
// CHECK-NEXT:    }
func.func @emit(%t : !lpu_mem.buffer<hbm, i64, 1>, %s : !lpu_mem.buffer<lmu, i64, 1>) {
  lpu_mem.for "l" to <9> step 1 {
    lpu_mem.emit %t, %s : !lpu_mem.buffer<hbm, i64, 1>, !lpu_mem.buffer<lmu, i64, 1>
  }
  lpu_mem.return :
}

// -----

// An error: a top-k whose row does not fit.
// CHECK: best: lpu_mem.topk: an axis of 1000 elements must be in the LMU at once; {{[0-9]+}} fit in 512 bytes; choose a target with more LMU or a smaller --max-context
func.func @topk_too_long(%v : !lpu_mem.buffer<hbm, f32, 2>, %i : !lpu_mem.buffer<hbm, i64, 2>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
  lpu_mem.topk %v, %i, %x k 2 largest 1 <[1000] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, i64, 2>, !lpu_mem.buffer<hbm, f32, 1000> loc("best")
  lpu_mem.return :
}

// -----

// An error: an axis whose stride is a symbol is never looped, as i * P is not affine.
// CHECK: lpu_mem.map: an axis of 1000 elements must be in the LMU at once
func.func @dynamic_stride(%y : !lpu_mem.buffer<hbm, f32, 9000>, %x : !lpu_mem.buffer<hbm, f32, 9000>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu_mem.map "neg" %y, %x <[1000] {0: [P]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 9000>, !lpu_mem.buffer<hbm, f32, 9000>
  lpu_mem.return :
}

// -----

// An axis without elements is a loop of no steps: nothing is copied.
// CHECK-LABEL: @empty
// CHECK:         lpu_mem.for "i0" to <0> step 1 {
// CHECK:           lpu_mem.copy
// CHECK:           lpu_mem.copy
func.func @empty(%x : !lpu_mem.buffer<hbm, f32, 32>, %y : !lpu_mem.buffer<hbm, f32, 32>) {
  lpu_mem.copy %y, %x <[4, 0] {8: [8, 1]} {8: [8, 1]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// So is an axis that holds one element or none.
// CHECK-LABEL: @optional
// CHECK:         lpu_mem.for "i0" to <P> step 1 {
func.func @optional(%x : !lpu_mem.buffer<hbm, f32, 32>, %y : !lpu_mem.buffer<hbm, f32, 32>)
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 1]>} {
  lpu_mem.copy %y, %x <[4, P] {0: [8, 1]} {0: [8, 1]}> : !lpu_mem.buffer<hbm, f32, 32>, !lpu_mem.buffer<hbm, f32, 32>
  lpu_mem.return :
}

// -----

// Messages of one exchange that do not fit are split by rows, all in one loop: a link may hold one.
// The parts lie side by side in the LMU and go to HBM as one block.
// CHECK-LABEL: @exchange
// CHECK-NEXT:    lpu_mem.for "i0" to <30> step 6 {
// CHECK-NEXT:      lpu_mem.min "t0" = 6 or <-1*i0 + 30>
// CHECK-NEXT:      %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 120>
// CHECK-NEXT:      lpu_mem.copy %0, %y <[t0, 10] {60*d0: [10, 1]} {300*d0 + 10*i0: [10, 1]}>
// CHECK-NEXT:      lpu_mem.send "left" %0 <[t0, 10] {60*d0: [10, 1]}>
// CHECK-NEXT:      lpu_mem.recv "right" %0 <[t0, 10] {60*d1: [10, 1]}>
// CHECK-NEXT:      lpu_mem.copy %y, %0 <[2, t0, 10] {10*i0: [300, 10, 1]} {0: [60, 10, 1]}>
// CHECK-NEXT:    }
// LOC-LABEL: @exchange
// LOC:           lpu_mem.copy {{.*}} loc("sum")
// LOC-NEXT:      lpu_mem.send {{.*}} loc("sum")
// LOC-NEXT:      lpu_mem.recv {{.*}} loc("sum")
// LOC-NEXT:      lpu_mem.copy {{.*}} loc("sum")
func.func @exchange(%y : !lpu_mem.buffer<hbm, f32, 600>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  lpu_mem.send "left" %y <[30, 10] {300*d0: [10, 1]}> : !lpu_mem.buffer<hbm, f32, 600> loc("sum")
  lpu_mem.recv "right" %y <[30, 10] {300*d1: [10, 1]}> : !lpu_mem.buffer<hbm, f32, 600> loc("sum")
  lpu_mem.return :
}

// -----

// A part that came in is sent on from where it lies; what fits takes no loop.
// CHECK-LABEL: @around
// CHECK-NEXT:    %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f16, 24>
// CHECK-NEXT:    lpu_mem.copy %0, %y <[2, 3] {6*d0: [3, 1]} {8*d0 + 1: [3, 1]}>
// CHECK-NEXT:    lpu_mem.send "left" %0 <[2, 3] {6*d0: [3, 1]}>
// CHECK-NEXT:    lpu_mem.send "right" %0 <[2, 3] {6*d0: [3, 1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %0 <[2, 3] {6*d1: [3, 1]}>
// CHECK-NEXT:    lpu_mem.send "left" %0 <[2, 3] {6*d1: [3, 1]}>
// CHECK-NEXT:    lpu_mem.recv "left" %0 <[2, 3] {6*d3: [3, 1]}>
// CHECK-NEXT:    lpu_mem.recv "right" %0 <[2, 3] {6*d2: [3, 1]}>
// CHECK-NEXT:    lpu_mem.copy %y, %0 <[4, 2, 3] {1: [8, 3, 1]} {0: [6, 3, 1]}>
// CHECK-NEXT:    lpu_mem.return
func.func @around(%y : !lpu_mem.buffer<hbm, f16, 33>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3, d1 in 0 to 3, d2 in 0 to 3, d3 in 0 to 3]>} {
  lpu_mem.send "left" %y <[2, 3] {8*d0 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.send "right" %y <[2, 3] {8*d0 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.recv "right" %y <[2, 3] {8*d1 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.send "left" %y <[2, 3] {8*d1 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.recv "left" %y <[2, 3] {8*d3 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.recv "right" %y <[2, 3] {8*d2 + 1: [3, 1]}> : !lpu_mem.buffer<hbm, f16, 33>
  lpu_mem.return :
}

// -----

// In the LMU nothing is staged; more axes than a descriptor has are one loop around all messages.
// CHECK-LABEL: @resident
// CHECK-NEXT:    lpu_mem.for "i0" to <2> step 1 {
// CHECK-NEXT:      lpu_mem.send "left" %y <[2, 2, 2, 2] {1000*d0 + 200*i0: [90, 40, 18, 7]}>
// CHECK-NEXT:      lpu_mem.recv "right" %y <[2, 2, 2, 2] {1000*d1 + 200*i0: [90, 40, 18, 7]}>
// CHECK-NEXT:    }
func.func @resident(%y : !lpu_mem.buffer<lmu, f32, 2000>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  lpu_mem.send "left" %y <[2, 2, 2, 2, 2] {1000*d0: [200, 90, 40, 18, 7]}> : !lpu_mem.buffer<lmu, f32, 2000>
  lpu_mem.recv "right" %y <[2, 2, 2, 2, 2] {1000*d1: [200, 90, 40, 18, 7]}> : !lpu_mem.buffer<lmu, f32, 2000>
  lpu_mem.return :
}

// -----

// A row that does not fit is split, too.
// CHECK-LABEL: @row
// CHECK-NEXT:    lpu_mem.for "i0" to <3> step 1 {
// CHECK-NEXT:      lpu_mem.for "i1" to <100> step 64 {
// CHECK-NEXT:        lpu_mem.min "t1" = 64 or <-1*i1 + 100>
// CHECK:             lpu_mem.send "left" %0 <[t1] {64*d0: [1]}>
// CHECK:             lpu_mem.recv "right" %0 <[t1] {64*d1: [1]}>
// CHECK-NEXT:        lpu_mem.copy %y, %0 <[2, t1] {100*i0 + i1: [300, 1]} {0: [64, 1]}>
func.func @row(%y : !lpu_mem.buffer<hbm, f32, 600>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  lpu_mem.send "left" %y <[3, 100] {300*d0: [100, 1]}> : !lpu_mem.buffer<hbm, f32, 600>
  lpu_mem.recv "right" %y <[3, 100] {300*d1: [100, 1]}> : !lpu_mem.buffer<hbm, f32, 600>
  lpu_mem.return :
}

// -----

// A message without elements is none, on both sides.
// CHECK-LABEL: @nothing
// CHECK-NEXT:    lpu_mem.for "i0" to <P> step 1 {
// CHECK:           lpu_mem.send "left"
// CHECK:           lpu_mem.recv "right"
// CHECK:         }
func.func @nothing(%y : !lpu_mem.buffer<hbm, f32, 8>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 1, d0 in 0 to 1, d1 in 0 to 1]>} {
  lpu_mem.send "left" %y <[P, 4] {4*d0: [4, 1]}> : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.recv "right" %y <[P, 4] {4*d1: [4, 1]}> : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}

// -----

// Messages that leave out a part, and parts that are not apart, are staged each by itself.
// CHECK-LABEL: @alone
// CHECK-NEXT:    %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 4>
// CHECK-NEXT:    lpu_mem.copy %0, %y
// CHECK-NEXT:    lpu_mem.send "left" %0 <[4] {0: [1]}>
// CHECK-NEXT:    %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 4>
// CHECK-NEXT:    lpu_mem.recv "right" %1 <[4] {0: [1]}>
// CHECK-NEXT:    lpu_mem.copy %y, %1 <[4] {3*d1: [1]} {0: [1]}>
// CHECK-NEXT:    %2 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 4>
// CHECK-NEXT:    lpu_mem.copy %2, %y
// CHECK-NEXT:    lpu_mem.send "left" %2
func.func @alone(%y : !lpu_mem.buffer<hbm, f32, 8>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
  lpu_mem.send "left" %y <[4] {3*d0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.recv "right" %y <[4] {3*d1: [1]}> : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.send "left" %y <[4] {4*d0: [1]}> : !lpu_mem.buffer<hbm, f32, 8>
  lpu_mem.return :
}
