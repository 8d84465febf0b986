// RUN: xdsl-opt %s -p onnx-derive-chunk --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p onnx-derive-chunk,onnx-bind-roles --split-input-file | filecheck %s --check-prefix=BOUND

// A decoder with free sequence and past has a second function that takes 64 tokens at a time.
// CHECK-LABEL: @step(%input_ids: !lpu.tensor<[batch, seq], i64>
// CHECK-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[batch, 64], i64>, %mask: !lpu.tensor<[batch, total], i64>, %past: !lpu.tensor<[batch, 4, past, 16], f32>)
// CHECK:         onnx.MatMul
// What else depends on the number of tokens follows, and the cache has room for them.
// BOUND-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[1, 64], i64>, %mask: !lpu.tensor<[1, P + 64], i64>, %past: !lpu.tensor<[1, 4, P, 16], f32>)
// BOUND-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 1984]>
func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %mask : !lpu.tensor<[batch, total], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<[batch, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past" data f32] -> ["logits" data f32, "present" data f32]>} {
  %w = onnx.Initializer <file("w", 0, [16, 16], f32)> : !lpu.tensor<[16, 16], f32>
  %0 = onnx.MatMul(%past, %w) {since_version = 13 : i64} : (!lpu.tensor<[batch, 4, past, 16], f32>, !lpu.tensor<[16, 16], f32>) -> !lpu.tensor<*, f32>
  func.return %0, %past : !lpu.tensor<*, f32>, !lpu.tensor<[batch, 4, past, 16], f32>
}

// -----

// As many as are asked for, power of two or not.
// CHECK-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[batch, 24], i64>
builtin.module attributes {lpu.options = {prompt_chunk = 24 : i64}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
  }
}

// -----

// No more than the cache holds.
// CHECK-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[batch, 8], i64>
// BOUND-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[1, 8], i64>
// BOUND-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 4]>
builtin.module attributes {lpu.options = {max_context = 12 : i64}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
  }
}

// -----

// So many rows of the widest product as three quarters of the LMU hold: 8192 bytes, and a row of
// 80 + 300 elements towards the cache. What only the logits need does not count, here 9000 columns.
// CHECK-LABEL: @prompt_chunk(%input_ids: !lpu.tensor<[batch, 4], i64>
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 80], f32>) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32, "logits" data f32]>} {
    %w = onnx.Initializer <file("w", 0, [300, 80], f32)> : !lpu.tensor<[300, 80], f32>
    %h = onnx.Initializer <file("h", 0, [300, 9000], f32)> : !lpu.tensor<[300, 9000], f32>
    %t = onnx.Transpose(%w) {since_version = 13 : i64} : (!lpu.tensor<[300, 80], f32>) -> !lpu.tensor<*, f32>
    %0 = onnx.MatMul(%past, %t) {since_version = 13 : i64} : (!lpu.tensor<[batch, 4, past, 80], f32>, !lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
    %1 = onnx.MatMul(%0, %h) {since_version = 13 : i64} : (!lpu.tensor<*, f32>, !lpu.tensor<[300, 9000], f32>) -> !lpu.tensor<*, f32>
    func.return %0, %1 : !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
  }
}

// -----

// There is none where not even two fit.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "two rows of 20000 bytes are too much for 8192 of LMU"
// CHECK-NOT: @prompt_chunk
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 1000], f32>) -> (!lpu.tensor<[batch, 4, past, 1000], f32>, !lpu.tensor<*, f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["logits" data f32, "present" data f32]>} {
    %w = onnx.Initializer <file("w", 0, [1000, 4000], f32)> : !lpu.tensor<[1000, 4000], f32>
    %0 = onnx.MatMul(%past, %w) {since_version = 13 : i64} : (!lpu.tensor<[batch, 4, past, 1000], f32>, !lpu.tensor<[1000, 4000], f32>) -> !lpu.tensor<*, f32>
    func.return %past, %0 : !lpu.tensor<[batch, 4, past, 1000], f32>, !lpu.tensor<*, f32>
  }
}

// -----

// Nor where nobody wants one.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "it is not asked for"
// CHECK-NOT: @prompt_chunk
builtin.module attributes {lpu.options = {prompt_chunk = 1 : i64}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
  }
}

// -----

// A cache of one token has no room.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "the cache has room for one token"
builtin.module attributes {lpu.options = {max_context = 1 : i64}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
  }
}

// -----

// The user fixes how many tokens a step takes, by the name of the role.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "--shape fixes 'seq'"
// CHECK-NOT: @prompt_chunk
builtin.module attributes {lpu.options = {shape = {seq = 4 : i64}}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, s], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
  }
}

// -----

// Or how many a cache holds, by the name that the model gives.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "--shape fixes 'length'"
// CHECK-NOT: @prompt_chunk
builtin.module attributes {lpu.options = {shape = {length = 4 : i64}}} {
  func.func @step(%input_ids : !lpu.tensor<[batch, s], i64>, %past : !lpu.tensor<[batch, 4, p, 16], f32>) -> !lpu.tensor<[batch, 4, p, 16], f32>
      attributes {lpu.dim_params = {p = "length"}, lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    func.return %past : !lpu.tensor<[batch, 4, p, 16], f32>
  }
}

// -----

// The model itself takes three tokens a step.
// CHECK-LABEL: @step
// CHECK-SAME: lpu.no_chunk = "the model takes 3 tokens a step"
func.func @step(%input_ids : !lpu.tensor<[batch, 3], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
  func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
}

// -----

// What has no cache is left alone, without a word.
// CHECK-LABEL: @step
// CHECK-NOT:     lpu.no_chunk
// CHECK-NOT:   @prompt_chunk
func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>) -> !lpu.tensor<[batch, seq], i64>
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64] -> ["logits" data i64]>} {
  func.return %input_ids : !lpu.tensor<[batch, seq], i64>
}

// -----

// So is what takes something that no prompt gives.
// CHECK-LABEL: @step
// CHECK-NOT:     lpu.no_chunk
// CHECK-NOT:   @prompt_chunk
func.func @step(%input_ids : !lpu.tensor<[batch, seq], i64>, %x : !lpu.tensor<[4], f32>, %past : !lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<[batch, 4, past, 16], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "x" data f32, "past" data f32] -> ["present" data f32]>} {
  func.return %past : !lpu.tensor<[batch, 4, past, 16], f32>
}
