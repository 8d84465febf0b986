// RUN: xdsl-opt %s -p lpu-round-inputs --split-input-file | filecheck %s

// An input that is read rounded alone is taken rounded; the interface stays.
// CHECK-LABEL: @rounded
// CHECK-SAME:    %x: !lpu.tensor<[2], f16>
// CHECK-SAME:    ["x" data f32]
// CHECK-NEXT:    %0 = lpu.map "neg" %x : !lpu.tensor<[2], f16>
func.func @rounded(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f16> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f16]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[2], f16> -> !lpu.tensor<[2], f16>
  func.return %1 : !lpu.tensor<[2], f16>
}

// -----

// Casts to one type are one reader.
// CHECK-LABEL: @twice
// CHECK-NEXT:    %0 = lpu.map "add" %x, %x : !lpu.tensor<[2], bf16>
func.func @twice(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], bf16> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data bf16]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], bf16>
  %1 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], bf16>
  %2 = lpu.map "add" %0, %1 : !lpu.tensor<[2], bf16>, !lpu.tensor<[2], bf16> -> !lpu.tensor<[2], bf16>
  func.return %2 : !lpu.tensor<[2], bf16>
}

// -----

// Another reader needs what is lost.
// CHECK-LABEL: @also_whole
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>
// CHECK:         lpu.cast %x
func.func @also_whole(%x : !lpu.tensor<[2], f32>) -> (!lpu.tensor<[2], f16>, !lpu.tensor<[2], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f16, "z" data f32]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  %1 = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %0, %1 : !lpu.tensor<[2], f16>, !lpu.tensor<[2], f32>
}

// -----

// Two types are none.
// CHECK-LABEL: @two_types
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>
func.func @two_types(%x : !lpu.tensor<[2], f32>) -> (!lpu.tensor<[2], f16>, !lpu.tensor<[2], bf16>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f16, "z" data bf16]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  %1 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], bf16>
  func.return %0, %1 : !lpu.tensor<[2], f16>, !lpu.tensor<[2], bf16>
}

// -----

// A cast to a type that is no shorter float says what the number is.
// CHECK-LABEL: @whole_number
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>
// CHECK-NEXT:    lpu.cast %x
func.func @whole_number(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], i64> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data i64]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], i64>
  func.return %0 : !lpu.tensor<[2], i64>
}

// -----

// What a step replaces would drift away.
// CHECK-LABEL: @state
// CHECK-SAME:    %s: !lpu.tensor<[2], f32>
// CHECK-NEXT:    lpu.cast %s
func.func @state(%s : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f16> attributes {lpu.interface = #lpu.interface<["s" recurrent f32] -> ["y" data f16]>} {
  %0 = lpu.cast %s : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  func.return %0 : !lpu.tensor<[2], f16>
}

// -----

// An input that nobody reads stays as it is.
// CHECK-LABEL: @unread
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>
func.func @unread(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[], i64> attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data i64]>} {
  %0 = lpu.constant <inline("0500000000000000", [], i64)> : !lpu.tensor<[], i64>
  func.return %0 : !lpu.tensor<[], i64>
}

// -----

// One input of two functions: both take it rounded, or none does.
// CHECK-LABEL: @step
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>, %z: !lpu.tensor<[2], f16>
// CHECK-LABEL: @prompt_chunk
// CHECK-SAME:    %x: !lpu.tensor<[2], f32>, %z: !lpu.tensor<[2], f16>
func.func @step(%x : !lpu.tensor<[2], f32>, %z : !lpu.tensor<[2], f32>) -> (!lpu.tensor<[2], f16>, !lpu.tensor<[2], f16>) attributes {lpu.interface = #lpu.interface<["x" data f32, "z" data f32] -> ["y" data f16, "u" data f16]>} {
  %0 = lpu.cast %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  %1 = lpu.cast %z : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  func.return %0, %1 : !lpu.tensor<[2], f16>, !lpu.tensor<[2], f16>
}
func.func @prompt_chunk(%x : !lpu.tensor<[2], f32>, %z : !lpu.tensor<[2], f32>) -> (!lpu.tensor<[2], f32>, !lpu.tensor<[2], f16>) attributes {lpu.interface = #lpu.interface<["x" data f32, "z" data f32] -> ["y" data f32, "u" data f16]>} {
  %0 = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.cast %z : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f16>
  func.return %0, %1 : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f16>
}
