// RUN: xdsl-opt %s -p lpu-gather-to-view,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-gather-to-view,dce --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Rows that follow on one another are a slice; the location stays.
// CHECK-LABEL: @slice
// CHECK-NEXT:    %y = lpu.slice %x at <[2, 0]> step <[1, 1]>
// CHECK-NEXT:    func.return %y
// LOC-LABEL: @slice
// LOC-NEXT:      lpu.slice {{.*}} loc("take")
func.func @slice(%x : !lpu.tensor<[8, 4], f32>) -> !lpu.tensor<[3, 4], f32> {
  %i = lpu.iota <[2, 1]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3, 4], f32> loc("take")
  func.return %y : !lpu.tensor<[3, 4], f32>
}

// -----

// A constant step above 0 is the step of the slice.
// CHECK-LABEL: @step
// CHECK-NEXT:    %y = lpu.slice %x at <[0, 1]> step <[1, 2]> {{.*}} -> !lpu.tensor<[4, 3], f32>
func.func @step(%x : !lpu.tensor<[4, 8], f32>) -> !lpu.tensor<[4, 3], f32> {
  %i = lpu.iota <[1, 2]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 1 : !lpu.tensor<[4, 8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[4, 3], f32>
  func.return %y : !lpu.tensor<[4, 3], f32>
}

// -----

// Index axes that do not move are broadcast.
// CHECK-LABEL: @broadcast
// CHECK-NEXT:    %0 = lpu.slice %x at <[1, 0]> step <[1, 1]>
// CHECK-NEXT:    %1 = lpu.reshape %0 {{.*}} -> !lpu.tensor<[1, 3, 4], f32>
// CHECK-NEXT:    %y = lpu.broadcast %1 {{.*}} -> !lpu.tensor<[2, 3, 4], f32>
func.func @broadcast(%x : !lpu.tensor<[8, 4], f32>) -> !lpu.tensor<[2, 3, 4], f32> {
  %i = lpu.iota <[1, 0, 1]> : !lpu.tensor<[2, 3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3, 4], f32>
  func.return %y : !lpu.tensor<[2, 3, 4], f32>
}

// -----

// An index that is one number drops the axis.
// CHECK-LABEL: @scalar
// CHECK-NEXT:    %0 = lpu.slice %x at <[5, 0]> step <[1, 1]> {{.*}} -> !lpu.tensor<[1, 4], f32>
// CHECK-NEXT:    %y = lpu.reshape %0 {{.*}} -> !lpu.tensor<[4], f32>
func.func @scalar(%x : !lpu.tensor<[8, 4], f32>) -> !lpu.tensor<[4], f32> {
  %i = lpu.constant <inline("0500000000000000", [], i64)> : !lpu.tensor<[], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[], i64> -> !lpu.tensor<[4], f32>
  func.return %y : !lpu.tensor<[4], f32>
}

// -----

// Base and extent may move together: P + i < P + 3.
// CHECK-LABEL: @last_rows
// CHECK-NEXT:    %y = lpu.slice %x at <[P]> step <[1]>
func.func @last_rows(%x : !lpu.tensor<[P + 3], f32>) -> !lpu.tensor<[3], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %i = lpu.iota <[P, 1]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[P + 3], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Index arithmetic is read back through sums, products and the selection that makes negative
// indices positive.
// CHECK-LABEL: @arithmetic
// CHECK-NEXT:    %y = lpu.slice %x at <[1]> step <[2]>
func.func @arithmetic(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[3], f32> {
  %zero = lpu.fill "0000000000000000" : !lpu.tensor<[], i64>
  %one = lpu.fill "0100000000000000" : !lpu.tensor<[], i64>
  %two = lpu.fill "0200000000000000" : !lpu.tensor<[], i64>
  %eight = lpu.fill "0800000000000000" : !lpu.tensor<[], i64>
  %a = lpu.iota <[0, 1]> : !lpu.tensor<[3], i64>
  %b = lpu.map "mul" %a, %two : !lpu.tensor<[3], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[3], i64>
  %c = lpu.map "add" %b, %one : !lpu.tensor<[3], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[3], i64>
  %d = lpu.map "lt" %c, %zero : !lpu.tensor<[3], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[3], bool>
  %e = lpu.map "add" %c, %eight : !lpu.tensor<[3], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[3], i64>
  %i = lpu.select %d, %e, %c : !lpu.tensor<[3], bool>, !lpu.tensor<[3], i64>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Several axes that move are a reshape when together they cover the axis in order.
// CHECK-LABEL: @covered
// CHECK-NEXT:    %y = lpu.reshape %x {{.*}} -> !lpu.tensor<[2, 3], f32>
func.func @covered(%x : !lpu.tensor<[6], f32>) -> !lpu.tensor<[2, 3], f32> {
  %i = lpu.iota <[0, 3, 1]> : !lpu.tensor<[2, 3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[6], f32>, !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3], f32>
  func.return %y : !lpu.tensor<[2, 3], f32>
}

// -----

// Not a view: the two axes that move leave the last element out.
// CHECK-LABEL: @not_covered
// CHECK:         lpu.gather
func.func @not_covered(%x : !lpu.tensor<[7], f32>) -> !lpu.tensor<[2, 3], f32> {
  %i = lpu.iota <[0, 3, 1]> : !lpu.tensor<[2, 3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[7], f32>, !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3], f32>
  func.return %y : !lpu.tensor<[2, 3], f32>
}

// -----

// Not a view: the indices depend on data.
// CHECK-LABEL: @data
// CHECK-NEXT:    lpu.gather
func.func @data(%x : !lpu.tensor<[8], f32>, %i : !lpu.tensor<[3], i64>) -> !lpu.tensor<[3], f32> {
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Not a view: for some P the last index leaves the axis, which traps when the program runs.
// CHECK-LABEL: @leaves
// CHECK:         lpu.gather
func.func @leaves(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[3], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 6]>} {
  %i = lpu.iota <[P, 1]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Not a view: the first index counts from the end.
// CHECK-LABEL: @from_the_end
// CHECK:         lpu.gather
func.func @from_the_end(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[3], f32> {
  %i = lpu.iota <[-1, 1]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Not a view: the step is negative.
// CHECK-LABEL: @backwards
// CHECK:         lpu.gather
func.func @backwards(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[3], f32> {
  %i = lpu.iota <[7, -1]> : !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Not a view: the step depends on a symbol.
// CHECK-LABEL: @step_of_p
// CHECK:         lpu.gather
func.func @step_of_p(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[2], f32> attributes {lpu.symbols = #lpu.symbols<[P in 1 to 7]>} {
  %i = lpu.iota <[0, P]> : !lpu.tensor<[2], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[2], i64> -> !lpu.tensor<[2], f32>
  func.return %y : !lpu.tensor<[2], f32>
}

// -----

// Not a view: the selection may take either side.
// CHECK-LABEL: @undecided_selection
// CHECK:         lpu.gather
func.func @undecided_selection(%x : !lpu.tensor<[8], f32>) -> !lpu.tensor<[3], f32> {
  %zero = lpu.fill "0000000000000000" : !lpu.tensor<[], i64>
  %a = lpu.iota <[-1, 1]> : !lpu.tensor<[3], i64>
  %b = lpu.iota <[0, 1]> : !lpu.tensor<[3], i64>
  %c = lpu.map "lt" %a, %zero : !lpu.tensor<[3], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[3], bool>
  %i = lpu.select %c, %a, %b : !lpu.tensor<[3], bool>, !lpu.tensor<[3], i64>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], i64>
  %y = lpu.gather %x, %i axis 0 : !lpu.tensor<[8], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// A scatter that sets every row in order is its updates.
// CHECK-LABEL: @overwritten
// CHECK-NEXT:    func.return %u
func.func @overwritten(%x : !lpu.tensor<[3, 4], f32>, %u : !lpu.tensor<[3, 4], f32>) -> !lpu.tensor<[3, 4], f32> {
  %i = lpu.iota <[0, 1]> : !lpu.tensor<[3], i64>
  %y = lpu.scatter "set" %x, %i, %u : !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[3, 4], f32>
  func.return %y : !lpu.tensor<[3, 4], f32>
}

// -----

// Not so when it adds, when rows keep their content, or in another order.
// CHECK-LABEL: @kept
// CHECK:         lpu.scatter "add"
// CHECK:         lpu.scatter "set"
// CHECK:         lpu.scatter "set"
func.func @kept(%x : !lpu.tensor<[3, 4], f32>, %u : !lpu.tensor<[3, 4], f32>, %v : !lpu.tensor<[2, 4], f32>) -> (!lpu.tensor<[3, 4], f32>, !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3, 4], f32>) {
  %i = lpu.iota <[0, 1]> : !lpu.tensor<[3], i64>
  %j = lpu.iota <[0, 1]> : !lpu.tensor<[2], i64>
  %k = lpu.iota <[2, -1]> : !lpu.tensor<[3], i64>
  %a = lpu.scatter "add" %x, %i, %u : !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[3, 4], f32>
  %b = lpu.scatter "set" %x, %j, %v : !lpu.tensor<[3, 4], f32>, !lpu.tensor<[2], i64>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[3, 4], f32>
  %c = lpu.scatter "set" %x, %k, %u : !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[3, 4], f32>
  func.return %a, %b, %c : !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3, 4], f32>, !lpu.tensor<[3, 4], f32>
}
