// RUN: xdsl-opt %s -p lpu-esl-plan,lpu-esl-partition --split-input-file | filecheck %s

// What is in parts is computed on in parts, without an exchange; a bias is one's own part.
// CHECK-LABEL: @elementwise
// CHECK-NEXT:    lpu.constant <shard(file("w", 0, [4, 8], f32), 2 x {{\[\[\], \[8/2\]\]}})>
// CHECK-NEXT:    lpu.constant <shard(file("b", 0, [8], f32), 2 x {{\[\[8/2\]\]}})>
// CHECK-NEXT:    lpu.matmul {{.*}} -> !lpu_esl.shard<[1, 8], f32
// CHECK-NEXT:    lpu.map "add" {{.*}} -> !lpu_esl.shard<[1, 8], f32
// CHECK-NEXT:    func.return {{.*}} : !lpu_esl.shard<[1, 8], f32
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @elementwise(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %b = lpu.constant <file("b", 0, [8], f32)> : !lpu.tensor<[8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %z = lpu.map "add" %y, %b : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}

// -----

// One exchange for two that need the whole; the sum over columns is one of them.
// CHECK-LABEL: @once
// CHECK:         lpu.matmul
// CHECK-NEXT:    lpu_esl.unshard %y because "lpu.reduce needs all of it"
// CHECK-NOT:     lpu_esl.unshard
// CHECK:         lpu.reduce
// CHECK:         lpu.softmax
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @once(%x : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 1], f32>, !lpu.tensor<[1, 8], f32>) {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %s = lpu.reduce "sum" %y over <[1]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 1], f32>
    %z = lpu.softmax %y empty "nan" : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %s, %z : !lpu.tensor<[1, 1], f32>, !lpu.tensor<[1, 8], f32>
  }
}

// -----

// Of what is whole a device takes its own part, which may end in padding.
// CHECK-LABEL: @own
// CHECK:         lpu.concat %s, {{.*}} axis 1 {{.*}} -> !lpu.tensor<[1, 10], f32>
// CHECK:         lpu.slice {{.*}} at <[0, 5*d0]> {{.*}} -> !lpu_esl.shard<[1, 9], f32, 2 x {{\[\[\], \[9/2\]\]}}>
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @own(%x : !lpu.tensor<[1, 9], f32>) -> !lpu.tensor<[1, 9], f32> {
    %r = lpu.reshape %x : !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[9], f32>
    %e = lpu.softmax %r empty "nan" : !lpu.tensor<[9], f32> -> !lpu.tensor<[9], f32>
    %l = lpu.reshape %e : !lpu.tensor<[9], f32> -> !lpu.tensor<[1, 9], f32>
    %w = lpu.constant <file("w", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
    %y = lpu.matmul %l, %w : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[9, 9], f32> -> !lpu.tensor<[1, 9], f32>
    %s = lpu.softmax %x empty "nan" : !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
    %z = lpu.map "add" %s, %y : !lpu.tensor<[1, 9], f32>, !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[1, 9], f32>
    func.return %z : !lpu.tensor<[1, 9], f32>
  }
}

// -----

// A table that the head is tied to is looked up by rows, each where it lies.
// CHECK-LABEL: @tied
// CHECK:         lpu.iota <[4*d0]>
// CHECK:         lpu.gather {{.*}} axis 0 : !lpu_esl.shard<[8, 4], f32, 2 x {{\[\[8/2\], \[\]\]}}>
// CHECK:         lpu_esl.all_gather {{.*}} -> !lpu.tensor<[2, 1, 4], f32>
// CHECK:         lpu.constant <shard(transpose(file("w", 0, [8, 4], f32), [1, 0]), 2 x {{\[\[\], \[8/2\]\]}})>
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @tied(%i : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1, 8], f32> {
    %t = lpu.constant <file("w", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
    %x = lpu.gather %t, %i axis 0 : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 4], f32>
    %e = lpu.softmax %x empty "nan" : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
    %w = lpu.constant <transpose(file("w", 0, [8, 4], f32), [1, 0])> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %e, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %y : !lpu.tensor<[1, 8], f32>
  }
}

// -----

// A cache is cut by heads, and so are its ports.
// CHECK-LABEL: @cache
// CHECK:         lpu.state "c" inputs <["p" past f32 [8, P] at [0, 0] shard 2 x {{\[\[8/2\], \[\]\]}}]> {{.*}} : !lpu.state<[4, 8], f32>
// CHECK:         lpu.write {{.*}} : !lpu.state<[4, 8], f32>, !lpu_esl.shard<[8, 1], f32
// CHECK:         lpu.read {{.*}} -> !lpu_esl.shard<[8, P + 1], f32
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @cache(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[8, P + 1], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
    %c = lpu.state "c" inputs <["p" past f32 [8, P] at [0, 0]]> outputs <[]> : !lpu.state<[8, 8], f32>
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %t = lpu.transpose %y <[1, 0]> : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[8, 1], f32>
    lpu.write %c, %t at <[0, P]> : !lpu.state<[8, 8], f32>, !lpu.tensor<[8, 1], f32>
    %r = lpu.read %c at <[0, 0]> : !lpu.state<[8, 8], f32> -> !lpu.tensor<[8, P + 1], f32>
    func.return %r : !lpu.tensor<[8, P + 1], f32>
  }
}

// -----

// One's own heads among the columns of all heads.
// CHECK-LABEL: @heads
// CHECK:         lpu.slice {{.*}} at <[0, 4*d0, 0]> {{.*}} -> !lpu_esl.shard<[1, 8, 3], f32, 2 x {{\[\[\], \[8/2\], \[\]\]}}>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu_esl.shard<[1, 24], f32, 2 x {{\[\[\], \[8/2, 3\]\]}}>
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @heads(%x : !lpu.tensor<[1, 24], f32>, %k : !lpu.tensor<[1, 8, 2, 3], f32>, %v : !lpu.tensor<[1, 8, 2, 3], f32>) -> !lpu.tensor<[1, 8, 1, 3], f32> {
    %w = lpu.constant <file("w", 0, [24, 24], f32)> : !lpu.tensor<[24, 24], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 24], f32>, !lpu.tensor<[24, 24], f32> -> !lpu.tensor<[1, 24], f32>
    %n = lpu.softmax %x empty "nan" : !lpu.tensor<[1, 24], f32> -> !lpu.tensor<[1, 24], f32>
    %z = lpu.map "add" %y, %n : !lpu.tensor<[1, 24], f32>, !lpu.tensor<[1, 24], f32> -> !lpu.tensor<[1, 24], f32>
    %q = lpu.reshape %z : !lpu.tensor<[1, 24], f32> -> !lpu.tensor<[1, 8, 1, 3], f32>
    %a = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 8, 1, 3], f32>, !lpu.tensor<[1, 8, 2, 3], f32>, !lpu.tensor<[1, 8, 2, 3], f32> -> !lpu.tensor<[1, 8, 1, 3], f32>
    func.return %a : !lpu.tensor<[1, 8, 1, 3], f32>
  }
}

// -----

// Scales of columns times one of a row: each device makes those of its own columns, and none holds
// all of them.
// CHECK:         lpu_esl.whole = {{{.*}}share = 0.000000e+00 : f64, whole = []}
// CHECK-LABEL: @scales
// CHECK:         %[[part:.*]] = lpu.constant <shard(file("s", 0, [8], f32), 2 x {{\[\[8/2\]\]}})>
// CHECK-NOT:     lpu.slice
// CHECK:         %[[both:.*]] = lpu.map "mul" %r, %[[part]] : !lpu.tensor<[], f32>, !lpu_esl.shard<[8], f32
// CHECK:         lpu.map "mul" {{.*}}, %[[both]] : !lpu_esl.shard<[1, 8], f32, {{.*}}, !lpu_esl.shard<[8], f32
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @scales(%x : !lpu.tensor<[1, 4], f32>, %r : !lpu.tensor<[], f32>) -> !lpu.tensor<[1, 8], f32> {
    %s = lpu.constant <file("s", 0, [8], f32)> : !lpu.tensor<[8], f32>
    %both = lpu.map "mul" %r, %s : !lpu.tensor<[], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %z = lpu.map "mul" %y, %both : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}

// -----

// Numbers that every device has computed are there whole: one's own part is cut out of the product.
// CHECK-LABEL: @computed
// CHECK:         %[[both:.*]] = lpu.map "mul" %n, %s : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8], f32>
// CHECK:         lpu.slice {{.*}} at <[0, 4*d0]>
builtin.module attributes {lpu.options = {devices = 2 : i64, whole_budget = 50.0 : f64}} {
  func.func @computed(%x : !lpu.tensor<[1, 4], f32>, %v : !lpu.tensor<[1, 8], f32>) -> !lpu.tensor<[1, 8], f32> {
    %s = lpu.constant <file("s", 0, [8], f32)> : !lpu.tensor<[8], f32>
    %n = lpu.softmax %v empty "nan" : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %both = lpu.map "mul" %n, %s : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8], f32> -> !lpu.tensor<[1, 8], f32>
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32> -> !lpu.tensor<[1, 8], f32>
    %z = lpu.map "mul" %y, %both : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}
