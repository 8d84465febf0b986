// RUN: xdsl-opt %s -p "lpu-demote-precision{precision=f16},dce" --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p "lpu-demote-precision{precision=f16},dce" --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: xdsl-opt %s -p lpu-demote-precision,dce --split-input-file | filecheck %s --check-prefix=DEFAULT

// Rule 1: a product that depends on a float input reads and writes the short type; its weight is
// stored in it.
// CHECK-LABEL: @product
// CHECK-SAME:    lpu.interface = #lpu.interface<["0" data f32] -> ["0" data f32]>
// CHECK-NEXT:    %0 = lpu.cast %x {{.*}} -> !lpu.tensor<[1, 4], f16>
// CHECK:         lpu.constant <cast(file("w", 0, [4, 2], f32), f16)> : !lpu.tensor<[4, 2], f16>
// CHECK:         %[[short:.*]] = lpu.matmul %0, {{.*}} -> !lpu.tensor<[1, 2], f16>
// CHECK-NEXT:    %y = lpu.cast %[[short]] {{.*}} -> !lpu.tensor<[1, 2], f32>
// CHECK-NEXT:    func.return %y : !lpu.tensor<[1, 2], f32>
// LOC-LABEL: @product
// LOC:           lpu.matmul {{.*}} loc("dense")
// LOC-NEXT:      lpu.cast {{.*}} loc("dense")
// DEFAULT-LABEL: @product
// DEFAULT-NOT:   f16
func.func @product(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 2], f32> {
  %w = lpu.constant <file("w", 0, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32> loc("dense")
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// Not demoted: a product of positions and constants alone (the angles of RoPE).
// CHECK-LABEL: @angles
// CHECK-NOT:     f16
// CHECK:         func.return
// DEFAULT-LABEL: @angles
func.func @angles(%pos : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 2], f32> attributes {lpu.interface = #lpu.interface<["0" positions i64] -> ["0" data f32]>} {
  %w = lpu.constant <file("w", 0, [1, 2], f32)> : !lpu.tensor<[1, 2], f32>
  %p = lpu.cast %pos : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1, 1], f32>
  %y = lpu.matmul %p, %w : !lpu.tensor<[1, 1], f32>, !lpu.tensor<[1, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// Not demoted: a product of another type.
// CHECK-LABEL: @integers
// CHECK-NEXT:    lpu.matmul {{.*}} -> !lpu.tensor<[1, 2], i32>
// DEFAULT-LABEL: @integers
func.func @integers(%x : !lpu.tensor<[1, 4], i32>, %w : !lpu.tensor<[4, 2], i32>) -> !lpu.tensor<[1, 2], i32> {
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], i32>, !lpu.tensor<[4, 2], i32> -> !lpu.tensor<[1, 2], i32>
  func.return %y : !lpu.tensor<[1, 2], i32>
}

// -----

// Not demoted: norms, softmax and sums.
// CHECK-LABEL: @norm
// CHECK-NOT:     f16
// CHECK:         func.return
// DEFAULT-LABEL: @norm
func.func @norm(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 1], f32> {
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 1], f32>
  func.return %1 : !lpu.tensor<[1, 1], f32>
}

// -----

// Rule 2: a table that token ids look up is stored in the short type.
// CHECK-LABEL: @embedding
// CHECK:         %[[w:.*]] = lpu.constant <cast(file("w", 0, [9, 4], f32), f16)>
// CHECK-NEXT:    %[[row:.*]] = lpu.gather %[[w]], %ids {{.*}} -> !lpu.tensor<[1, 1, 4], f16>
// CHECK-NEXT:    %y = lpu.cast %[[row]] {{.*}} -> !lpu.tensor<[1, 1, 4], f32>
// DEFAULT-LABEL: @embedding
func.func @embedding(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 1, 4], f32> attributes {lpu.interface = #lpu.interface<["0" ids i64] -> ["0" data f32]>} {
  %w = lpu.constant <file("w", 0, [9, 4], f32)> : !lpu.tensor<[9, 4], f32>
  %y = lpu.gather %w, %ids axis 0 : !lpu.tensor<[9, 4], f32>, !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1, 1, 4], f32>
  func.return %y : !lpu.tensor<[1, 1, 4], f32>
}

// -----

// Not demoted: a table that positions look up.
// CHECK-LABEL: @cosines
// CHECK-NOT:     f16
// CHECK:         func.return
// DEFAULT-LABEL: @cosines
func.func @cosines(%pos : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 1, 4], f32> attributes {lpu.interface = #lpu.interface<["0" positions i64] -> ["0" data f32]>} {
  %w = lpu.constant <file("w", 0, [9, 4], f32)> : !lpu.tensor<[9, 4], f32>
  %y = lpu.gather %w, %pos axis 0 : !lpu.tensor<[9, 4], f32>, !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1, 1, 4], f32>
  func.return %y : !lpu.tensor<[1, 1, 4], f32>
}

// -----

// Rules 3 and 4: the cache is stored in the short type, going in and out; the demotion moves
// through the concatenation. The interface keeps the ONNX types.
// CHECK-LABEL: @cache
// CHECK-SAME:    %past: !lpu.tensor<[1, 4, P, 8], f16>
// CHECK-SAME:    -> !lpu.tensor<[1, 4, P + 1, 8], f16>
// CHECK-SAME:    lpu.interface = #lpu.interface<["0" past f32, "1" data f32] -> ["0" data f32]>
// CHECK:         lpu.concat %past, %{{.*}} axis 2 : {{.*}} -> !lpu.tensor<[1, 4, P + 1, 8], f16>
// CHECK:         func.return %{{.*}} : !lpu.tensor<[1, 4, P + 1, 8], f16>
// DEFAULT-LABEL: @cache
// DEFAULT-NOT:   f16
func.func @cache(%past : !lpu.tensor<[1, 4, P, 8], f32>, %new : !lpu.tensor<[1, 4, 1, 8], f32>) -> !lpu.tensor<[1, 4, P + 1, 8], f32>
    attributes {lpu.interface = #lpu.interface<["0" past f32, "1" data f32] -> ["0" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.concat %past, %new axis 2 : !lpu.tensor<[1, 4, P, 8], f32>, !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 4, P + 1, 8], f32>
  func.return %y : !lpu.tensor<[1, 4, P + 1, 8], f32>
}

// -----

// Not stored shorter: an output that does not continue the cache, and a cache that is short already.
// CHECK-LABEL: @other_output
// CHECK-SAME:    lpu.interface = #lpu.interface<["0" past bf16, "1" data f32]
// CHECK-NEXT:    %y = lpu.concat {{.*}} -> !lpu.tensor<[2, 4], f32>
// CHECK-NEXT:    func.return %past, %y : !lpu.tensor<[1, 4, 2, 8], bf16>, !lpu.tensor<[2, 4], f32>
// DEFAULT-LABEL: @other_output
func.func @other_output(%past : !lpu.tensor<[1, 4, 2, 8], bf16>, %x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4, 2, 8], bf16>, !lpu.tensor<[2, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["0" past bf16, "1" data f32] -> ["0" data bf16, "1" data f32]>} {
  %y = lpu.concat %x, %x axis 0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[2, 4], f32>
  func.return %past, %y : !lpu.tensor<[1, 4, 2, 8], bf16>, !lpu.tensor<[2, 4], f32>
}

// -----

// Rule 4: a demotion moves up through views to the weight.
// CHECK-LABEL: @views
// CHECK:         lpu.constant <cast(file("w", 0, [2, 4], f32), f16)>
// CHECK-NEXT:    lpu.transpose {{.*}} -> !lpu.tensor<[4, 2], f16>
// CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[1, 2], f16>
// DEFAULT-LABEL: @views
func.func @views(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 2], f32> {
  %w = lpu.constant <file("w", 0, [2, 4], f32)> : !lpu.tensor<[2, 4], f32>
  %t = lpu.transpose %w <[1, 0]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %t : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// It does not move through arithmetic: the sum is rounded once, behind it.
// CHECK-LABEL: @arithmetic
// CHECK:         %s = lpu.map "add" {{.*}} -> !lpu.tensor<[1, 4], f32>
// CHECK-NEXT:    %{{.*}} = lpu.cast %s : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f16>
// DEFAULT-LABEL: @arithmetic
func.func @arithmetic(%x : !lpu.tensor<[1, 4], f32>, %w : !lpu.tensor<[4, 2], f32>) -> !lpu.tensor<[1, 2], f32> {
  %s = lpu.map "add" %x, %x : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.matmul %s, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// A product of a product reads its short form: nothing is cast to f32 and back.
// CHECK-LABEL: @chain
// CHECK:         %[[first:.*]] = lpu.matmul {{.*}} -> !lpu.tensor<[4, 4], f16>
// CHECK:         lpu.matmul %[[first]], {{.*}} -> !lpu.tensor<[4, 4], f16>
// DEFAULT-LABEL: @chain
func.func @chain(%x : !lpu.tensor<[4, 4], f32>) -> !lpu.tensor<[4, 4], f32> {
  %w = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  %z = lpu.matmul %y, %w : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32>
  func.return %z : !lpu.tensor<[4, 4], f32>
}

// -----

// Without an option the pass does what the module asks for.
// DEFAULT: lpu.options
// CHECK: lpu.options
builtin.module attributes {lpu.options = {precision = "bf16"}} {
  // DEFAULT-LABEL: @module_option
  // DEFAULT:         lpu.matmul {{.*}} -> !lpu.tensor<[2, 2], bf16>
  // CHECK-LABEL: @module_option
  // CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[2, 2], f16>
  func.func @module_option(%x : !lpu.tensor<[2, 2], f32>) -> !lpu.tensor<[2, 2], f32> {
    %w = lpu.constant <file("w", 0, [2, 2], f32)> : !lpu.tensor<[2, 2], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
    func.return %y : !lpu.tensor<[2, 2], f32>
  }
}

// -----

// Rule 5: a product of two computed tensors gives f32; the numbers that its operands and its result
// are multiplied with go to the left operand, in front of the rounding.
// CHECK-LABEL: @scores
// CHECK-NEXT:    %0 = lpu.cast %k : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f16>
// CHECK:         %[[t:.*]] = lpu.transpose %0
// CHECK:         %[[f:.*]] = lpu.fill "0000803e"
// CHECK:         %[[q:.*]] = lpu.map "mul" %x, %[[f]] : !lpu.tensor<[1, 4], f32>
// CHECK:         %[[short:.*]] = lpu.cast %[[q]] : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f16>
// CHECK:         %[[s:.*]] = lpu.matmul %[[short]], %[[t]] : {{.*}} -> !lpu.tensor<[1, 2], f32>
// CHECK:         lpu.map "tanh" %[[s]]
// DEFAULT-LABEL: @scores
// DEFAULT-NOT:   f16
func.func @scores(%x : !lpu.tensor<[1, 4], f32>, %k : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<[1, 2], f32> {
  %half = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %s = lpu.map "mul" %k, %half : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 4], f32>
  %t = lpu.transpose %s <[1, 0]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 2], f32>
  %0 = lpu.matmul %x, %t : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  %1 = lpu.map "mul" %0, %half : !lpu.tensor<[1, 2], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 2], f32>
  %y = lpu.map "tanh" %1 : !lpu.tensor<[1, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// Rule 6: between two operations in f16 nothing is rounded; the result is, once.
// CHECK-LABEL: @inner
// CHECK-NEXT:    %0 = lpu.cast %x : !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f32>
// CHECK-NEXT:    %[[s:.*]] = lpu.map "sigmoid" %0 : !lpu.tensor<[4], f32>
// CHECK-NEXT:    %[[m:.*]] = lpu.map "mul" %0, %[[s]] : !lpu.tensor<[4], f32>
// CHECK-NEXT:    %y = lpu.cast %[[m]] : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f16>
// CHECK-NEXT:    func.return %y
// DEFAULT-LABEL: @inner
// DEFAULT:       lpu.map "sigmoid" {{.*}} -> !lpu.tensor<[4], f16>
func.func @inner(%x : !lpu.tensor<[4], f16>) -> !lpu.tensor<[4], f16> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f16>
  %y = lpu.map "mul" %x, %s : !lpu.tensor<[4], f16>, !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f16>
  func.return %y : !lpu.tensor<[4], f16>
}

// -----

// What the model casts itself stays rounded.
// CHECK-LABEL: @explicit
// CHECK-NEXT:    %h = lpu.cast %x : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f16>
// CHECK-NEXT:    %w = lpu.cast %h : !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f32>
// CHECK-NEXT:    %y = lpu.map "neg" %w
// DEFAULT-LABEL: @explicit
// DEFAULT-NEXT:  lpu.cast
// DEFAULT-NEXT:  lpu.cast
// DEFAULT-NEXT:  lpu.map
func.func @explicit(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> {
  %h = lpu.cast %x : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f16>
  %w = lpu.cast %h : !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f32>
  %y = lpu.map "neg" %w : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %y : !lpu.tensor<[4], f32>
}

// -----

// A model that holds f16 itself, at bf16: a product of what came from f16 has operands of one type.
// CHECK: lpu.options
// DEFAULT: lpu.options
builtin.module attributes {lpu.options = {precision = "bf16"}} {
  // CHECK-LABEL: @two_short_types
  // DEFAULT-LABEL: @two_short_types
  // DEFAULT:         lpu.matmul {{.*}} : !lpu.tensor<[2, 2], bf16>, !lpu.tensor<[2, 2], bf16> -> !lpu.tensor<[2, 2], f32>
  func.func @two_short_types(%x : !lpu.tensor<[2, 2], f16>, %k : !lpu.tensor<[2, 2], f32>) -> !lpu.tensor<[2, 2], f32> {
    %a = lpu.map "neg" %x : !lpu.tensor<[2, 2], f16> -> !lpu.tensor<[2, 2], f16>
    %w = lpu.cast %a : !lpu.tensor<[2, 2], f16> -> !lpu.tensor<[2, 2], f32>
    %y = lpu.matmul %w, %k : !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 2], f32>
    func.return %y : !lpu.tensor<[2, 2], f32>
  }
}

// -----

// The least f16 of a mask becomes the least f32: it must still vanish beside scores in f32.
// CHECK-LABEL: @mask
// CHECK-DAG:     %[[least:.*]] = lpu.fill "ffff7fff" : !lpu.tensor<[], f32>
// CHECK:         %[[b:.*]] = lpu.select %m, %{{.*}}, %[[least]] : {{.*}} -> !lpu.tensor<[4], f32>
// CHECK:         lpu.map "add" %{{.*}}, %[[b]]
// DEFAULT-LABEL: @mask
// DEFAULT:       lpu.map "add" {{.*}} -> !lpu.tensor<[4], f16>
func.func @mask(%x : !lpu.tensor<[4], f16>, %m : !lpu.tensor<[4], bool>) -> !lpu.tensor<[4], f16> {
  %zero = lpu.fill "0000" : !lpu.tensor<[], f16>
  %least = lpu.fill "fffb" : !lpu.tensor<[], f16>
  %b = lpu.select %m, %zero, %least : !lpu.tensor<[4], bool>, !lpu.tensor<[], f16>, !lpu.tensor<[], f16> -> !lpu.tensor<[4], f16>
  %y = lpu.map "add" %x, %b : !lpu.tensor<[4], f16>, !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f16>
  func.return %y : !lpu.tensor<[4], f16>
}

// -----

// Rule 6: a product of bytes is one of whole numbers; both scales come behind, that of each column
// too.
// CHECK-LABEL: @bytes
// CHECK:         %[[w:.*]] = lpu.constant <cast(dequantise(file("w", 0, [4, 2], i8), inline("0000803f", [1, 1], f32), {{.*}}), f16)>
// CHECK:         %[[x:.*]] = lpu.cast %c : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f16>
// CHECK-NEXT:    %[[sum:.*]] = lpu.matmul %[[x]], %[[w]] : {{.*}}, !lpu.tensor<[4, 2], f16> -> !lpu.tensor<[1, 2], f32>
// CHECK-NEXT:    %[[quarter:.*]] = lpu.fill "0000803e"
// CHECK-NEXT:    %[[part:.*]] = lpu.map "mul" %[[sum]], %[[quarter]]
// CHECK-NEXT:    %[[each:.*]] = lpu.constant <inline("0000003f0000803f", [1, 2], f32)>
// CHECK-NEXT:    lpu.map "mul" %[[part]], %[[each]]
// DEFAULT-LABEL: @bytes
// DEFAULT:       lpu.matmul {{.*}}, !lpu.tensor<[4, 2], f32>
func.func @bytes(%x : !lpu.tensor<[1, 4], u8>) -> !lpu.tensor<[1, 2], f32> attributes {lpu.interface = #lpu.interface<["x" ids u8] -> ["y" data f32]>} {
  %z = lpu.fill "00000043" : !lpu.tensor<[], f32>
  %s = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %w = lpu.constant <dequantise(file("w", 0, [4, 2], i8), inline("0000003f0000803f", [1, 2], f32), inline("00", [1, 1], i8), [4, 1])> : !lpu.tensor<[4, 2], f32>
  %l = lpu.cast %x : !lpu.tensor<[1, 4], u8> -> !lpu.tensor<[1, 4], f32>
  %c = lpu.map "sub" %l, %z : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %a = lpu.map "mul" %c, %s : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.matmul %a, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// A zero point that no byte is: the difference may need more digits than a short float has.
// CHECK-LABEL: @between
// CHECK:         %[[x:.*]] = lpu.cast %a : {{.*}} -> !lpu.tensor<[1, 4], f16>
// CHECK:         lpu.matmul %[[x]], {{.*}} -> !lpu.tensor<[1, 2], f16>
// DEFAULT-LABEL: @between
// DEFAULT:       lpu.matmul {{.*}}, !lpu.tensor<[4, 2], f32>
func.func @between(%x : !lpu.tensor<[1, 4], u8>) -> !lpu.tensor<[1, 2], f32> attributes {lpu.interface = #lpu.interface<["x" ids u8] -> ["y" data f32]>} {
  %z = lpu.fill "00800043" : !lpu.tensor<[], f32>
  %s = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %w = lpu.constant <dequantise(file("w", 0, [4, 2], i8), inline("0000003f", [1, 1], f32), inline("00", [1, 1], i8), [4, 2])> : !lpu.tensor<[4, 2], f32>
  %l = lpu.cast %x : !lpu.tensor<[1, 4], u8> -> !lpu.tensor<[1, 4], f32>
  %c = lpu.map "sub" %l, %z : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %a = lpu.map "mul" %c, %s : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.matmul %a, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// Scales of blocks along what is summed cannot come behind the sum.
// CHECK-LABEL: @blocks
// CHECK:         lpu.constant <cast(dequantise({{.*}}"0000003f0000803f", [2, 1]
// CHECK:         lpu.matmul {{.*}} -> !lpu.tensor<[1, 2], f16>
// DEFAULT-LABEL: @blocks
// DEFAULT:       lpu.matmul {{.*}}, !lpu.tensor<[4, 2], f32>
func.func @blocks(%x : !lpu.tensor<[1, 4], u8>) -> !lpu.tensor<[1, 2], f32> attributes {lpu.interface = #lpu.interface<["x" ids u8] -> ["y" data f32]>} {
  %s = lpu.fill "0000803e" : !lpu.tensor<[], f32>
  %w = lpu.constant <dequantise(file("w", 0, [4, 2], i8), inline("0000003f0000803f", [2, 1], f32), inline("00", [1, 1], i8), [2, 2])> : !lpu.tensor<[4, 2], f32>
  %l = lpu.cast %x : !lpu.tensor<[1, 4], u8> -> !lpu.tensor<[1, 4], f32>
  %a = lpu.map "mul" %l, %s : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.matmul %a, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
  func.return %y : !lpu.tensor<[1, 2], f32>
}

// -----

// A table of bytes on one scale: its rows are looked up as whole numbers.
// CHECK-LABEL: @rows
// CHECK:         %[[rows:.*]] = lpu.gather {{.*}} : !lpu.tensor<[9, 2], f16>, {{.*}} -> !lpu.tensor<[3, 2], f16>
// CHECK-NEXT:    %[[long:.*]] = lpu.cast %[[rows]]
// CHECK-NEXT:    %[[half:.*]] = lpu.fill "0000003f"
// CHECK-NEXT:    lpu.map "mul" %[[long]], %[[half]]
// DEFAULT-LABEL: @rows
// DEFAULT:       lpu.gather {{.*}} : !lpu.tensor<[9, 2], f32>
func.func @rows(%ids : !lpu.tensor<[3], i64>) -> !lpu.tensor<[3, 2], f32> attributes {lpu.interface = #lpu.interface<["ids" ids i64] -> ["y" data f32]>} {
  %w = lpu.constant <dequantise(file("w", 0, [9, 2], u8), inline("0000003f", [1, 1], f32), inline("80", [1, 1], u8), [9, 2])> : !lpu.tensor<[9, 2], f32>
  %y = lpu.gather %w, %ids axis 0 : !lpu.tensor<[9, 2], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3, 2], f32>
  func.return %y : !lpu.tensor<[3, 2], f32>
}
