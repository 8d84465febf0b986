// RUN: xdsl-opt %s -p lpu-esl-plan --split-input-file | filecheck %s

// Heads are cut, not the elements of a head; the widths of a feed-forward are cut in one.
// CHECK: products = {fc = "64/4", query = "8/4, 4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %k : !lpu.tensor<[1, 8, 3, 4], f32>, %v : !lpu.tensor<[1, 8, 3, 4], f32>) -> (!lpu.tensor<[1, 8, 1, 4], f32>, !lpu.tensor<[1, 64], f32>) {
    %w = lpu.constant <file("w", 0, [4, 32], f32)> : !lpu.tensor<[4, 32], f32>
    %u = lpu.constant <file("u", 0, [4, 64], f32)> : !lpu.tensor<[4, 64], f32>
    %0 = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 32], f32> -> !lpu.tensor<[1, 32], f32> loc("query")
    %q = lpu.reshape %0 : !lpu.tensor<[1, 32], f32> -> !lpu.tensor<[1, 8, 1, 4], f32>
    %y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 8, 1, 4], f32>, !lpu.tensor<[1, 8, 3, 4], f32>, !lpu.tensor<[1, 8, 3, 4], f32> -> !lpu.tensor<[1, 8, 1, 4], f32>
    %z = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("fc")
    func.return %y, %z : !lpu.tensor<[1, 8, 1, 4], f32>, !lpu.tensor<[1, 64], f32>
  }
}

// -----

// Fewer key heads than devices: they are cut as far as they go, then the query heads of a group.
// CHECK: products = {key = "2/2:2, 8", query = "2/2:2, 4/2, 8"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %v : !lpu.tensor<[1, 2, 1, 8], f32>) -> !lpu.tensor<[1, 8, 1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 64], f32)> : !lpu.tensor<[4, 64], f32>
    %u = lpu.constant <file("u", 0, [4, 16], f32)> : !lpu.tensor<[4, 16], f32>
    %0 = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("query")
    %q = lpu.reshape %0 : !lpu.tensor<[1, 64], f32> -> !lpu.tensor<[1, 8, 1, 8], f32>
    %1 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 16], f32> -> !lpu.tensor<[1, 16], f32> loc("key")
    %k = lpu.reshape %1 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    %y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 8, 1, 8], f32>, !lpu.tensor<[1, 2, 1, 8], f32>, !lpu.tensor<[1, 2, 1, 8], f32> -> !lpu.tensor<[1, 8, 1, 8], f32>
    func.return %y : !lpu.tensor<[1, 8, 1, 8], f32>
  }
}

// -----

// Too few columns for so many devices stay whole: an exchange would cost more.
// CHECK: products = {gate = "3"}
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 3], f32> {
    %w = lpu.constant <file("w", 0, [4, 3], f32)> : !lpu.tensor<[4, 3], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[1, 3], f32> loc("gate")
    func.return %y : !lpu.tensor<[1, 3], f32>
  }
}

// -----

// A table whose columns no product has is cut along them; what is multiplied with its rows is data.
// CHECK: products = {fc = "64/4", table = "16/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%ids : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1, 64], f32> {
    %t = lpu.constant <file("t", 0, [9, 16], f32)> : !lpu.tensor<[9, 16], f32>
    %u = lpu.constant <file("u", 0, [16, 64], f32)> : !lpu.tensor<[16, 64], f32>
    %0 = lpu.gather %t, %ids axis 0 : !lpu.tensor<[9, 16], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 16], f32> loc("table")
    %z = lpu.matmul %0, %u : !lpu.tensor<[1, 16], f32>, !lpu.tensor<[16, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("fc")
    func.return %z : !lpu.tensor<[1, 64], f32>
  }
}

// -----

// A node may hold tables and products: each has a name.
// CHECK: products = {node = "64/4", node.1 = "16/4", node.2 = "8/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%ids : !lpu.tensor<[1], i64>) -> (!lpu.tensor<[1, 64], f32>, !lpu.tensor<[1, 8], f32>) {
    %t = lpu.constant <file("t", 0, [9, 16], f32)> : !lpu.tensor<[9, 16], f32>
    %s = lpu.constant <file("s", 0, [9, 8], f32)> : !lpu.tensor<[9, 8], f32>
    %u = lpu.constant <file("u", 0, [16, 64], f32)> : !lpu.tensor<[16, 64], f32>
    %0 = lpu.gather %t, %ids axis 0 : !lpu.tensor<[9, 16], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 16], f32> loc("node")
    %1 = lpu.gather %s, %ids axis 0 : !lpu.tensor<[9, 8], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 8], f32> loc("node")
    %z = lpu.matmul %0, %u : !lpu.tensor<[1, 16], f32>, !lpu.tensor<[16, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("node")
    func.return %z, %1 : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[1, 8], f32>
  }
}

// -----

// Left whole: a table of angles, which take less than an exchange for each token.
// CHECK: products = {fc = "64/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %at : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1, 64], f32> {
    %t = lpu.constant <file("t", 0, [9, 64], f32)> : !lpu.tensor<[9, 64], f32>
    %u = lpu.constant <file("u", 0, [4, 64], f32)> : !lpu.tensor<[4, 64], f32>
    %0 = lpu.gather %t, %at axis 0 : !lpu.tensor<[9, 64], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 64], f32> loc("cosine")
    %1 = lpu.map "cos" %0 : !lpu.tensor<[1, 64], f32> -> !lpu.tensor<[1, 64], f32>
    %2 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("fc")
    %3 = lpu.norm "rms" %2 epsilon 1.0e-05 : !lpu.tensor<[1, 64], f32> -> !lpu.tensor<[1, 64], f32>
    %z = lpu.map "mul" %3, %1 : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[1, 64], f32> -> !lpu.tensor<[1, 64], f32>
    func.return %z : !lpu.tensor<[1, 64], f32>
  }
}

// -----

// Angles that are scaled are angles.
// CHECK: products = {fc = "64/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %at : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1, 64], f32> {
    %t = lpu.constant <file("t", 0, [9, 64], f32)> : !lpu.tensor<[9, 64], f32>
    %u = lpu.constant <file("u", 0, [4, 64], f32)> : !lpu.tensor<[4, 64], f32>
    %s = lpu.constant <inline("00000041", [], f32)> : !lpu.tensor<[], f32>
    %0 = lpu.gather %t, %at axis 0 : !lpu.tensor<[9, 64], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 64], f32> loc("cosine")
    %1 = lpu.map "mul" %0, %s : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 64], f32>
    %2 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 64], f32> -> !lpu.tensor<[1, 64], f32> loc("fc")
    %z = lpu.map "mul" %2, %1 : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[1, 64], f32> -> !lpu.tensor<[1, 64], f32>
    func.return %z : !lpu.tensor<[1, 64], f32>
  }
}

// -----

// Rows that are scaled, or masked, are no angles: they turn nothing.
// CHECK: products = {embed = "64/4", fc = "8/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%ids : !lpu.tensor<[1], i64>, %mask : !lpu.tensor<[1, 1], f32>) -> !lpu.tensor<[1, 8], f32> {
    %t = lpu.constant <file("t", 0, [9, 64], f32)> : !lpu.tensor<[9, 64], f32>
    %s = lpu.constant <inline("00000041", [], f32)> : !lpu.tensor<[], f32>
    %u = lpu.constant <file("u", 0, [64, 8], f32)> : !lpu.tensor<[64, 8], f32>
    %0 = lpu.gather %t, %ids axis 0 : !lpu.tensor<[9, 64], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 64], f32> loc("embed")
    %1 = lpu.map "mul" %0, %s : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1, 64], f32>
    %2 = lpu.map "mul" %1, %mask : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[1, 1], f32> -> !lpu.tensor<[1, 64], f32>
    %z = lpu.matmul %2, %u : !lpu.tensor<[1, 64], f32>, !lpu.tensor<[64, 8], f32> -> !lpu.tensor<[1, 8], f32> loc("fc")
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}

// -----

// A table that is the weight of a product is cut as that is.
// CHECK: products = {head = "8/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%ids : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1, 8], f32> {
    %t = lpu.constant <file("t", 0, [8, 16], f32)> : !lpu.tensor<[8, 16], f32>
    %u = lpu.constant <transpose(file("t", 0, [8, 16], f32), [1, 0])> : !lpu.tensor<[16, 8], f32>
    %0 = lpu.gather %t, %ids axis 0 : !lpu.tensor<[8, 16], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 16], f32> loc("table")
    %z = lpu.matmul %0, %u : !lpu.tensor<[1, 16], f32>, !lpu.tensor<[16, 8], f32> -> !lpu.tensor<[1, 8], f32> loc("head")
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}

// -----

// Keys are computed whole: each device takes its part of their heads if there are as many parts.
// CHECK: products = {key = "16/4", value = "2, 8/4"}
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %q : !lpu.tensor<[1, 2, 1, 8], f32>) -> !lpu.tensor<[1, 2, 1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 16], f32)> : !lpu.tensor<[4, 16], f32>
    %u = lpu.constant <file("u", 0, [4, 16], f32)> : !lpu.tensor<[4, 16], f32>
    %0 = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 16], f32> -> !lpu.tensor<[1, 16], f32> loc("key")
    %1 = lpu.norm "rms" %0 epsilon 1.0e-05 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 16], f32>
    %k = lpu.reshape %1 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    %2 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 16], f32> -> !lpu.tensor<[1, 16], f32> loc("value")
    %v = lpu.reshape %2 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    %y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 2, 1, 8], f32>, !lpu.tensor<[1, 2, 1, 8], f32>, !lpu.tensor<[1, 2, 1, 8], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    func.return %y : !lpu.tensor<[1, 2, 1, 8], f32>
  }
}
