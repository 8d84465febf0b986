// RUN: xdsl-opt %s -p convert-onnx-to-lpu --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p convert-onnx-to-lpu --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// An element by element operator is one map.
// CHECK-LABEL: @tanh
// CHECK-NEXT:    %y = lpu.map "tanh" %x : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
// CHECK-NEXT:    func.return %y
func.func @tanh(%x : !lpu.tensor<[P, 4], f32>) -> !lpu.tensor<[P, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = onnx.Tanh(%x) {since_version = 13 : i64} : (!lpu.tensor<[P, 4], f32>) -> !lpu.tensor<[P, 4], f32>
  func.return %y : !lpu.tensor<[P, 4], f32>
}

// -----

// Temporaries of an expansion are f32, and the result is rounded once.
// CHECK-LABEL: @softmax_of_f16
// CHECK-NEXT:    %0 = lpu.cast %x : !lpu.tensor<[2, P + 1], f16> -> !lpu.tensor<[2, P + 1], f32>
// CHECK-NEXT:    %1 = lpu.reduce "max" %0 over <[1]> {{.*}} -> !lpu.tensor<[2, 1], f32>
// CHECK-NEXT:    lpu.map "sub" %0, %1
// CHECK-NEXT:    lpu.map "exp"
// CHECK-NEXT:    lpu.reduce "sum"
// CHECK-NEXT:    lpu.map "div" {{.*}} -> !lpu.tensor<[2, P + 1], f32>
// CHECK-NEXT:    lpu.cast {{.*}} -> !lpu.tensor<[2, P + 1], f16>
func.func @softmax_of_f16(%x : !lpu.tensor<[2, P + 1], f16>) -> !lpu.tensor<[2, P + 1], f16> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = onnx.Softmax(%x) {axis = -1 : i64, since_version = 13 : i64} : (!lpu.tensor<[2, P + 1], f16>) -> !lpu.tensor<[2, P + 1], f16>
  func.return %y : !lpu.tensor<[2, P + 1], f16>
}

// -----

// Before opset 13 the axis and all after it are normalised together.
// CHECK-LABEL: @softmax_11
// CHECK-NEXT:    lpu.reduce "max" %x over <[1, 2]>
func.func @softmax_11(%x : !lpu.tensor<[2, 3, 4], f32>) -> !lpu.tensor<[2, 3, 4], f32> {
  %y = onnx.Softmax(%x) {axis = 1 : i64, since_version = 11 : i64} : (!lpu.tensor<[2, 3, 4], f32>) -> !lpu.tensor<[2, 3, 4], f32>
  func.return %y : !lpu.tensor<[2, 3, 4], f32>
}

// -----

// A reduction drops its axis in a reshape; the axes are the content of a constant.
// CHECK-LABEL: @reduce_sum
// CHECK-NEXT:    %axes = lpu.constant
// CHECK-NEXT:    %0 = lpu.reduce "sum" %x over <[1]> {{.*}} -> !lpu.tensor<[2, 1, 4], f32>
// CHECK-NEXT:    %y = lpu.reshape %0 {{.*}} -> !lpu.tensor<[2, 4], f32>
func.func @reduce_sum(%x : !lpu.tensor<[2, P, 4], f32>) -> !lpu.tensor<[2, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %axes = lpu.constant <inline("feffffffffffffff", [1], i64)> : !lpu.tensor<[1], i64>
  %y = onnx.ReduceSum(%x, %axes) {keepdims = 0 : i64, since_version = 13 : i64} : (!lpu.tensor<[2, P, 4], f32>, !lpu.tensor<[1], i64>) -> !lpu.tensor<[2, 4], f32>
  func.return %y : !lpu.tensor<[2, 4], f32>
}

// -----

// The number of elements of a mean may depend on a symbol.
// CHECK-LABEL: @mean_over_a_symbol
// CHECK:         lpu.iota <[P + 1]> : !lpu.tensor<[], i64>
// CHECK-NEXT:    lpu.cast {{.*}} -> !lpu.tensor<[], f32>
// CHECK-NEXT:    lpu.map "div"
func.func @mean_over_a_symbol(%x : !lpu.tensor<[P + 1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = onnx.ReduceMean(%x) {axes = #lpu.ints<[0]>, since_version = 13 : i64} : (!lpu.tensor<[P + 1, 4], f32>) -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// A matrix product with a vector goes through a matrix with one column.
// CHECK-LABEL: @matmul_vector
// CHECK-NEXT:    %0 = lpu.reshape %v {{.*}} -> !lpu.tensor<[4, 1], f32>
// CHECK-NEXT:    %1 = lpu.matmul %x, %0 {{.*}} -> !lpu.tensor<[3, 1], f32>
// CHECK-NEXT:    %y = lpu.reshape %1 {{.*}} -> !lpu.tensor<[3], f32>
func.func @matmul_vector(%x : !lpu.tensor<[3, 4], f32>, %v : !lpu.tensor<[4], f32>) -> !lpu.tensor<[3], f32> {
  %y = onnx.MatMul(%x, %v) {since_version = 13 : i64} : (!lpu.tensor<[3, 4], f32>, !lpu.tensor<[4], f32>) -> !lpu.tensor<[3], f32>
  func.return %y : !lpu.tensor<[3], f32>
}

// -----

// Index tuples become numbers of rows; negative indices count from an end that may be a symbol.
// CHECK-LABEL: @gather_nd
// CHECK:         lpu.map "mul"
// CHECK:         lpu.iota <[P]> : !lpu.tensor<[], i64>
// CHECK-NEXT:    lpu.map "add"
// CHECK-NEXT:    lpu.select
// CHECK:         %[[rows:.*]] = lpu.reshape %x {{.*}} -> !lpu.tensor<[3*P, 4], f32>
// CHECK-NEXT:    lpu.gather %[[rows]], %{{.*}} axis 0
func.func @gather_nd(%x : !lpu.tensor<[3, P, 4], f32>, %i : !lpu.tensor<[5, 2], i64>) -> !lpu.tensor<[5, 4], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = onnx.GatherND(%x, %i) {since_version = 13 : i64} : (!lpu.tensor<[3, P, 4], f32>, !lpu.tensor<[5, 2], i64>) -> !lpu.tensor<[5, 4], f32>
  func.return %y : !lpu.tensor<[5, 4], f32>
}

// -----

// Query heads that share a key head are rows of one product: keys are not repeated.
// CHECK-LABEL: @grouped_attention
// CHECK:         lpu.reshape {{.*}} : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 2, 2, 8], f32>
// CHECK-NEXT:    lpu.matmul {{.*}} -> !lpu.tensor<[1, 2, 2, P], f32>
// CHECK-NOT:     lpu.broadcast
// CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[1, 2, 2, 8], f32>
func.func @grouped_attention(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 2, P, 8], f32>, %v : !lpu.tensor<[1, 2, P, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = onnx.Attention(%q, %k, %v) {since_version = 23 : i64} : (!lpu.tensor<[1, 4, 1, 8], f32>, !lpu.tensor<[1, 2, P, 8], f32>, !lpu.tensor<[1, 2, P, 8], f32>) -> !lpu.tensor<[1, 4, 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, 1, 8], f32>
}

// -----

// New operations have the location of the node they come from.
// LOC-LABEL: @location
// LOC:         lpu.map "exp" {{.*}} loc("/block/act")
func.func @location(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> {
  %y = onnx.Softplus(%x) {since_version = 1 : i64} : (!lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> loc("/block/act")
  func.return %y : !lpu.tensor<[4], f32>
}

// -----

// An initialiser is a constant; operations of the level lpu stay.
// CHECK-LABEL: @mixed
// CHECK-NEXT:    %w = lpu.constant <file("m.data", 64, [4], f32)> : !lpu.tensor<[4], f32>
// CHECK-NEXT:    %y = lpu.map "neg" %w
func.func @mixed() -> !lpu.tensor<[4], f32> {
  %w = onnx.Initializer <file("m.data", 64, [4], f32)> : !lpu.tensor<[4], f32>
  %y = lpu.map "neg" %w : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %y : !lpu.tensor<[4], f32>
}

// -----

// The cache of grouped attention is a concatenation when all of its tokens are known to be valid.
// CHECK-LABEL: @full_cache
// CHECK:         %keys = lpu.concat %past, %{{.*}} axis 2
// CHECK-NOT:     lpu.gather
func.func @full_cache(%q : !lpu.tensor<[1, 1, 48], f32>, %past : !lpu.tensor<[1, 2, P, 8], f32>, %total : !lpu.tensor<[], i32>) -> !lpu.tensor<[1, 2, P + 1, 8], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %valid = lpu.iota <[P, 0]> : !lpu.tensor<[1], i32>
  %y, %keys, %values = onnx.com.microsoft.GroupQueryAttention(%q, %past, %past, %valid, %total) {absent = #lpu.ints<[1, 2]>, kv_num_heads = 2 : i64, num_heads = 2 : i64, since_version = 1 : i64} : (!lpu.tensor<[1, 1, 48], f32>, !lpu.tensor<[1, 2, P, 8], f32>, !lpu.tensor<[1, 2, P, 8], f32>, !lpu.tensor<[1], i32>, !lpu.tensor<[], i32>) -> (!lpu.tensor<[1, 1, 16], f32>, !lpu.tensor<[1, 2, P + 1, 8], f32>, !lpu.tensor<[1, 2, P + 1, 8], f32>)
  func.return %keys : !lpu.tensor<[1, 2, P + 1, 8], f32>
}

// -----

// Whether there are enough elements to choose from is asked of the range of a symbol.
// CHECK-LABEL: @largest_of_many
// CHECK:         lpu.topk %x largest 1
func.func @largest_of_many(%x : !lpu.tensor<[2, P + 2], f32>) -> !lpu.tensor<[2, 2], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.constant <inline("0200000000000000", [1], i64)> : !lpu.tensor<[1], i64>
  %v, %i = onnx.TopK(%x, %k) {since_version = 11 : i64} : (!lpu.tensor<[2, P + 2], f32>, !lpu.tensor<[1], i64>) -> (!lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], i64>)
  func.return %i : !lpu.tensor<[2, 2], i64>
}

// -----

// Constants of few bits are weights: a recipe dequantises them, also behind a cast of the scales.
// CHECK-LABEL: @weights_of_few_bits
// CHECK:         %0 = lpu.constant <dequantise(slice(unpack(file("w", 0, [96], u8), 4, [6, 32], u8), [0, 0], [6, 30]), reshape(cast(file("w", 96, [12], f16), f32), [6, 2]), inline("00000041", [1, 1], f32), [1, 16])> : !lpu.tensor<[6, 30], f32>
// CHECK-NEXT:    %1 = lpu.transpose %0
// CHECK-NEXT:    %y = lpu.matmul %x, %1
func.func @weights_of_few_bits(%x : !lpu.tensor<[1, 30], f32>) -> !lpu.tensor<[1, 6], f32> {
  %w = lpu.constant <file("w", 0, [6, 2, 8], u8)> : !lpu.tensor<[6, 2, 8], u8>
  %s = lpu.constant <file("w", 96, [12], f16)> : !lpu.tensor<[12], f16>
  %t = onnx.Cast(%s) {to = 1 : i64, since_version = 19 : i64} : (!lpu.tensor<[12], f16>) -> !lpu.tensor<[12], f32>
  %y = onnx.com.microsoft.MatMulNBits(%x, %w, %t) {K = 30 : i64, N = 6 : i64, bits = 4 : i64, block_size = 16 : i64, since_version = 1 : i64} : (!lpu.tensor<[1, 30], f32>, !lpu.tensor<[6, 2, 8], u8>, !lpu.tensor<[12], f32>) -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}

// -----

// Codes that choose entries of a table are decoded by a recipe, and blocks may go on over rows.
// CHECK-LABEL: @weights_of_a_table
// CHECK:         %0 = lpu.constant <dequantise(decode(file("w", 0, [60], u8), 4, [120], inline("{{[0-9a-f]+}}", [16], f32), high), file("w", 60, [8], f32), inline("00000000", [1], f32), [16])> : !lpu.tensor<[120], f32>
// CHECK-NEXT:    %1 = lpu.reshape %0 : !lpu.tensor<[120], f32> -> !lpu.tensor<[6, 20], f32>
// CHECK-NEXT:    %2 = lpu.transpose %1
// CHECK-NEXT:    %y = lpu.matmul %x, %2
func.func @weights_of_a_table(%x : !lpu.tensor<[1, 20], f32>) -> !lpu.tensor<[1, 6], f32> {
  %w = lpu.constant <file("w", 0, [60], u8)> : !lpu.tensor<[60], u8>
  %s = lpu.constant <file("w", 60, [8], f32)> : !lpu.tensor<[8], f32>
  %y = onnx.com.microsoft.MatMulBnb4(%x, %w, %s) {K = 20 : i64, N = 6 : i64, block_size = 16 : i64, quant_type = 1 : i64, since_version = 1 : i64} : (!lpu.tensor<[1, 20], f32>, !lpu.tensor<[60], u8>, !lpu.tensor<[8], f32>) -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}

// -----

// What comes in is unpacked in every step, the low half of a byte first.
// CHECK-LABEL: @numbers_of_few_bits
// CHECK-NOT:     dequantise
// CHECK:         %1 = lpu.map "mod" %w, %0
// CHECK-NEXT:    %2 = lpu.map "div" %w, %0
// CHECK-NEXT:    %3 = lpu.reshape %1
// CHECK-NEXT:    %4 = lpu.reshape %2
// CHECK-NEXT:    %5 = lpu.concat %3, %4 axis 3
func.func @numbers_of_few_bits(%x : !lpu.tensor<[1, 32], f32>, %w : !lpu.tensor<[6, 2, 8], u8>) -> !lpu.tensor<[1, 6], f32> {
  %s = lpu.constant <file("w", 96, [12], f32)> : !lpu.tensor<[12], f32>
  %y = onnx.com.microsoft.MatMulNBits(%x, %w, %s) {K = 32 : i64, N = 6 : i64, bits = 4 : i64, block_size = 16 : i64, since_version = 1 : i64} : (!lpu.tensor<[1, 32], f32>, !lpu.tensor<[6, 2, 8], u8>, !lpu.tensor<[12], f32>) -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}
