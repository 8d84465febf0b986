// RUN: xdsl-opt %s -p lpu-raise-rotary,dce --split-input-file | filecheck %s

// The leading channels turn: x cos + concat(-b, a) sin, the factors in any order. The others stay.
// CHECK-LABEL: @partial
// CHECK-NEXT:    %x = lpu.slice %q at <[0, 0]>
// CHECK-NEXT:    %pass = lpu.slice %q at <[0, 4]>
// CHECK-NEXT:    %r = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[2, 4], f32>
// CHECK-NEXT:    %y = lpu.concat %r, %pass
func.func @partial(%q : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[1, 4], f32>, %s : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[2, 8], f32> {
  %x = lpu.slice %q at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %pass = lpu.slice %q at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %0 = lpu.map "mul" %c, %x : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 2], f32>
  %2 = lpu.slice %x at <[0, 2]> step <[1, 1]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 2], f32>
  %3 = lpu.map "neg" %2 : !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %4 = lpu.concat %3, %1 axis 1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 4], f32>
  %5 = lpu.map "mul" %s, %4 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %r = lpu.map "add" %5, %0 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %y = lpu.concat %r, %pass axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Channels in mid-head turn: the slices of the halves say where the turn begins and how wide it is.
// CHECK-LABEL: @mid_head
// CHECK-NEXT:    %first = lpu.slice %q at <[0, 0]> {{.*}} -> !lpu.tensor<[2, 2], f32>
// CHECK-NEXT:    %last = lpu.slice %q at <[0, 6]> {{.*}} -> !lpu.tensor<[2, 2], f32>
// CHECK-NEXT:    %[[X:.*]] = lpu.slice %q at <[0, 2]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
// CHECK-NEXT:    %[[R:.*]] = lpu.rotary %[[X]], %c, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 4], f32>
// CHECK-NEXT:    lpu.concat %first, %[[R]], %last
func.func @mid_head(%q : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 2], f32>, %s : !lpu.tensor<[2, 2], f32>) -> !lpu.tensor<[2, 8], f32> {
  %first = lpu.slice %q at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %last = lpu.slice %q at <[0, 6]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %a = lpu.slice %q at <[0, 2]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %b = lpu.slice %q at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %0 = lpu.map "mul" %a, %c : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %1 = lpu.map "mul" %b, %s : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %2 = lpu.map "sub" %0, %1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %3 = lpu.map "mul" %a, %s : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %4 = lpu.map "mul" %b, %c : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %5 = lpu.map "add" %3, %4 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %r = lpu.concat %2, %5 axis 1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 4], f32>
  %y = lpu.concat %first, %r, %last axis 1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Halves with a gap between them, or of two values, do not turn each other.
// CHECK-LABEL: @apart
// CHECK-NOT:     lpu.rotary
// CHECK:         func.return
func.func @apart(%q : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 2], f32>, %s : !lpu.tensor<[2, 2], f32>) -> !lpu.tensor<[2, 4], f32> {
  %a = lpu.slice %q at <[0, 2]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %b = lpu.slice %q at <[0, 6]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 2], f32>
  %0 = lpu.map "mul" %a, %c : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %1 = lpu.map "mul" %b, %s : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %2 = lpu.map "sub" %0, %1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %3 = lpu.map "mul" %a, %s : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %4 = lpu.map "mul" %b, %c : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %5 = lpu.map "add" %3, %4 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
  %y = lpu.concat %2, %5 axis 1 : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 4], f32>
  func.return %y : !lpu.tensor<[2, 4], f32>
}

// -----

// Halves by themselves, with cos and sin of half the width; casts are taken in.
// CHECK-LABEL: @halves
// CHECK-NEXT:    %y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT:    func.return %y
func.func @halves(%x : !lpu.tensor<[2, 8], f16>, %c : !lpu.tensor<[2, 4], f32>, %s : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<[2, 8], f16> {
  %w = lpu.cast %x : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f32>
  %a = lpu.slice %w at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %b = lpu.slice %w at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %0 = lpu.map "mul" %a, %c : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %1 = lpu.map "mul" %b, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %2 = lpu.map "sub" %0, %1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %3 = lpu.map "mul" %a, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %4 = lpu.map "mul" %b, %c : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %5 = lpu.map "add" %3, %4 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %6 = lpu.concat %2, %5 axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  %y = lpu.cast %6 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f16>
  func.return %y : !lpu.tensor<[2, 8], f16>
}

// -----

// Pairs of neighbours are slices with a step: another embedding.
// CHECK-LABEL: @neighbours
// CHECK-NEXT:    lpu.slice
func.func @neighbours(%x : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 4], f32>, %s : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<[2, 8], f32> {
  %a = lpu.slice %x at <[0, 0]> step <[1, 2]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %b = lpu.slice %x at <[0, 1]> step <[1, 2]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %0 = lpu.map "mul" %a, %c : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %1 = lpu.map "mul" %b, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %2 = lpu.map "sub" %0, %1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %3 = lpu.map "mul" %a, %s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %4 = lpu.map "mul" %b, %c : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %5 = lpu.map "add" %3, %4 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %y = lpu.concat %2, %5 axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// concat(a, -b) is not the half turned by a right angle.
// CHECK-LABEL: @other_order
// CHECK:         lpu.map "neg"
func.func @other_order(%x : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 8], f32>, %s : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.map "mul" %x, %c : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %2 = lpu.slice %x at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %3 = lpu.map "neg" %1 : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %4 = lpu.concat %3, %2 axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.map "mul" %4, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "add" %0, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Positions of two rows turn one row of channels: the result is wider than what turns.
// CHECK-LABEL: @spread_over
// CHECK-NOT:     lpu.rotary
// CHECK:         func.return
func.func @spread_over(%x : !lpu.tensor<[1, 8], f32>, %c : !lpu.tensor<[2, 8], f32>, %s : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.map "mul" %x, %c : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.slice %x at <[0, 4]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  %3 = lpu.map "neg" %2 : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %4 = lpu.concat %3, %1 axis 1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 8], f32>
  %5 = lpu.map "mul" %4, %s : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "add" %0, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// In f16 each product is rounded, which a rotary embedding would not do.
// CHECK-LABEL: @rounded
// CHECK-NOT:     lpu.rotary
// CHECK:         func.return
func.func @rounded(%x : !lpu.tensor<[2, 8], f16>, %c : !lpu.tensor<[2, 8], f16>, %s : !lpu.tensor<[2, 8], f16>) -> !lpu.tensor<[2, 8], f16> {
  %0 = lpu.map "mul" %x, %c : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 4], f16>
  %2 = lpu.slice %x at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 4], f16>
  %3 = lpu.map "neg" %2 : !lpu.tensor<[2, 4], f16> -> !lpu.tensor<[2, 4], f16>
  %4 = lpu.concat %3, %1 axis 1 : !lpu.tensor<[2, 4], f16>, !lpu.tensor<[2, 4], f16> -> !lpu.tensor<[2, 8], f16>
  %5 = lpu.map "mul" %4, %s : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  %y = lpu.map "add" %0, %5 : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  func.return %y : !lpu.tensor<[2, 8], f16>
}

// -----

// The halves in the other order turn the other way.
// CHECK-LABEL: @other_order
// CHECK-NOT:     lpu.rotary
// CHECK:         func.return
func.func @other_order(%x : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 8], f32>, %s : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.map "mul" %x, %c : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %2 = lpu.slice %x at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %3 = lpu.map "neg" %2 : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %4 = lpu.concat %1, %3 axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.map "mul" %4, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "add" %0, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
