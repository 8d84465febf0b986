// RUN: xdsl-opt %s -p onnx-resolve-shapes --split-input-file --verify-diagnostics | filecheck %s
// RUN: xdsl-opt %s -p onnx-resolve-shapes --split-input-file --verify-diagnostics --print-debuginfo | filecheck %s --check-prefix=LOC

// An operator that stays gets the extents of its results; the function too.
// CHECK-LABEL: @typed
// CHECK-SAME:    -> !lpu.tensor<[1, P, 8], f32>
// CHECK-NEXT:    onnx.Add(%x, %y) {{.*}} -> !lpu.tensor<[1, P, 8], f32>
func.func @typed(%x : !lpu.tensor<[1, P, 8], f32>, %y : !lpu.tensor<[8], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %z = onnx.Add(%x, %y) {since_version = 14 : i64} : (!lpu.tensor<[1, P, 8], f32>, !lpu.tensor<[8], f32>) -> !lpu.tensor<*, f32>
  func.return %z : !lpu.tensor<*, f32>
}

// -----

// A reshape to its own shape is nothing, and the shape is not computed.
// CHECK-LABEL: @own_shape
// CHECK-NEXT:    func.return %x
func.func @own_shape(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (!lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[1, P, 8], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// In a Reshape, 0 copies an extent and -1 is inferred, also next to a symbol.
// CHECK-LABEL: @reshape
// CHECK-NEXT:    %r = lpu.reshape %x {{.*}} -> !lpu.tensor<[1, P, 2, 4], f32>
// CHECK-NEXT:    func.return %r
// LOC-LABEL: @reshape
// LOC:           lpu.reshape {{.*}} loc("heads")
func.func @reshape(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[0, 0, 2, -1]>, since_version = 13 : i64} : () -> !lpu.tensor<[4], i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[1, P, 8], f32>, !lpu.tensor<[4], i64>) -> !lpu.tensor<*, f32> loc("heads")
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// The extent that is inferred may be the symbol.
// CHECK-LABEL: @inferred_symbol
// CHECK-NEXT:    %r = lpu.reshape %x {{.*}} -> !lpu.tensor<[2*P, 4], f32>
func.func @inferred_symbol(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[-1, 4]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[1, P, 8], f32>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// With allowzero, 0 is an extent.
// CHECK-LABEL: @allowzero
// CHECK-NEXT:    %r = lpu.reshape %x {{.*}} -> !lpu.tensor<[0, 4], f32>
func.func @allowzero(%x : !lpu.tensor<[8, 0], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Constant() {value_ints = #lpu.ints<[0, 4]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %r = onnx.Reshape(%x, %s) {allowzero = 1 : i64, since_version = 14 : i64} : (!lpu.tensor<[8, 0], f32>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// An error: a Reshape to another number of elements, whether given or inferred.
// CHECK: blocks: onnx.Reshape: cannot reshape [5], f32 to [2, 3], f32
func.func @wrong_reshape(%x : !lpu.tensor<[5], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Constant() {value_ints = #lpu.ints<[2, 3]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[5], f32>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32> loc("blocks")
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// CHECK: onnx.Reshape: cannot infer the extent -1: (5) / 2
func.func @wrong_inference(%x : !lpu.tensor<[5], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Constant() {value_ints = #lpu.ints<[2, -1]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[5], f32>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// An error: an extent that depends on data.
// CHECK: heads: onnx.Reshape: 'shape' depends on data, not on shapes alone
func.func @data_shape(%x : !lpu.tensor<[8], f32>, %s : !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32> {
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (!lpu.tensor<[8], f32>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, f32> loc("heads")
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// Where(shape == -1, 1, shape), in which no extent is -1, is the shape that Expand takes.
// CHECK-LABEL: @expand
// CHECK-NEXT:    lpu.broadcast %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[P + 1, 4], f32>
// CHECK-NEXT:    func.return
func.func @expand(%x : !lpu.tensor<[1, 4], f32>, %y : !lpu.tensor<[P + 1, 4], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %m = onnx.Constant() {value_int = -1 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %two = onnx.Constant() {value_ints = #lpu.ints<[2]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %one = onnx.ConstantOfShape(%two) {value = #lpu.weight<inline("0100000000000000", [1], i64)>, since_version = 9 : i64} : (!lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %s = onnx.Shape(%y) {since_version = 15 : i64} : (!lpu.tensor<[P + 1, 4], f32>) -> !lpu.tensor<*, i64>
  %c = onnx.Equal(%s, %m) {since_version = 19 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, bool>
  %t = onnx.Where(%c, %one, %s) {since_version = 16 : i64} : (!lpu.tensor<*, bool>, !lpu.tensor<*, i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %r = onnx.Expand(%x, %t) {since_version = 13 : i64} : (!lpu.tensor<[1, 4], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// An error: an Expand to another extent.
// CHECK: onnx.Expand: cannot expand extent 3 to 4
func.func @wrong_expand(%x : !lpu.tensor<[3], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Constant() {value_ints = #lpu.ints<[4]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %r = onnx.Expand(%x, %s) {since_version = 13 : i64} : (!lpu.tensor<[3], f32>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// A Slice up to the largest integer goes to the end.
// CHECK-LABEL: @open_slice
// CHECK-NEXT:    %r = lpu.slice %x at <[0, 1]> step <[1, 1]> {{.*}} -> !lpu.tensor<[1, P], f32>
func.func @open_slice(%x : !lpu.tensor<[1, P + 1], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %e = onnx.Constant() {value_ints = #lpu.ints<[9223372036854775807]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %r = onnx.Slice(%x, %s, %e, %s) {since_version = 13 : i64} : (!lpu.tensor<[1, P + 1], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// A negative start counts from the end, which may be a symbol.
// CHECK-LABEL: @negative_start
// CHECK-NEXT:    %r = lpu.slice %x at <[P]> step <[1]> {{.*}} -> !lpu.tensor<[1], f32>
func.func @negative_start(%x : !lpu.tensor<[P + 1], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[-1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %e = onnx.Constant() {value_ints = #lpu.ints<[9223372036854775807]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %r = onnx.Slice(%x, %s, %e) {since_version = 13 : i64} : (!lpu.tensor<[P + 1], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// The bounds of the oldest Slice are attributes.
// CHECK-LABEL: @slice_1
// CHECK-NEXT:    %r = lpu.slice %x at <[1]> step <[1]> {{.*}} -> !lpu.tensor<[3], f32>
func.func @slice_1(%x : !lpu.tensor<[5], f32>) -> !lpu.tensor<*, f32> {
  %r = onnx.Slice(%x) {starts = #lpu.ints<[1]>, ends = #lpu.ints<[-1]>, since_version = 1 : i64} : (!lpu.tensor<[5], f32>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// A Slice that goes backwards looks its elements up.
// CHECK-LABEL: @backwards
// CHECK-NEXT:    %[[at:.*]] = lpu.iota <[7, -1]> : !lpu.tensor<[7], i64>
// CHECK-NEXT:    lpu.gather %x, %[[at]] axis 0 {{.*}} -> !lpu.tensor<[7], f32>
func.func @backwards(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Constant() {value_ints = #lpu.ints<[-1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %a = onnx.Constant() {value_ints = #lpu.ints<[0]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %r = onnx.Slice(%x, %s, %a, %a, %s) {since_version = 13 : i64} : (!lpu.tensor<[8], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// An error: bounds that differ in form with P.
// CHECK: onnx.Slice: min(3, P) depends on the value of a symbol
func.func @undecided(%x : !lpu.tensor<[P], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[0]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %e = onnx.Constant() {value_ints = #lpu.ints<[3]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %r = onnx.Slice(%x, %s, %e) {since_version = 13 : i64} : (!lpu.tensor<[P], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// A Range is an iota, and arithmetic on it is done here.
// CHECK-LABEL: @range
// CHECK-NEXT:    %[[line:.*]] = lpu.iota <[1, 2]> : !lpu.tensor<[P], i64>
// CHECK-NEXT:    func.return %[[line]]
func.func @range(%x : !lpu.tensor<[P], f32>) -> !lpu.tensor<*, i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %n = onnx.Size(%x) {since_version = 13 : i64} : (!lpu.tensor<[P], f32>) -> !lpu.tensor<*, i64>
  %zero = onnx.Constant() {value_int = 0 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %one = onnx.Constant() {value_int = 1 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %two = onnx.Constant() {value_int = 2 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %r = onnx.Range(%zero, %n, %one) {since_version = 11 : i64} : (!lpu.tensor<[], i64>, !lpu.tensor<*, i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  %d = onnx.Mul(%r, %two) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Add(%d, %one) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  func.return %y : !lpu.tensor<*, i64>
}

// -----

// An error: a Range whose end depends on data.
// CHECK: onnx.Range: the bounds of a Range depend on data, not on shapes alone
func.func @data_range(%n : !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64> {
  %one = onnx.Constant() {value_int = 1 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %r = onnx.Range(%one, %n, %one) {since_version = 11 : i64} : (!lpu.tensor<[], i64>, !lpu.tensor<[], i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  func.return %r : !lpu.tensor<*, i64>
}

// -----

// A ConstantOfShape is a fill.
// CHECK-LABEL: @fill
// CHECK-NEXT:    lpu.fill "0000803f" : !lpu.tensor<[P, 2], f32>
// CHECK-NEXT:    func.return
func.func @fill(%x : !lpu.tensor<[P, 2], i64>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (!lpu.tensor<[P, 2], i64>) -> !lpu.tensor<*, i64>
  %r = onnx.ConstantOfShape(%s) {value = #lpu.weight<inline("0000803f", [1], f32)>, since_version = 9 : i64} : (!lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// A Split is one slice for each part.
// CHECK-LABEL: @split
// CHECK-NEXT:    lpu.slice %x at <[0, 0]> step <[1, 1]> {{.*}} -> !lpu.tensor<[P, 4], f32>
// CHECK-NEXT:    lpu.slice %x at <[0, 4]> step <[1, 1]> {{.*}} -> !lpu.tensor<[P, 2], f32>
func.func @split(%x : !lpu.tensor<[P, 6], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Constant() {value_ints = #lpu.ints<[4, 2]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %a, %b = onnx.Split(%x, %s) {axis = -1 : i64, since_version = 13 : i64} : (!lpu.tensor<[P, 6], f32>, !lpu.tensor<[2], i64>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)
  func.return %a, %b : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}

// -----

// Without sizes the parts are equal, and the last may be smaller.
// CHECK-LABEL: @uneven_split
// CHECK-NEXT:    lpu.slice %x at <[0]> step <[1]> {{.*}} -> !lpu.tensor<[3], f32>
// CHECK-NEXT:    lpu.slice %x at <[3]> step <[1]> {{.*}} -> !lpu.tensor<[2], f32>
func.func @uneven_split(%x : !lpu.tensor<[5], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  %a, %b = onnx.Split(%x) {num_outputs = 2 : i64, since_version = 18 : i64} : (!lpu.tensor<[5], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)
  func.return %a, %b : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}

// -----

// Squeeze and Unsqueeze are reshapes, Transpose reverses the axes, Identity is its operand.
// CHECK-LABEL: @moves
// CHECK-NEXT:    %a = lpu.reshape %x {{.*}} -> !lpu.tensor<[P, 4], f32>
// CHECK-NEXT:    %b = lpu.transpose %a <[1, 0]> {{.*}} -> !lpu.tensor<[4, P], f32>
// CHECK-NEXT:    %c = lpu.reshape %b {{.*}} -> !lpu.tensor<[4, P, 1], f32>
// CHECK-NEXT:    func.return %c
func.func @moves(%x : !lpu.tensor<[1, P, 4], f32>) -> !lpu.tensor<*, f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %axes = onnx.Constant() {value_ints = #lpu.ints<[-1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %a = onnx.Squeeze(%x) {axes = #lpu.ints<[0]>, since_version = 11 : i64} : (!lpu.tensor<[1, P, 4], f32>) -> !lpu.tensor<*, f32>
  %b = onnx.Transpose(%a) {since_version = 13 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  %c = onnx.Unsqueeze(%b, %axes) {since_version = 13 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  %d = onnx.Identity(%c) {since_version = 16 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  func.return %d : !lpu.tensor<*, f32>
}

// -----

// An error: a Squeeze of an axis that is not 1.
// CHECK: onnx.Squeeze: Squeeze of an axis whose extent is not 1
func.func @wrong_squeeze(%x : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<*, f32> {
  %r = onnx.Squeeze(%x) {axes = #lpu.ints<[0]>, since_version = 11 : i64} : (!lpu.tensor<[2, 4], f32>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// What a data operator reads is made: a shape with a symbol of iotas, a known one as a constant.
// CHECK-LABEL: @read
// CHECK:         %[[p:.*]] = lpu.iota <[P, 0]> : !lpu.tensor<[1], i64>
// CHECK:         %[[two:.*]] = lpu.iota <[2, 0]> : !lpu.tensor<[1], i64>
// CHECK:         %[[shape:.*]] = lpu.concat %[[p]], %[[two]] axis 0
// CHECK:         onnx.Add(%i, %[[shape]])
// CHECK:         %[[known:.*]] = lpu.constant <inline("03000000000000000200000000000000", [2], i64)>
// CHECK-NEXT:    onnx.Add(%i, %[[known]])
func.func @read(%x : !lpu.tensor<[P, 2], f32>, %y : !lpu.tensor<[3, 2], f32>, %i : !lpu.tensor<[2], i64>) -> (!lpu.tensor<*, i64>, !lpu.tensor<*, i64>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (!lpu.tensor<[P, 2], f32>) -> !lpu.tensor<*, i64>
  %a = onnx.Add(%i, %s) {since_version = 14 : i64} : (!lpu.tensor<[2], i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %t = onnx.Shape(%y) {since_version = 15 : i64} : (!lpu.tensor<[3, 2], f32>) -> !lpu.tensor<*, i64>
  %b = onnx.Add(%i, %t) {since_version = 14 : i64} : (!lpu.tensor<[2], i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  func.return %a, %b : !lpu.tensor<*, i64>, !lpu.tensor<*, i64>
}

// -----

// An initialiser is a constant, by reference.
// CHECK-LABEL: @initialiser
// CHECK-NEXT:    %w = lpu.constant <file("m.data", 64, [999], f32)> : !lpu.tensor<[999], f32>
func.func @initialiser() -> !lpu.tensor<[999], f32> {
  %w = onnx.Initializer <file("m.data", 64, [999], f32)> : !lpu.tensor<[999], f32>
  func.return %w : !lpu.tensor<[999], f32>
}

// -----

// An error: extents that cannot be shown to fit.
// CHECK: dense: onnx.MatMul: the inner extents 4 and 5 differ
func.func @wrong_product(%x : !lpu.tensor<[1, 4], f32>, %y : !lpu.tensor<[5, 2], f32>) -> !lpu.tensor<*, f32> {
  %r = onnx.MatMul(%x, %y) {since_version = 13 : i64} : (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[5, 2], f32>) -> !lpu.tensor<*, f32> loc("dense")
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// An error: an operator without a rule.
// CHECK: onnx.Det: the operator Det is not supported
func.func @not_supported(%x : !lpu.tensor<[4, 4], f32>) -> !lpu.tensor<*, f32> {
  %r = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[4, 4], f32>) -> !lpu.tensor<*, f32>
  func.return %r : !lpu.tensor<*, f32>
}

// -----

// Known numbers are what the operator says: this remainder has the sign of the dividend.
// CHECK-LABEL: @fmod
// CHECK:         %[[one:.*]] = lpu.constant <inline("ffffffffffffffff", [], i64)>
// CHECK-NEXT:    func.return %[[one]]
func.func @fmod() -> !lpu.tensor<*, i64> {
  %a = onnx.Constant() {value_int = -7 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %b = onnx.Constant() {value_int = 3 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %r = onnx.Mod(%a, %b) {fmod = 1 : i64, since_version = 13 : i64} : (!lpu.tensor<[], i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  func.return %r : !lpu.tensor<*, i64>
}

// -----

// The larger of 0 and P is P, also where they may be equal.
// CHECK-LABEL: @extreme
// CHECK:         return %{{.*}} : !lpu.tensor<[P, 4], f32>
func.func @extreme(%x : !lpu.tensor<[P, 4], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %zero = onnx.Constant() {value = #lpu.weight<inline("0000000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %four = onnx.Constant() {value = #lpu.weight<inline("0400000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %p = onnx.Shape(%x) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 4], f32>) -> !lpu.tensor<*, i64>
  %m = onnx.Max(%zero, %p) {since_version = 13 : i64} : (!lpu.tensor<[1], i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %s = onnx.Concat(%m, %four) {axis = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Reshape(%x, %s) {allowzero = 1 : i64, since_version = 14 : i64} : (!lpu.tensor<[P, 4], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// What moves make of numbers is a constant to its readers.
// CHECK-LABEL: @pads
// CHECK:         %[[pads:.*]] = lpu.constant <inline("0000000000000000000000000000000002000000000000000300000000000000", [4], i64)>
// CHECK:         onnx.Pad(%{{.*}}, %[[pads]])
func.func @pads(%x : !lpu.tensor<[2, 3], f32>) -> !lpu.tensor<*, f32> {
  %none = onnx.Constant() {value = #lpu.weight<inline("00000000000000000000000000000000", [2], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (!lpu.tensor<[2, 3], f32>) -> !lpu.tensor<*, i64>
  %p = onnx.Concat(%none, %s) {axis = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<[2], i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Pad(%x, %p) {since_version = 13 : i64} : (!lpu.tensor<[2, 3], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// Lengths that a node needs to be equal are one, also in what was made before it.
// CHECK-LABEL: @one_length
// CHECK-SAME:    (%x: !lpu.tensor<[P, 8], f32>, %y: !lpu.tensor<[P, 8], f32>)
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 5]>
// CHECK-NEXT:    %t = lpu.transpose %y <[1, 0]> : !lpu.tensor<[P, 8], f32> -> !lpu.tensor<[8, P], f32>
// CHECK-NEXT:    %c = lpu.concat %t, %t axis 1 {{.*}} -> !lpu.tensor<[8, 2*P], f32>
// CHECK-NEXT:    %z = onnx.Add(%x, %y) {{.*}} -> !lpu.tensor<[P, 8], f32>
func.func @one_length(%x : !lpu.tensor<[P, 8], f32>, %y : !lpu.tensor<[P1, 8], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7, P1 in 0 to 5]>} {
  %t = onnx.Transpose(%y) {perm = #lpu.ints<[1, 0]>, since_version = 13 : i64} : (!lpu.tensor<[P1, 8], f32>) -> !lpu.tensor<*, f32>
  %c = onnx.Concat(%t, %t) {axis = 1 : i64, since_version = 13 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  %z = onnx.Add(%x, %y) {since_version = 14 : i64} : (!lpu.tensor<[P, 8], f32>, !lpu.tensor<[P1, 8], f32>) -> !lpu.tensor<*, f32>
  func.return %c, %z : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}

// -----

// A row of a table for each token: there are no more tokens than rows.
// CHECK-LABEL: @rows_of_a_table
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 3]>
func.func @rows_of_a_table(%x : !lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %table = lpu.constant <inline("00000000000000000000000000000000", [4, 1], f32)> : !lpu.tensor<[4, 1], f32>
  %zero = onnx.Constant() {value = #lpu.weight<inline("0000000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %p = onnx.Shape(%x) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %next = onnx.Constant() {value_ints = #lpu.ints<[1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %end = onnx.Add(%p, %next) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Slice(%table, %p, %end, %zero) {since_version = 13 : i64} : (!lpu.tensor<[4, 1], f32>, !lpu.tensor<*, i64>, !lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// A row for the position of one token, which is no range: the largest has to be a row.
// CHECK-LABEL: @row_of_a_table
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 1]>
func.func @row_of_a_table(%x : !lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %table = lpu.constant <inline("00000000000000000000000000000000", [4, 1], f32)> : !lpu.tensor<[4, 1], f32>
  %p = onnx.Shape(%x) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %offsets = onnx.Constant() {value_ints = #lpu.ints<[0, 2]>, since_version = 13 : i64} : () -> !lpu.tensor<[2], i64>
  %rows = onnx.Add(%p, %offsets) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[2], i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Gather(%table, %rows) {since_version = 13 : i64} : (!lpu.tensor<[4, 1], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// The least of two lengths decides an extent: they are equal, and other caches are refused by a call.
// CHECK-LABEL: @least_of_lengths
// CHECK-SAME:    (%key: !lpu.tensor<[P, 1], f32>, %value: !lpu.tensor<[P, 1], f32>) -> !lpu.tensor<[P + 2, 1], f32>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 5]>
func.func @least_of_lengths(%key : !lpu.tensor<[P, 1], f32>, %value : !lpu.tensor<[P1, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7, P1 in 0 to 5]>} {
  %p = onnx.Shape(%key) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %q = onnx.Shape(%value) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P1, 1], f32>) -> !lpu.tensor<*, i64>
  %two = onnx.Constant() {value_ints = #lpu.ints<[2]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %one = onnx.Constant() {value_ints = #lpu.ints<[1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %a = onnx.Add(%p, %two) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %b = onnx.Add(%q, %two) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %least = onnx.Min(%a, %b) {since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %shape = onnx.Concat(%least, %one) {axis = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %x = onnx.Constant() {value = #lpu.weight<inline("0000803f", [1], f32)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], f32>
  %y = onnx.Expand(%x, %shape) {since_version = 13 : i64} : (!lpu.tensor<[1], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// An error: lengths of which one is longer by a number are never equal.
// CHECK: onnx.Expand: 'shape' depends on data, not on shapes alone
func.func @length_that_is_longer(%key : !lpu.tensor<[P, 1], f32>, %value : !lpu.tensor<[P1, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7, P1 in 0 to 5]>} {
  %p = onnx.Shape(%key) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %q = onnx.Shape(%value) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P1, 1], f32>) -> !lpu.tensor<*, i64>
  %two = onnx.Constant() {value_ints = #lpu.ints<[2]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %b = onnx.Add(%q, %two) {since_version = 14 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %least = onnx.Min(%p, %b) {since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %x = onnx.Constant() {value = #lpu.weight<inline("0000803f", [1], f32)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], f32>
  %y = onnx.Expand(%x, %least) {since_version = 13 : i64} : (!lpu.tensor<[1], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// An error: one number that comes in decides an extent; it may be given.
// CHECK: 'starts' depends on data, not on shapes alone; --input-value keep=N fixes it
func.func @number_that_comes_in(%x : !lpu.tensor<[4], f32>, %keep : !lpu.tensor<[], i64>) -> !lpu.tensor<*, f32>
    attributes {lpu.interface = #lpu.interface<["x" data f32, "keep" data i64] -> ["y" data f32]>} {
  %one = onnx.Constant() {value = #lpu.weight<inline("0100000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %end = onnx.Constant() {value_ints = #lpu.ints<[9]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %row = onnx.Reshape(%keep, %one) {since_version = 14 : i64} : (!lpu.tensor<[], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %start = onnx.Neg(%row) {since_version = 13 : i64} : (!lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Slice(%x, %start, %end) {since_version = 13 : i64} : (!lpu.tensor<[4], f32>, !lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// An error: of two numbers that come in, none alone decides.
// CHECK: 'starts' depends on data, not on shapes alone; make it a constant
func.func @two_that_come_in(%x : !lpu.tensor<[4], f32>, %a : !lpu.tensor<[1], i64>, %b : !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
    attributes {lpu.interface = #lpu.interface<["x" data f32, "a" data i64, "b" data i64] -> ["y" data f32]>} {
  %end = onnx.Constant() {value_ints = #lpu.ints<[9]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %start = onnx.Add(%a, %b) {since_version = 14 : i64} : (!lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Slice(%x, %start, %end) {since_version = 13 : i64} : (!lpu.tensor<[4], f32>, !lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// An error: what is no table may be cut short without end.
// CHECK: onnx.Slice: min(P, 4) depends on the value of a symbol
func.func @rows_of_an_input(%x : !lpu.tensor<[P, 1], f32>, %table : !lpu.tensor<[4, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %zero = onnx.Constant() {value = #lpu.weight<inline("0000000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %p = onnx.Shape(%x) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %y = onnx.Slice(%table, %zero, %p, %zero) {since_version = 13 : i64} : (!lpu.tensor<[4, 1], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// All rows that a mask may select, at their own places; those that it does not select add zero.
// CHECK-LABEL: @selected
// CHECK:         %[[all:.*]] = lpu.reshape %m : !lpu.tensor<[1, 3], bool> -> !lpu.tensor<[3], bool>
// CHECK:         onnx.Relu(%{{.*}}) {{.*}} -> !lpu.tensor<[3, 2], f32>
// CHECK:         %[[mask:.*]] = lpu.reshape %{{.*}} : !lpu.tensor<[3], bool> -> !lpu.tensor<[3, 1], bool>
// CHECK:         %[[added:.*]] = lpu.select %[[mask]], %{{.*}}, %{{.*}} -> !lpu.tensor<[3, 2], f32>
// CHECK-NEXT:    onnx.ScatterND(%x, %{{.*}}, %[[added]]) {{.*}}reduction = "add"
func.func @selected(%x : !lpu.tensor<[3, 2], f32>, %m : !lpu.tensor<[1, 3], bool>) -> !lpu.tensor<*, f32> {
  %one = onnx.Constant() {value_int = 1 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %p = onnx.NonZero(%m) {since_version = 13 : i64} : (!lpu.tensor<[1, 3], bool>) -> !lpu.tensor<*, i64>
  %t = onnx.Gather(%p, %one) {axis = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[], i64>) -> !lpu.tensor<*, i64>
  %r = onnx.Gather(%x, %t) {axis = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<[3, 2], f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  %y = onnx.Relu(%r) {since_version = 14 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  %a = onnx.Constant() {value_ints = #lpu.ints<[1]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %c = onnx.Unsqueeze(%t, %a) {since_version = 13 : i64} : (!lpu.tensor<*, i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, i64>
  %s = onnx.ScatterND(%x, %c, %y) {reduction = "add", since_version = 18 : i64} : (!lpu.tensor<[3, 2], f32>, !lpu.tensor<*, i64>, !lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  func.return %s : !lpu.tensor<*, f32>
}

// -----

// An error: rows that data selects are added up.
// CHECK: onnx.ReduceMax: it reads rows that data selects other than one by one
func.func @added_up(%m : !lpu.tensor<[1, 3], bool>) -> !lpu.tensor<*, i64> {
  %p = onnx.NonZero(%m) {since_version = 13 : i64} : (!lpu.tensor<[1, 3], bool>) -> !lpu.tensor<*, i64>
  %s = onnx.ReduceMax(%p) {since_version = 18 : i64} : (!lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  func.return %s : !lpu.tensor<*, i64>
}

// -----

// The last rows of a table, as many as there are tokens: there are no more tokens than rows.
// CHECK-LABEL: @last_rows_of_a_table
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 4]>
// CHECK:         lpu.slice %table at <[-1*P + 4, 0]> {{.*}} -> !lpu.tensor<[P, 1], f32>
func.func @last_rows_of_a_table(%x : !lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %table = lpu.constant <inline("00000000000000000000000000000000", [4, 1], f32)> : !lpu.tensor<[4, 1], f32>
  %zero = onnx.Constant() {value = #lpu.weight<inline("0000000000000000", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %rows = onnx.Constant() {value_ints = #lpu.ints<[4]>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %end = onnx.Constant() {value = #lpu.weight<inline("ffffffffffffff7f", [1], i64)>, since_version = 13 : i64} : () -> !lpu.tensor<[1], i64>
  %p = onnx.Shape(%x) {start = 0 : i64, end = 1 : i64, since_version = 15 : i64} : (!lpu.tensor<[P, 1], f32>) -> !lpu.tensor<*, i64>
  %from = onnx.Sub(%rows, %p) {since_version = 14 : i64} : (!lpu.tensor<[1], i64>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, i64>
  %y = onnx.Slice(%table, %from, %end, %zero) {since_version = 13 : i64} : (!lpu.tensor<[4, 1], f32>, !lpu.tensor<*, i64>, !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}

// -----

// A loop of two steps is written out, each on what the one before has left, and its results are stacked.
// CHECK-LABEL: @steps
// CHECK:         %[[one:.*]] = onnx.Neg(%x)
// CHECK:         %[[two:.*]] = onnx.Neg(%[[one]])
// CHECK-NOT:     onnx.Loop
// CHECK:         lpu.concat
// CHECK-SAME:    -> !lpu.tensor<[2, 3], f32>
// CHECK-NEXT:    func.return %[[two]],
func.func @steps(%x : !lpu.tensor<[3], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  %n = onnx.Constant() {value_int = 2 : i64, since_version = 13 : i64} : () -> !lpu.tensor<[], i64>
  %y, %ys = onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[3], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
  ^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>, %s : !lpu.tensor<*, f32>):
    %t = onnx.Neg(%s) {since_version = 13 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
    onnx.Yield %on, %t, %t : !lpu.tensor<[], bool>, !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
  }
  func.return %y, %ys : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}

// -----

// An error: a loop that data counts.
// CHECK: onnx.Loop: how many steps there are depends on data, not on shapes alone
func.func @counted_by_data(%n : !lpu.tensor<[], i64>, %x : !lpu.tensor<[3], f32>) -> !lpu.tensor<*, f32> {
  %y = onnx.Loop(%n, %x) {absent = #lpu.ints<[1]>} : (!lpu.tensor<[], i64>, !lpu.tensor<[3], f32>) -> !lpu.tensor<*, f32> {
  ^bb0(%i : !lpu.tensor<[], i64>, %on : !lpu.tensor<[], bool>, %s : !lpu.tensor<*, f32>):
    onnx.Yield %on, %s : !lpu.tensor<[], bool>, !lpu.tensor<*, f32>
  }
  func.return %y : !lpu.tensor<*, f32>
}
