// RUN: xdsl-opt %s -p lpu-mem-schedule --split-input-file | filecheck %s

// Vector work goes in the order in which what it reads is there.
// CHECK-LABEL: @ready
// CHECK:         lpu_mem.vecmat %[[a:[0-9]+]], %x, %v
// CHECK-NEXT:    lpu_mem.vecmat %[[b:[0-9]+]], %x, %w
// CHECK-NEXT:    lpu_mem.map "neg" %[[a]], %[[a]]
// CHECK-NEXT:    lpu_mem.map "exp" %[[b]], %[[b]]
// CHECK-NEXT:    lpu_mem.map "add"
func.func @ready(%x : !lpu_mem.buffer<hbm, f32, 8>, %y : !lpu_mem.buffer<hbm, f32, 64>) {
  %v = lpu_mem.param <file("v", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
  %w = lpu_mem.param <file("w", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.vecmat %0, %x, %v accumulate 0 <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 512>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.vecmat %1, %x, %w accumulate 0 <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 512>
  lpu_mem.map "exp" %1, %1 <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "neg" %0, %0 <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "add" %y, %0, %1 <[64] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.return :
}

// -----

// What was read from a buffer before it was written again is read before.
// CHECK-LABEL: @written
// CHECK:         lpu_mem.map "mul" %y, %[[b:[0-9]+]], %[[a:[0-9]+]]
// CHECK-NEXT:    lpu_mem.map "neg" %[[a]], %[[a]]
func.func @written(%x : !lpu_mem.buffer<hbm, f32, 8>, %y : !lpu_mem.buffer<hbm, f32, 64>) {
  %v = lpu_mem.param <file("v", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
  %w = lpu_mem.param <file("w", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.vecmat %0, %x, %v accumulate 0 <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 512>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.vecmat %1, %x, %w accumulate 0 <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 512>
  lpu_mem.map "mul" %y, %1, %0 <[64] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "neg" %0, %0 <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "add" %y, %y, %0 <[64] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.return :
}

// -----

// Values are computed while powers of scores are: the half of them that hides what queries wait
// for stays in front of the scores.
// CHECK-LABEL: @values
// CHECK:         lpu_mem.vecmat %v, %x, %w accumulate 0 <[1, 1024, 512] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 1024]}>
// CHECK:         lpu_mem.vecmat %s, %q, %k accumulate 0 <[4, 1, 64, 256]
// CHECK:         lpu_mem.vecmat %v, %x, %w accumulate 0 <[1, 1024, 512] {512: [0, 0, 1]} {0: [0, 1, 0]} {524288: [0, 1, 1024]}>
// CHECK:         lpu_mem.map "exp" %s, %s
// CHECK:         lpu_mem.copy %c, %v
// CHECK-NEXT:    lpu_mem.vecmat
func.func @values(%x : !lpu_mem.buffer<hbm, f16, 1024>, %y : !lpu_mem.buffer<hbm, f16, 1024>) {
  %w = lpu_mem.param <file("w", 0, [1024, 1024], f16)> : !lpu_mem.buffer<hbm, f16, 1048576>
  %k = lpu_mem.param <file("k", 0, [4, 256, 64], f16)> : !lpu_mem.buffer<hbm, f16, 65536>
  %c = lpu_mem.state "c" <[4, 256, 256]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f16, 262144>
  %v = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 1024>
  %q = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 256>
  %s = lpu_mem.alloc : !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "neg" %q, %x <[256] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 256>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %q, %q <[256] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 256>, !lpu_mem.buffer<hbm, f16, 256>
  lpu_mem.map "exp" %q, %q <[256] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 256>, !lpu_mem.buffer<hbm, f16, 256>
  lpu_mem.vecmat %v, %x, %w accumulate 0 <[1, 1024, 1024] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 1024]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1048576>
  lpu_mem.copy %c, %v <[1024] {0: [256]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 262144>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.vecmat %s, %q, %k accumulate 0 <[4, 1, 64, 256] {0: [256, 0, 0, 1]} {0: [64, 0, 1, 0]} {0: [16384, 0, 1, 64]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 256>, !lpu_mem.buffer<hbm, f16, 65536>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.map "exp" %s, %s <[1024] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>
  lpu_mem.vecmat %y, %s, %c accumulate 0 <[4, 1, 256, 256] {0: [256, 0, 0, 1]} {0: [256, 0, 1, 0]} {0: [65536, 0, 1, 256]}> : !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 1024>, !lpu_mem.buffer<hbm, f16, 262144>
  lpu_mem.return :
}

// -----

// Messages keep their order, and so does what stands without a product.
// CHECK-LABEL: @messages
// CHECK:         lpu_mem.send "left"
// CHECK-NEXT:    lpu_mem.recv "right"
// CHECK-NEXT:    lpu_mem.map "exp"
// CHECK-NEXT:    lpu_mem.map "neg"
func.func @messages(%x : !lpu_mem.buffer<hbm, f32, 64>) {
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.send "left" %x <[64] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.recv "right" %0 <[64] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "exp" %0, %0 <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.map "neg" %1, %x <[64] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
  lpu_mem.return :
}

// -----

// What is put into a message stays in front of it, though it could begin while others are under way.
// CHECK-LABEL: @filled
// CHECK:         lpu_mem.map "neg"
// CHECK-NEXT:    lpu_mem.send "left"
// CHECK-NEXT:    lpu_mem.recv "right"
// CHECK-NEXT:    lpu_mem.copy %[[b:[0-9]+]], %p
// CHECK-NEXT:    lpu_mem.send "left" %[[b]]
// CHECK-NEXT:    lpu_mem.recv "right" %[[b]]
func.func @filled(%x : !lpu_mem.buffer<hbm, f32, 8>, %p : !lpu_mem.buffer<hbm, f32, 4096>, %y : !lpu_mem.buffer<hbm, f32, 4096>, %z : !lpu_mem.buffer<hbm, f32, 4096>) {
  %v = lpu_mem.param <file("v", 0, [4096, 8], f32)> : !lpu_mem.buffer<hbm, f32, 32768>
  %w = lpu_mem.param <file("w", 0, [4096, 8], f32)> : !lpu_mem.buffer<hbm, f32, 32768>
  %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8192>
  %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 4096>
  %2 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.vecmat %0, %x, %v accumulate 0 <[1, 8, 4096] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 8192>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 32768>
  lpu_mem.vecmat %1, %x, %w accumulate 0 <[1, 8, 4096] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 8>, !lpu_mem.buffer<hbm, f32, 32768>
  lpu_mem.map "exp" %1, %1 <[4096] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 4096>
  lpu_mem.map "exp" %1, %1 <[4096] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 4096>
  lpu_mem.map "exp" %1, %1 <[4096] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 4096>
  lpu_mem.map "neg" %0, %0 <[4096] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>, !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.send "left" %0 <[4] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.recv "right" %0 <[4] {4096: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.copy %2, %p <[4] {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>, !lpu_mem.buffer<hbm, f32, 4096>
  lpu_mem.send "left" %2 <[4] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.recv "right" %2 <[4] {4096: [1]}> : !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.map "add" %y, %0, %1 <[4096] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 8192>, !lpu_mem.buffer<hbm, f32, 4096>
  lpu_mem.map "add" %z, %y, %2 <[4] {0: [1]} {0: [1]} {4096: [1]}> : !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 4096>, !lpu_mem.buffer<hbm, f32, 8192>
  lpu_mem.return :
}
