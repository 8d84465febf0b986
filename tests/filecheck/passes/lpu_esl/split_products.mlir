// RUN: xdsl-opt %s -p lpu-esl-split-products --split-input-file | filecheck %s

// A bias that follows the product is shared out, too.
// CHECK-LABEL: @bias
// CHECK-NEXT:    lpu.constant <slice(file("w", 0, [4, 8], f32), [0, 0], [4, 4])>
// CHECK-NEXT:    lpu.constant <slice(file("w", 0, [4, 8], f32), [0, 4], [4, 4])>
// CHECK-NEXT:    lpu.constant <slice(file("b", 0, [8], f32), [0], [4])>
// CHECK-NEXT:    lpu.constant <slice(file("b", 0, [8], f32), [4], [4])>
// CHECK-NEXT:    lpu.matmul %x
// CHECK-NEXT:    lpu.matmul %x
// CHECK-NEXT:    lpu.map "add"
// CHECK-NEXT:    lpu.map "add"
// CHECK-NEXT:    func.return
func.func @bias(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %b = lpu.constant <file("b", 0, [8], f32)> : !lpu.tensor<[8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.map "add" %y, %b : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[1, 8], f32>
  %k = lpu.slice %z at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  %q = lpu.slice %z at <[0, 4]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %k, %q : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// Rows of a weight on the left, of an expert that data names.
// CHECK-LABEL: @experts
// CHECK:         lpu.constant <slice(file("w", 0, [3, 8, 4], f32), [0, 0, 0], [3, 4, 4])>
// CHECK:         lpu.gather {{.*}} -> !lpu.tensor<[1, 4, 4], f32>
// CHECK-NOT:     lpu.slice
func.func @experts(%i : !lpu.tensor<[1], i64>, %x : !lpu.tensor<[1, 4, 1], f32>) -> (!lpu.tensor<[1, 4, 1], f32>, !lpu.tensor<[1, 4, 1], f32>) {
  %w = lpu.constant <file("w", 0, [3, 8, 4], f32)> : !lpu.tensor<[3, 8, 4], f32>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[3, 8, 4], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 8, 4], f32>
  %y = lpu.matmul %e, %x : !lpu.tensor<[1, 8, 4], f32>, !lpu.tensor<[1, 4, 1], f32> -> !lpu.tensor<[1, 8, 1], f32>
  %k = lpu.slice %y at <[0, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[1, 8, 1], f32> -> !lpu.tensor<[1, 4, 1], f32>
  %q = lpu.slice %y at <[0, 4, 0]> step <[1, 1, 1]> : !lpu.tensor<[1, 8, 1], f32> -> !lpu.tensor<[1, 4, 1], f32>
  func.return %k, %q : !lpu.tensor<[1, 4, 1], f32>, !lpu.tensor<[1, 4, 1], f32>
}

// -----

// What is read as a whole as well stays one product.
// CHECK-LABEL: @whole
// CHECK:         lpu.matmul
// CHECK-NOT:     lpu.matmul
func.func @whole(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 8], f32>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %k = lpu.slice %y at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %k, %y : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 8], f32>
}

// -----

// Parts that overlap would be computed twice.
// CHECK-LABEL: @overlap
// CHECK:         lpu.matmul
// CHECK-NOT:     lpu.matmul
func.func @overlap(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 5], f32>, !lpu.tensor<[1, 4], f32>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %k = lpu.slice %y at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 5], f32>
  %q = lpu.slice %y at <[0, 4]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %k, %q : !lpu.tensor<[1, 5], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// A softmax in between needs all columns.
// CHECK-LABEL: @softmax
// CHECK:         lpu.softmax
// CHECK-COUNT-2: lpu.slice
func.func @softmax(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %z = lpu.softmax %y empty "nan" : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %k = lpu.slice %z at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  %q = lpu.slice %z at <[0, 4]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %k, %q : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// A small constant that two read becomes two, each with a meaning of its own.
// CHECK-LABEL: @zeros
// CHECK-COUNT-2: lpu.fill "00000000" : !lpu.tensor<[4], f32>
func.func @zeros(%x : !lpu.tensor<[4], f32>, %y : !lpu.tensor<[4], f32>) -> (!lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>) {
  %b = lpu.fill "00000000" : !lpu.tensor<[4], f32>
  %0 = lpu.map "add" %x, %b : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  %1 = lpu.map "add" %y, %b : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %0, %1 : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>
}

// -----

// What is computed of the parts may differ: one of them is rounded.
// CHECK-LABEL: @rounded
// CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[1, 3], f32>
// CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[1, 5], f32>
// CHECK-NEXT:    lpu.cast {{.*}} -> !lpu.tensor<[1, 5], f16>
// CHECK-NOT:     lpu.slice
func.func @rounded(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 3], f32>, !lpu.tensor<[1, 5], f16>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %q = lpu.slice %y at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 3], f32>
  %z = lpu.cast %y : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f16>
  %k = lpu.slice %z at <[0, 3]> step <[1, 1]> : !lpu.tensor<[1, 8], f16> -> !lpu.tensor<[1, 5], f16>
  func.return %q, %k : !lpu.tensor<[1, 3], f32>, !lpu.tensor<[1, 5], f16>
}
