// RUN: xdsl-opt %s -p lpu-fold-constants,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-fold-constants --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: xdsl-opt %s -p "lpu-fold-constants{budget_bytes=8},dce" --split-input-file | filecheck %s --check-prefix=SMALL

// What is known is evaluated and stands in the IR.
// CHECK-LABEL: @evaluated
// CHECK-NEXT:    lpu.constant <inline("0000000000000000010000000000000004000000000000000900000000000000", [4], i64)>
// CHECK-NEXT:    func.return
// Not under a budget of 8 bytes.
// SMALL-LABEL: @evaluated
// SMALL:         lpu.map "mul"
func.func @evaluated() -> !lpu.tensor<[4], i64> {
  %0 = lpu.iota <[0, 1]> : !lpu.tensor<[4], i64>
  %1 = lpu.map "mul" %0, %0 : !lpu.tensor<[4], i64>, !lpu.tensor<[4], i64> -> !lpu.tensor<[4], i64>
  func.return %1 : !lpu.tensor<[4], i64>
}

// -----

// A result with one element everywhere is a fill.
// CHECK-LABEL: @uniform_result
// CHECK-NEXT:    lpu.fill "01" : !lpu.tensor<[4], bool>
func.func @uniform_result() -> !lpu.tensor<[4], bool> {
  %0 = lpu.iota <[0, 1]> : !lpu.tensor<[4], i64>
  %1 = lpu.fill "0a00000000000000" : !lpu.tensor<[], i64>
  %2 = lpu.map "lt" %0, %1 : !lpu.tensor<[4], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[4], bool>
  func.return %2 : !lpu.tensor<[4], bool>
}

// -----

// Minus infinity and NaN are kept bit by bit.
// CHECK-LABEL: @not_finite
// CHECK-NEXT:    lpu.constant <inline("000080ff00000080", [2], f32)>
func.func @not_finite() -> !lpu.tensor<[2], f32> {
  %0 = lpu.constant <inline("0000807f00000000", [2], f32)> : !lpu.tensor<[2], f32>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %1 : !lpu.tensor<[2], f32>
}

// -----

// Fills stay fills through views, whatever the extents.
// CHECK-LABEL: @fill_through_views
// CHECK-NEXT:    lpu.fill "0000803f" : !lpu.tensor<[1, P + 1], f32>
// CHECK-NEXT:    func.return
func.func @fill_through_views() -> !lpu.tensor<[1, P + 1], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.fill "01" : !lpu.tensor<[P], bool>
  %1 = lpu.fill "01" : !lpu.tensor<[1], bool>
  %2 = lpu.concat %0, %1 axis 0 : !lpu.tensor<[P], bool>, !lpu.tensor<[1], bool> -> !lpu.tensor<[P + 1], bool>
  %3 = lpu.reshape %2 : !lpu.tensor<[P + 1], bool> -> !lpu.tensor<[1, P + 1], bool>
  %4 = lpu.cast %3 : !lpu.tensor<[1, P + 1], bool> -> !lpu.tensor<[1, P + 1], f32>
  func.return %4 : !lpu.tensor<[1, P + 1], f32>
}

// -----

// Different fills do not make one.
// CHECK-LABEL: @different_fills
// CHECK:         lpu.concat
func.func @different_fills() -> !lpu.tensor<[P + 1], bool> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.fill "01" : !lpu.tensor<[P], bool>
  %1 = lpu.fill "00" : !lpu.tensor<[1], bool>
  %2 = lpu.concat %0, %1 axis 0 : !lpu.tensor<[P], bool>, !lpu.tensor<[1], bool> -> !lpu.tensor<[P + 1], bool>
  func.return %2 : !lpu.tensor<[P + 1], bool>
}

// -----

// The running sum of a mask of ones counts.
// CHECK-LABEL: @positions
// CHECK-NEXT:    lpu.iota <[1, 0, 1]> : !lpu.tensor<[1, P + 1], i64>
func.func @positions() -> !lpu.tensor<[1, P + 1], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.fill "0100000000000000" : !lpu.tensor<[1, P + 1], i64>
  %1 = lpu.scan %0 axis 1 exclusive 0 : !lpu.tensor<[1, P + 1], i64> -> !lpu.tensor<[1, P + 1], i64>
  func.return %1 : !lpu.tensor<[1, P + 1], i64>
}

// -----

// Layout and type of a weight of any size move into its expression; nobody reads the file.
// CHECK-LABEL: @weight
// CHECK-NEXT:    lpu.constant <cast(transpose(reshape(file("absent", 0, [1024, 64], f32), [64, 1024]), [1, 0]), f16)> : !lpu.tensor<[1024, 64], f16>
// CHECK-NEXT:    func.return
func.func @weight() -> !lpu.tensor<[1024, 64], f16> {
  %0 = lpu.constant <file("absent", 0, [1024, 64], f32)> : !lpu.tensor<[1024, 64], f32>
  %1 = lpu.reshape %0 : !lpu.tensor<[1024, 64], f32> -> !lpu.tensor<[64, 1024], f32>
  %2 = lpu.transpose %1 <[1, 0]> : !lpu.tensor<[64, 1024], f32> -> !lpu.tensor<[1024, 64], f32>
  %3 = lpu.cast %2 : !lpu.tensor<[1024, 64], f32> -> !lpu.tensor<[1024, 64], f16>
  func.return %3 : !lpu.tensor<[1024, 64], f16>
}

// -----

// Two transposes that undo each other leave the weight.
// CHECK-LABEL: @transposed_twice
// CHECK-NEXT:    %[[w:.*]] = lpu.constant <file("absent", 0, [1024, 64], f32)>
// CHECK-NEXT:    func.return %[[w]]
func.func @transposed_twice() -> !lpu.tensor<[1024, 64], f32> {
  %0 = lpu.constant <file("absent", 0, [1024, 64], f32)> : !lpu.tensor<[1024, 64], f32>
  %1 = lpu.transpose %0 <[1, 0]> : !lpu.tensor<[1024, 64], f32> -> !lpu.tensor<[64, 1024], f32>
  %2 = lpu.transpose %1 <[1, 0]> : !lpu.tensor<[64, 1024], f32> -> !lpu.tensor<[1024, 64], f32>
  func.return %2 : !lpu.tensor<[1024, 64], f32>
}

// -----

// Of transposes in a row the last one permutes what the first one gave: [b, c, a], then [b, a, c].
// CHECK-LABEL: @transposed_in_turn
// CHECK-NEXT:    lpu.constant <transpose(file("absent", 0, [2, 1024, 64], f32), [1, 0, 2])> : !lpu.tensor<[1024, 2, 64], f32>
func.func @transposed_in_turn() -> !lpu.tensor<[1024, 2, 64], f32> {
  %0 = lpu.constant <file("absent", 0, [2, 1024, 64], f32)> : !lpu.tensor<[2, 1024, 64], f32>
  %1 = lpu.transpose %0 <[1, 2, 0]> : !lpu.tensor<[2, 1024, 64], f32> -> !lpu.tensor<[1024, 64, 2], f32>
  %2 = lpu.transpose %1 <[0, 2, 1]> : !lpu.tensor<[1024, 64, 2], f32> -> !lpu.tensor<[1024, 2, 64], f32>
  func.return %2 : !lpu.tensor<[1024, 2, 64], f32>
}

// -----

// A product with one, and a mask of which nothing is masked, are what they take.
// CHECK-LABEL: @neutral
// CHECK-NEXT:    func.return %x
func.func @neutral(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> {
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %never = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %all = lpu.fill "01" : !lpu.tensor<[4], bool>
  %0 = lpu.map "mul" %one, %x : !lpu.tensor<[], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  %1 = lpu.select %all, %0, %never : !lpu.tensor<[4], bool>, !lpu.tensor<[4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4], f32>
  func.return %1 : !lpu.tensor<[4], f32>
}

// -----

// Adding zero stays: it turns -0.0 into 0.0.
// CHECK-LABEL: @plus_zero
// CHECK:         lpu.map "add"
func.func @plus_zero(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> {
  %0 = lpu.fill "00000000" : !lpu.tensor<[], f32>
  %1 = lpu.map "add" %x, %0 : !lpu.tensor<[4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4], f32>
  func.return %1 : !lpu.tensor<[4], f32>
}

// -----

// A neutral operand that also broadcasts is not dropped.
// CHECK-LABEL: @broadcasting_one
// CHECK:         lpu.map "mul"
func.func @broadcasting_one(%x : !lpu.tensor<[1], f32>) -> !lpu.tensor<[4], f32> {
  %0 = lpu.fill "0000803f" : !lpu.tensor<[4], f32>
  %1 = lpu.map "mul" %x, %0 : !lpu.tensor<[1], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %1 : !lpu.tensor<[4], f32>
}

// -----

// What would trap is left to the program.
// CHECK-LABEL: @division_by_zero
// CHECK:         lpu.map "div"
func.func @division_by_zero() -> !lpu.tensor<[2], i64> {
  %0 = lpu.iota <[0, 1]> : !lpu.tensor<[2], i64>
  %1 = lpu.map "div" %0, %0 : !lpu.tensor<[2], i64>, !lpu.tensor<[2], i64> -> !lpu.tensor<[2], i64>
  func.return %1 : !lpu.tensor<[2], i64>
}

// -----

// A constant names all nodes that it was folded from.
// LOC-LABEL: @locations
// LOC:         lpu.fill "00004040" {{.*}} loc(fused["one", "sum"])
func.func @locations() -> !lpu.tensor<[], f32> {
  %0 = lpu.fill "0000803f" : !lpu.tensor<[], f32> loc("one")
  %1 = lpu.fill "00000040" : !lpu.tensor<[], f32> loc("sum")
  %2 = lpu.map "add" %0, %1 : !lpu.tensor<[], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[], f32> loc("sum")
  func.return %2 : !lpu.tensor<[], f32>
}
