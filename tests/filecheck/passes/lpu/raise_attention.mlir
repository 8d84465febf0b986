// RUN: xdsl-opt %s -p lpu-raise-attention,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-raise-attention,dce --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// The scaled_dot_product_attention of Dynamo: keys repeated for grouped heads, transposed as a
// tensor of rank 3, and scaled like the queries; a mask is added. Keys and values stay untouched.
// CHECK-LABEL: @sdpa
// CHECK-NEXT:    %y = lpu.attention %q, %k, %v biases %m : !lpu.tensor<[1, 1, 3, P + 3], f32> scale 2.500000e-01 softcap 0.000000e+00 empty "zero"
// CHECK-NEXT:    func.return %y
// LOC-LABEL: @sdpa
// LOC-NEXT:      lpu.attention {{.*}} loc(fused["scale q", "repeat", "scale k", "qk", "mask", "softmax", "pv"])
func.func @sdpa(%q : !lpu.tensor<[1, 4, 3, 16], f32>, %k : !lpu.tensor<[1, 2, P + 3, 16], f32>, %v : !lpu.tensor<[1, 2, P + 3, 16], f32>, %m : !lpu.tensor<[1, 1, 3, P + 3], f32>) -> !lpu.tensor<[1, 4, 3, 16], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %f = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %q, %f : !lpu.tensor<[1, 4, 3, 16], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 3, 16], f32> loc("scale q")
  %1 = lpu.reshape %k : !lpu.tensor<[1, 2, P + 3, 16], f32> -> !lpu.tensor<[1, 2, 1, P + 3, 16], f32> loc("repeat")
  %2 = lpu.broadcast %1 : !lpu.tensor<[1, 2, 1, P + 3, 16], f32> -> !lpu.tensor<[1, 2, 2, P + 3, 16], f32> loc("repeat")
  %3 = lpu.reshape %2 : !lpu.tensor<[1, 2, 2, P + 3, 16], f32> -> !lpu.tensor<[4, P + 3, 16], f32> loc("repeat")
  %4 = lpu.transpose %3 <[0, 2, 1]> : !lpu.tensor<[4, P + 3, 16], f32> -> !lpu.tensor<[4, 16, P + 3], f32> loc("repeat")
  %5 = lpu.reshape %4 : !lpu.tensor<[4, 16, P + 3], f32> -> !lpu.tensor<[1, 4, 16, P + 3], f32> loc("repeat")
  %6 = lpu.map "mul" %5, %f : !lpu.tensor<[1, 4, 16, P + 3], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 16, P + 3], f32> loc("scale k")
  %7 = lpu.matmul %0, %6 : !lpu.tensor<[1, 4, 3, 16], f32>, !lpu.tensor<[1, 4, 16, P + 3], f32> -> !lpu.tensor<[1, 4, 3, P + 3], f32> loc("qk")
  %8 = lpu.map "add" %7, %m : !lpu.tensor<[1, 4, 3, P + 3], f32>, !lpu.tensor<[1, 1, 3, P + 3], f32> -> !lpu.tensor<[1, 4, 3, P + 3], f32> loc("mask")
  %9 = lpu.softmax %8 empty "zero" : !lpu.tensor<[1, 4, 3, P + 3], f32> -> !lpu.tensor<[1, 4, 3, P + 3], f32> loc("softmax")
  %10 = lpu.reshape %v : !lpu.tensor<[1, 2, P + 3, 16], f32> -> !lpu.tensor<[1, 2, 1, P + 3, 16], f32> loc("repeat")
  %11 = lpu.broadcast %10 : !lpu.tensor<[1, 2, 1, P + 3, 16], f32> -> !lpu.tensor<[1, 2, 2, P + 3, 16], f32> loc("repeat")
  %12 = lpu.reshape %11 : !lpu.tensor<[1, 2, 2, P + 3, 16], f32> -> !lpu.tensor<[1, 4, P + 3, 16], f32> loc("repeat")
  %y = lpu.matmul %9, %12 : !lpu.tensor<[1, 4, 3, P + 3], f32>, !lpu.tensor<[1, 4, P + 3, 16], f32> -> !lpu.tensor<[1, 4, 3, 16], f32> loc("pv")
  func.return %y : !lpu.tensor<[1, 4, 3, 16], f32>
}

// -----

// Bloom: heads and batch are one axis, a bias of positions is added there, the mask with four axes.
// CHECK-LABEL: @bloom
// CHECK-NEXT:    %0 = lpu.reshape %a {{.*}} -> !lpu.tensor<[1, 4, 1, 9], f32>
// CHECK-NEXT:    %1 = lpu.reshape %q {{.*}} -> !lpu.tensor<[1, 4, 3, 8], f32>
// CHECK-NEXT:    %y = lpu.attention %1, %k, %v biases %0, %m
// CHECK-SAME:      scale 0.353553385
// CHECK-NEXT:    func.return %y
func.func @bloom(%q : !lpu.tensor<[4, 3, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %a : !lpu.tensor<[4, 1, 9], f32>, %m : !lpu.tensor<[1, 1, 3, 9], f32>) -> !lpu.tensor<[1, 4, 3, 8], f32> {
  %f = lpu.fill "f304b53e" : !lpu.tensor<[], f32>
  %0 = lpu.reshape %k : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[4, 9, 8], f32>
  %1 = lpu.transpose %0 <[0, 2, 1]> : !lpu.tensor<[4, 9, 8], f32> -> !lpu.tensor<[4, 8, 9], f32>
  %2 = lpu.matmul %q, %1 : !lpu.tensor<[4, 3, 8], f32>, !lpu.tensor<[4, 8, 9], f32> -> !lpu.tensor<[4, 3, 9], f32>
  %3 = lpu.map "mul" %2, %f : !lpu.tensor<[4, 3, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4, 3, 9], f32>
  %4 = lpu.map "add" %3, %a : !lpu.tensor<[4, 3, 9], f32>, !lpu.tensor<[4, 1, 9], f32> -> !lpu.tensor<[4, 3, 9], f32>
  %5 = lpu.reshape %4 : !lpu.tensor<[4, 3, 9], f32> -> !lpu.tensor<[1, 4, 3, 9], f32>
  %6 = lpu.map "add" %5, %m : !lpu.tensor<[1, 4, 3, 9], f32>, !lpu.tensor<[1, 1, 3, 9], f32> -> !lpu.tensor<[1, 4, 3, 9], f32>
  %7 = lpu.softmax %6 empty "nan" : !lpu.tensor<[1, 4, 3, 9], f32> -> !lpu.tensor<[1, 4, 3, 9], f32>
  %8 = lpu.reshape %7 : !lpu.tensor<[1, 4, 3, 9], f32> -> !lpu.tensor<[4, 3, 9], f32>
  %9 = lpu.reshape %v : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[4, 9, 8], f32>
  %10 = lpu.matmul %8, %9 : !lpu.tensor<[4, 3, 9], f32>, !lpu.tensor<[4, 9, 8], f32> -> !lpu.tensor<[4, 3, 8], f32>
  %y = lpu.reshape %10 : !lpu.tensor<[4, 3, 8], f32> -> !lpu.tensor<[1, 4, 3, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 3, 8], f32>
}

// -----

// Gemma 2: the softcap lies between scale and mask; a mask that puts -inf is a condition to keep.
// CHECK-LABEL: @softcap
// CHECK-NEXT:    %y = lpu.attention %q, %k, %v keeps %m : !lpu.tensor<[1, 1, 1, 9], bool> scale 5.000000e-01 softcap 5.000000e+01 empty "nan"
// CHECK-NEXT:    func.return %y
func.func @softcap(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %m : !lpu.tensor<[1, 1, 1, 9], bool>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %f = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %cap = lpu.fill "00004842" : !lpu.tensor<[], f32>
  %never = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.map "mul" %1, %f : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.map "div" %2, %cap : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %4 = lpu.map "tanh" %3 : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %5 = lpu.map "mul" %4, %cap : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %6 = lpu.select %m, %5, %never : !lpu.tensor<[1, 1, 1, 9], bool>, !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %7 = lpu.softmax %6 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %7, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// A mask that says what to hide is inverted.
// CHECK-LABEL: @hidden
// CHECK-NEXT:    %0 = lpu.map "not" %m
// CHECK-NEXT:    %y = lpu.attention %q, %k, %v keeps %0
func.func @hidden(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %m : !lpu.tensor<[1, 1, 1, 9], bool>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %never = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.select %m, %never, %1 : !lpu.tensor<[1, 1, 1, 9], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.softmax %2 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %3, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// Scores that are rounded are none: attention keeps them in f32.
// CHECK-LABEL: @short_scores
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @short_scores(%q : !lpu.tensor<[1, 4, 1, 8], f16>, %k : !lpu.tensor<[1, 4, 9, 8], f16>, %v : !lpu.tensor<[1, 4, 9, 8], f16>) -> !lpu.tensor<[1, 4, 1, 8], f16> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 8, 9], f16>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f16>, !lpu.tensor<[1, 4, 8, 9], f16> -> !lpu.tensor<[1, 4, 1, 9], f16>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f16> -> !lpu.tensor<[1, 4, 1, 9], f16>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f16>, !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 1, 8], f16>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f16>
}

// -----

// Queries scaled in front of the split into heads: the factor goes to the scale all the same.
// CHECK-LABEL: @early_scale
// CHECK-NEXT:    %0 = lpu.reshape %x {{.*}} -> !lpu.tensor<[1, 3, 4, 8], f32>
// CHECK-NEXT:    %1 = lpu.transpose %0 <[0, 2, 1, 3]>
// CHECK-NEXT:    %y = lpu.attention %1, %k, %v scale 2.500000e-01
func.func @early_scale(%x : !lpu.tensor<[1, 3, 32], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 3, 8], f32> {
  %f = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %s = lpu.map "mul" %x, %f : !lpu.tensor<[1, 3, 32], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 3, 32], f32>
  %h = lpu.reshape %s : !lpu.tensor<[1, 3, 32], f32> -> !lpu.tensor<[1, 3, 4, 8], f32>
  %q = lpu.transpose %h <[0, 2, 1, 3]> : !lpu.tensor<[1, 3, 4, 8], f32> -> !lpu.tensor<[1, 4, 3, 8], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 3, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 3, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 3, 9], f32> -> !lpu.tensor<[1, 4, 3, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 3, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 3, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 3, 8], f32>
}

// -----

// Heads repeated as a whole: query head h reads key head h mod 2, which is not what attention does.
// CHECK-LABEL: @tiled
// CHECK:         lpu.softmax
func.func @tiled(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 2, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %r = lpu.reshape %k : !lpu.tensor<[1, 2, 9, 8], f32> -> !lpu.tensor<[1, 1, 2, 9, 8], f32>
  %b = lpu.broadcast %r : !lpu.tensor<[1, 1, 2, 9, 8], f32> -> !lpu.tensor<[1, 2, 2, 9, 8], f32>
  %h = lpu.reshape %b : !lpu.tensor<[1, 2, 2, 9, 8], f32> -> !lpu.tensor<[1, 4, 9, 8], f32>
  %0 = lpu.transpose %h <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// A scaling behind the mask would scale the mask.
// CHECK-LABEL: @late_scale
// CHECK:         lpu.softmax
func.func @late_scale(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %m : !lpu.tensor<[1, 1, 1, 9], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %f = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.map "add" %1, %m : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 1, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.map "mul" %2, %f : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %4 = lpu.softmax %3 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %4, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// Who returns the probabilities needs them: nothing would be saved.
// CHECK-LABEL: @shared
// CHECK:         lpu.softmax
func.func @shared(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> (!lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 1, 9], f32>) {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y, %2 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 1, 9], f32>
}

// -----

// Values that are scaled are scaled before.
// CHECK-LABEL: @scaled_values
// CHECK:         %s = lpu.map "mul" %v
// CHECK:         lpu.attention %q, %k, %s
func.func @scaled_values(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %f = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %s = lpu.map "mul" %v, %f : !lpu.tensor<[1, 4, 9, 8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 9, 8], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %s : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// One row of queries for two rows of keys: the queries are spread over both.
// CHECK-LABEL: @one_query
// CHECK-NEXT:    %0 = lpu.broadcast %q {{.*}} -> !lpu.tensor<[2, 4, 1, 8], f32>
// CHECK-NEXT:    %y = lpu.attention %0, %k, %v scale 1.000000e+00
func.func @one_query(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[2, 4, 9, 8], f32>, %v : !lpu.tensor<[2, 4, 9, 8], f32>) -> !lpu.tensor<[2, 4, 1, 8], f32> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[2, 4, 9, 8], f32> -> !lpu.tensor<[2, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[2, 4, 8, 9], f32> -> !lpu.tensor<[2, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[2, 4, 1, 9], f32> -> !lpu.tensor<[2, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[2, 4, 1, 9], f32>, !lpu.tensor<[2, 4, 9, 8], f32> -> !lpu.tensor<[2, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[2, 4, 1, 8], f32>
}

// -----

// One row of scores for two rows of values: the result has more rows than the scores.
// CHECK-LABEL: @one_row_of_scores
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @one_row_of_scores(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[2, 4, 9, 8], f32>) -> !lpu.tensor<[2, 4, 1, 8], f32> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[2, 4, 9, 8], f32> -> !lpu.tensor<[2, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[2, 4, 1, 8], f32>
}

// -----

// A mask of two rows makes two of the scores of one.
// CHECK-LABEL: @wide_mask
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @wide_mask(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[2, 4, 9, 8], f32>, %m : !lpu.tensor<[2, 1, 1, 9], f32>) -> !lpu.tensor<[2, 4, 1, 8], f32> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.map "add" %1, %m : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[2, 1, 1, 9], f32> -> !lpu.tensor<[2, 4, 1, 9], f32>
  %3 = lpu.softmax %2 empty "nan" : !lpu.tensor<[2, 4, 1, 9], f32> -> !lpu.tensor<[2, 4, 1, 9], f32>
  %y = lpu.matmul %3, %v : !lpu.tensor<[2, 4, 1, 9], f32>, !lpu.tensor<[2, 4, 9, 8], f32> -> !lpu.tensor<[2, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[2, 4, 1, 8], f32>
}

// -----

// A bias behind a mask that puts -inf makes NaN of an infinite one; attention adds it in front.
// CHECK-LABEL: @bias_behind_mask
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @bias_behind_mask(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %m : !lpu.tensor<[1, 1, 1, 9], bool>, %b : !lpu.tensor<[1, 1, 1, 9], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %never = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.select %m, %1, %never : !lpu.tensor<[1, 1, 1, 9], bool>, !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.map "add" %2, %b : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 1, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %4 = lpu.softmax %3 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %4, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// A mask that puts the least f32 is none that puts -inf.
// CHECK-LABEL: @almost_never
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @almost_never(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>, %m : !lpu.tensor<[1, 1, 1, 9], bool>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %least = lpu.fill "ffff7fff" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.select %m, %1, %least : !lpu.tensor<[1, 1, 1, 9], bool>, !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.softmax %2 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %3, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// Keys and values in f16 that products read in f32: queries are not rounded to f16.
// CHECK-LABEL: @short_cache
// CHECK-NEXT:    %0 = lpu.cast %k : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
// CHECK-NEXT:    %1 = lpu.cast %v : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
// CHECK-NEXT:    %y = lpu.attention %q, %0, %1
func.func @short_cache(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f16>, %v : !lpu.tensor<[1, 4, 9, 8], f16>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %kw = lpu.cast %k : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
  %vw = lpu.cast %v : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
  %0 = lpu.transpose %kw <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %vw : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// Keys that are rounded to f16 and read in f32 stay rounded.
// CHECK-LABEL: @rounded_keys
// CHECK-NEXT:    %[[short:.*]] = lpu.cast %k : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 9, 8], f16>
// CHECK-NEXT:    %[[long:.*]] = lpu.cast %[[short]] : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
// CHECK-NEXT:    %y = lpu.attention %q, %[[long]], %v
func.func @rounded_keys(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %ks = lpu.cast %k : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 9, 8], f16>
  %kw = lpu.cast %ks : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 9, 8], f32>
  %0 = lpu.transpose %kw <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// So do queries.
// CHECK-LABEL: @rounded_queries
// CHECK-NEXT:    %[[short:.*]] = lpu.cast %q : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f16>
// CHECK-NEXT:    %y = lpu.attention %[[short]], %k, %v
func.func @rounded_queries(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %qs = lpu.cast %q : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f16>
  %qw = lpu.cast %qs : !lpu.tensor<[1, 4, 1, 8], f16> -> !lpu.tensor<[1, 4, 1, 8], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %qw, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// Probabilities that are rounded for a product in f32 are none of attention.
// CHECK-LABEL: @rounded_probabilities
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @rounded_probabilities(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f32>, %v : !lpu.tensor<[1, 4, 9, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 8, 9], f32>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 8, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f16>
  %3 = lpu.cast %2 : !lpu.tensor<[1, 4, 1, 9], f16> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %y = lpu.matmul %3, %v : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[1, 4, 9, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// In f16 what is rounded is the scaled queries, and the softmax; the cast behind is taken in.
// CHECK-LABEL: @short
// CHECK-NEXT:    %y = lpu.attention %q, %k, %v scale 2.500000e-01 softcap 0.000000e+00 empty "guarded" : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 4, 9, 8], f16>, !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 1, 8], f16>
// CHECK-NEXT:    func.return %y
func.func @short(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 4, 9, 8], f16>, %v : !lpu.tensor<[1, 4, 9, 8], f16>) -> !lpu.tensor<[1, 4, 1, 8], f16> {
  %f = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %qf = lpu.map "mul" %q, %f : !lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 8], f32>
  %qs = lpu.cast %qf : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f16>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 8, 9], f16>
  %1 = lpu.matmul %qs, %0 : !lpu.tensor<[1, 4, 1, 8], f16>, !lpu.tensor<[1, 4, 8, 9], f16> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.softmax %1 empty "guarded" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f16>
  %3 = lpu.matmul %2, %v : !lpu.tensor<[1, 4, 1, 9], f16>, !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 1, 8], f32>
  %y = lpu.cast %3 : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 4, 1, 8], f16>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f16>
}

// -----

// A scaling behind the product of rounded queries would be in front of the rounding.
// CHECK-LABEL: @scaled_behind
// CHECK-NOT:     lpu.attention
// CHECK:         func.return
func.func @scaled_behind(%q : !lpu.tensor<[1, 4, 1, 8], f16>, %k : !lpu.tensor<[1, 4, 9, 8], f16>, %v : !lpu.tensor<[1, 4, 9, 8], f16>) -> !lpu.tensor<[1, 4, 1, 8], f32> {
  %f = lpu.fill "cdcccc3e" : !lpu.tensor<[], f32>
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 8, 9], f16>
  %1 = lpu.matmul %q, %0 : !lpu.tensor<[1, 4, 1, 8], f16>, !lpu.tensor<[1, 4, 8, 9], f16> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %2 = lpu.map "mul" %1, %f : !lpu.tensor<[1, 4, 1, 9], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %3 = lpu.softmax %2 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f16>
  %y = lpu.matmul %3, %v : !lpu.tensor<[1, 4, 1, 9], f16>, !lpu.tensor<[1, 4, 9, 8], f16> -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}
