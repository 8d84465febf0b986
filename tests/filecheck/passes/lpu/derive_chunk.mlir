// RUN: xdsl-opt %s -p lpu-derive-chunk --split-input-file | filecheck %s

// Only the ids are an input; a mask is ones and positions count up behind the cache. The cache is
// that of the step, whatever number it has.
// CHECK-LABEL: @step
// CHECK-LABEL: @prompt_chunk(%ids: !lpu.tensor<[1, 4], i64>) attributes {lpu.interface = #lpu.interface<["input_ids" ids i64] -> []>, lpu.symbols = #lpu.symbols<[P in 0 to 4]>}
// CHECK-DAG:     lpu.fill "01" : !lpu.tensor<[1, P + 4], bool>
// CHECK-DAG:     %[[I:.*]] = lpu.iota <[P, 1]> : !lpu.tensor<[4], i64>
// CHECK-DAG:     %[[P:.*]] = lpu.reshape %[[I]] : !lpu.tensor<[4], i64> -> !lpu.tensor<[1, 4], i64>
// CHECK-DAG:     lpu.state "cache.1" inputs <[]> outputs <[]> : !lpu.state<[8, 9], f32>
// CHECK-DAG:     lpu.state "cache.0" inputs <[]> outputs <[]> : !lpu.state<[8, 9], f32>
// CHECK:         lpu.write {{.*}} at <[P, 0]>
// CHECK:         func.return
// CHECK-NEXT:  }
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "a" in state, "b" in state] -> ["logits" data f32, "x" in state, "y" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %d = lpu.state "cache.1" inputs <["b" past f32 [P, 9] at [0, 0]]> outputs <["y" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%mask : !lpu.tensor<[1, P + 4], bool>, %ids : !lpu.tensor<[1, 4], i64>, %positions : !lpu.tensor<[1, 4], i64>) -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<["mask" mask bool, "input_ids" ids i64, "positions" positions i64, "b" in state, "a" in state] -> ["logits" data f32, "y" in state, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %d = lpu.state "cache.0" inputs <["b" past f32 [P, 9] at [0, 0]]> outputs <["y" past f32 [P + 4, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %c = lpu.state "cache.1" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 4, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %n = lpu.slice %mask at <[0, P]> step <[1, 1]> : !lpu.tensor<[1, P + 4], bool> -> !lpu.tensor<[1, 4], bool>
  %s = lpu.cast %n : !lpu.tensor<[1, 4], bool> -> !lpu.tensor<[1, 4], f32>
  %p = lpu.cast %positions : !lpu.tensor<[1, 4], i64> -> !lpu.tensor<[1, 4], f32>
  %q = lpu.map "mul" %s, %p : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %r = lpu.reshape %q : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[4, 1], f32>
  %e = lpu.broadcast %r : !lpu.tensor<[4, 1], f32> -> !lpu.tensor<[4, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}

// -----

// A cache that is kept in another form is not that of the step.
// CHECK:     lpu.no_chunk = "its layers do not keep their cache as those of a step do"
// CHECK-NOT: @prompt_chunk
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "a" in state] -> ["logits" data f32, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [1, 0, 0]]> outputs <["x" past f32 [P + 1, 9] at [1, 0, 0]]> : !lpu.state<[2, 8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%ids : !lpu.tensor<[1, 4], i64>) -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "a" in state] -> ["logits" data f32, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0, 0]]> outputs <["x" past f32 [P + 4, 9] at [0, 0, 0]]> : !lpu.state<[2, 8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}

// -----

// Nor is one that the step has besides.
// CHECK:     lpu.no_chunk = "a step keeps more than it does"
// CHECK-NOT: @prompt_chunk
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "a" in state, "b" in state] -> ["logits" data f32, "x" in state, "y" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %d = lpu.state "cache.1" inputs <["b" past f32 [P, 9] at [0, 0]]> outputs <["y" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%ids : !lpu.tensor<[1, 4], i64>) -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "a" in state] -> ["logits" data f32, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 4, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}

// -----

// What is no decoder of one token takes no chunks either.
// CHECK:     lpu.no_chunk = "the model has no cache"
// CHECK-NOT: @prompt_chunk
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64] -> ["logits" data f32]>} {
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%ids : !lpu.tensor<[1, 4], i64>) -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64] -> ["logits" data f32]>} {
  %e = lpu.fill "0000803f" : !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}

// -----

// What one token of a prompt leaves must not depend on others; here it does on their number.
// CHECK:     lpu.no_chunk = "'count' may take tokens of a prompt otherwise than one by one"
// CHECK-NOT: @prompt_chunk
func.func @step(%mask : !lpu.tensor<[1, P + 1], bool>, %ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["mask" mask bool, "input_ids" ids i64, "a" in state] -> ["logits" data f32, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%mask : !lpu.tensor<[1, P + 4], bool>, %ids : !lpu.tensor<[1, 4], i64>) -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<["mask" mask bool, "input_ids" ids i64, "a" in state] -> ["logits" data f32, "x" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %c = lpu.state "cache.0" inputs <["a" past f32 [P, 9] at [0, 0]]> outputs <["x" past f32 [P + 4, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %m = lpu.cast %mask : !lpu.tensor<[1, P + 4], bool> -> !lpu.tensor<[1, P + 4], f32>
  %s = lpu.reduce "sum" %m over <[1]> : !lpu.tensor<[1, P + 4], f32> -> !lpu.tensor<[1, 1], f32> loc("count")
  %e = lpu.broadcast %s : !lpu.tensor<[1, 1], f32> -> !lpu.tensor<[4, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}
