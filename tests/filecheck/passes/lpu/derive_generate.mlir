// RUN: xdsl-opt %s -p lpu-derive-generate --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-derive-generate --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: xdsl-opt %s -p "lpu-derive-generate{sampler=false}" --split-input-file | filecheck %s --check-prefix=GREEDY

// The prompt lies in a state; its last token is the first that the second loop takes.
// CHECK-LABEL: @step
// CHECK-LABEL: @generate
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[fed in 0 to 6, prompt in 1 to 8, sampled in 0 to 1, total in 1 to 9]>
// CHECK:         lpu.constant
// CHECK-NEXT:    lpu.state "cache.0" inputs <[]> outputs <[]>
// CHECK-NEXT:    lpu.state "tokens" inputs <["tokens" tokens i64 [prompt] at [0]]> outputs <[]> : !lpu.state<[9], i64>
// CHECK-NEXT:    lpu.for "P_prompt" from <fed> to <prompt + -1>
// The first loop fills the cache and does nothing else.
// CHECK-NOT:     lpu.reduce
// CHECK:         lpu.write {{.*}} at <[P_prompt, 0]>
// CHECK-NEXT:    lpu.yield
// CHECK:         lpu.for "P" from <prompt + -1> to <total + -1>
// CHECK:         lpu.reduce "sum"
// CHECK:         %[[GREATEST:.*]], %{{.*}} = lpu.topk {{.*}} -> !lpu.tensor<[1], f32>, !lpu.tensor<[1], i64>
// A draw has a loop of one turn or none around it.
// CHECK-NEXT:    lpu.for "draw" to <sampled>
// CHECK:         lpu.topk {{.*}} -> !lpu.tensor<[9], f32>, !lpu.tensor<[9], i64>
// CHECK:         lpu.yield {{.*}} : !lpu.tensor<[1], i64>
// Logits that hold NaN choose -2.
// CHECK:         %[[NONE:.*]] = lpu.fill "feffffffffffffff" : !lpu.tensor<[1], i64>
// CHECK-NEXT:    %[[NAN:.*]] = lpu.map "isnan" %[[GREATEST]] :
// CHECK-NEXT:    %[[TOKEN:.*]] = lpu.select %[[NAN]], %[[NONE]], %{{.*}} :
// CHECK:         lpu.write %{{.*}}, %[[TOKEN]] at <[P + 1]>
// CHECK:         lpu.emit %[[TOKEN]]
// The choice names the nodes of the logits.
// LOC-LABEL: @generate
// LOC:         lpu.emit {{.*}} loc("head")
// There is no draw where it is not wanted.
// GREEDY-LABEL: @generate
// GREEDY-SAME:    sampled in 0 to 0
// GREEDY-NOT:     lpu.for "draw"
// GREEDY:         lpu.emit
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// A mask is ones, positions count up.
// CHECK-LABEL: @generate
// CHECK:         lpu.for "P" from
// CHECK:         %[[M:.*]] = lpu.fill "01" : !lpu.tensor<[1, P + 1], bool>
// CHECK:         %[[P:.*]] = lpu.iota <[P, 0]> : !lpu.tensor<[1], i64>
// CHECK:         %[[Q:.*]] = lpu.reshape %[[P]] : !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 1], i64>
// CHECK:         lpu.cast %[[M]]
// CHECK:         lpu.cast %[[Q]]
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %mask : !lpu.tensor<[1, P + 1], bool>, %positions : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "mask" mask bool, "positions" positions i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  %m = lpu.cast %mask : !lpu.tensor<[1, P + 1], bool> -> !lpu.tensor<[1, P + 1], f32>
  %s = lpu.reduce "sum" %m over <[1]> : !lpu.tensor<[1, P + 1], f32> -> !lpu.tensor<[1, 1], f32>
  %p = lpu.cast %positions : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1, 1], f32>
  %0 = lpu.map "add" %s, %p : !lpu.tensor<[1, 1], f32>, !lpu.tensor<[1, 1], f32> -> !lpu.tensor<[1, 1], f32>
  %1 = lpu.map "mul" %l, %0 : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[1, 1], f32> -> !lpu.tensor<[1, 9], f32>
  func.return %1 : !lpu.tensor<[1, 9], f32>
}

// -----

// Every loop has a variable of its own, and what no token changes stays outside.
// CHECK-LABEL: @generate
// CHECK:         lpu.map "neg"
// CHECK:         lpu.for "P_prompt"
// CHECK:         lpu.for "l_prompt" to <2>
// CHECK:         lpu.write {{.*}} at <[P_prompt, l_prompt]>
// CHECK:         lpu.for "P" from
// CHECK-NOT:     lpu.map "neg"
// CHECK:         lpu.for "l" to <2>
// CHECK:         lpu.write {{.*}} at <[P, l]>
// CHECK:         lpu.emit
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %n = lpu.map "neg" %w : !lpu.tensor<[9, 9], f32> -> !lpu.tensor<[9, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %n, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.for "l" to <2> () {
    %a = lpu.slice %e at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 8], f32>
    lpu.write %c, %a at <[P, l]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 8], f32>
    lpu.yield
  }
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// What is given once is an input of the loop, with its length; what it alone gives stays outside.
// CHECK-LABEL: @generate
// CHECK-SAME:    %sampler_ints: !lpu.tensor<[2], i64>, %x: !lpu.tensor<[E, 9], f16>)
// CHECK-SAME:    "sampler_ints" sampler_ints i64, "x" data f32, "tokens" in state]
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[E in 1 to 5, fed in 0 to 6, prompt in 1 to 8
// CHECK:         lpu.cast %x
// CHECK:         %[[SUM:.*]] = lpu.reduce "sum"
// CHECK:         lpu.for "P_prompt"
// CHECK:         lpu.for "P" from
// CHECK:         lpu.map "add" {{.*}}, %[[SUM]]
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %x : !lpu.tensor<[E, 9], f16>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "x" data f32, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[E in 1 to 5, P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  %long = lpu.cast %x : !lpu.tensor<[E, 9], f16> -> !lpu.tensor<[E, 9], f32>
  %sum = lpu.reduce "sum" %long over <[0]> : !lpu.tensor<[E, 9], f32> -> !lpu.tensor<[1, 9], f32>
  %y = lpu.map "add" %l, %sum : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
  func.return %y : !lpu.tensor<[1, 9], f32>
}

// -----

// What grows with a text has another value for each token.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "input 'x' has no role, and grows with a text"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %x : !lpu.tensor<[P + 1], f32>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "x" data f32, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// Two inputs of the loop cannot have one name.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "input 'stops' is called like one of the token loop"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %x : !lpu.tensor<[1], f32>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "stops" data f32, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// A role that no loop knows.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "input 'x' is none of the text"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %x : !lpu.tensor<[1], f32>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "x" stops f32, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// A cache that the host carries is not there.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "the cache 'k' does not stay on the device"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %k0 : !lpu.tensor<[1, P], f32>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "k" past f32, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// Without a cache each token needs all of the text.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "the model has no cache"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" data f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// A cache of fixed length does not grow.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "the length of the cache is not one symbol"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [7, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// A step must take one token.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "a step takes ids of extents [1, 2], not one token"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 2], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.fill "0000000000000000" : !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 9], f32>
}

// -----

// Logits are one number for each token id.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "no output has the form of logits"
// CHECK-NOT: @generate
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[P + 1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32> loc("head")
  func.return %k : !lpu.tensor<[P + 1, 9], f32>
}

// -----

// What each token replaces is zero before the first one, whatever a text before left there.
// CHECK:         func.func @step
// CHECK:         func.func @generate
// CHECK:         %[[s:.*]] = lpu.state "cache.1" inputs <[]> outputs <[]> : !lpu.state<[1, 9], f32>
// CHECK:         lpu.for "empty" from <fed> to <1>() {
// CHECK-NEXT:      %[[zeros:.*]] = lpu.fill "00000000" : !lpu.tensor<[1, 9], f32>
// CHECK-NEXT:      lpu.write %[[s]], %[[zeros]] at <[0, 0]>
// CHECK-NEXT:      lpu.yield
// CHECK:         lpu.for "P_prompt"
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state, "past_sum" in state] -> ["logits" data f32, "present" in state, "present_sum" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]> outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %r = lpu.state "cache.1" inputs <["past_sum" recurrent f32 [1, 9] at [0, 0]]> outputs <["present_sum" present f32 [1, 9] at [0, 0]]> : !lpu.state<[1, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %old = lpu.read %r at <[0, 0]> : !lpu.state<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
  %sum = lpu.map "add" %old, %e : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
  lpu.write %r, %sum at <[0, 0]> : !lpu.state<[1, 9], f32>, !lpu.tensor<[1, 9], f32>
  func.return %sum : !lpu.tensor<[1, 9], f32>
}

// -----

// Where the LMU cannot rank the logits, but hold them, choices are greedy.
// CHECK:         func.func @step
// CHECK:         func.func @generate
// CHECK-SAME:    sampled in 0 to 0
// CHECK-NOT:     lpu.for "draw"
// CHECK:         lpu.emit
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 1000], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [1000, 1000], f32)> : !lpu.tensor<[1000, 1000], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 1000] at [0, 0]]> outputs <["present" past f32 [P + 1, 1000] at [0, 0]]> : !lpu.state<[8, 1000], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[1000, 1000], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 1000], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 1000], f32>, !lpu.tensor<[1, 1000], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 1000], f32> -> !lpu.tensor<[P + 1, 1000], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 1000], f32> -> !lpu.tensor<[1, 1000], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 1000], f32>
}
}

// -----

// Where it cannot even hold them, there is no token loop.
// CHECK:     func.func @step
// CHECK-SAME:  lpu.no_generate = "4000 logits take 16000 bytes of LMU, of 7680"
// CHECK-NOT: @generate
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 4000], f32>
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "past" in state] -> ["logits" data f32, "present" in state]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [4000, 4000], f32)> : !lpu.tensor<[4000, 4000], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 4000] at [0, 0]]> outputs <["present" past f32 [P + 1, 4000] at [0, 0]]> : !lpu.state<[8, 4000], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[4000, 4000], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 4000], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 4000], f32>, !lpu.tensor<[1, 4000], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 4000], f32> -> !lpu.tensor<[P + 1, 4000], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 4000], f32> -> !lpu.tensor<[1, 4000], f32> loc("head")
  func.return %l : !lpu.tensor<[1, 4000], f32>
}
}

// -----

// Where every state is replaced, nothing but the longest context bounds a text; tokens are counted.
// CHECK:         func.func @step
// CHECK:         func.func @generate
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[fed in 0 to 4, prompt in 1 to 6, sampled in 0 to 1, total in 1 to 7]>
// CHECK:         lpu.for "empty" from <fed> to <1>
// CHECK:         lpu.for "P_prompt" from <fed> to <prompt + -1>
// CHECK:         lpu.for "P" from <prompt + -1> to <total + -1>
// CHECK:         lpu.iota <[P, 0]> : !lpu.tensor<[1], i64>
builtin.module attributes {lpu.options = {max_context = 6 : i64}} {
  func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %positions : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
      attributes {lpu.interface = #lpu.interface<["input_ids" ids i64, "position_ids" positions i64, "past_sum" in state] -> ["logits" data f32, "present_sum" in state]>, lpu.symbols = #lpu.symbols<[]>} {
    %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
    %r = lpu.state "cache.0" inputs <["past_sum" recurrent f32 [1, 9] at [0, 0]]> outputs <["present_sum" present f32 [1, 9] at [0, 0]]> : !lpu.state<[1, 9], f32>
    %both = lpu.map "add" %ids, %positions : !lpu.tensor<[1, 1], i64>, !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1, 1], i64>
    %i = lpu.reshape %both : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
    %e = lpu.gather %w, %i axis 0 : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
    %old = lpu.read %r at <[0, 0]> : !lpu.state<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
    %sum = lpu.map "add" %old, %e : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
    lpu.write %r, %sum at <[0, 0]> : !lpu.state<[1, 9], f32>, !lpu.tensor<[1, 9], f32>
    func.return %sum : !lpu.tensor<[1, 9], f32>
  }
}
