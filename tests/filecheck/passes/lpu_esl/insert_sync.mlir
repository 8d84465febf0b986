// RUN: xdsl-opt %s -p lpu-esl-insert-sync --split-input-file | filecheck %s

// Padding stands at the end of its factor, and is left out there.
// CHECK-LABEL: @nested
// CHECK-NEXT:    lpu_esl.all_gather %x {{.*}} -> !lpu.tensor<[4, 2, 5], f32>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[2, 2, 2, 1, 5], f32>
// CHECK-NEXT:    lpu.transpose {{.*}} <[0, 2, 1, 3, 4]>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[4, 2, 5], f32>
// CHECK-NEXT:    lpu.slice {{.*}} -> !lpu.tensor<[3, 2, 5], f32>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[6, 5], f32>
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @nested(%x : !lpu_esl.shard<[6, 5], f32, 4 x [[3/2:2, 2/2], []]>) -> !lpu.tensor<[6, 5], f32> {
    %y = lpu_esl.unshard %x because "a test" : !lpu_esl.shard<[6, 5], f32, 4 x [[3/2:2, 2/2], []]> -> !lpu.tensor<[6, 5], f32>
    func.return %y : !lpu.tensor<[6, 5], f32>
  }
}

// -----

// Of devices that hold the same, one gives it.
// CHECK-LABEL: @copies
// CHECK-NEXT:    lpu_esl.all_gather %x {{.*}} -> !lpu.tensor<[4, 2], f32>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[2, 2, 2], f32>
// CHECK-NEXT:    lpu.slice {{.*}} at <[0, 0, 0]> {{.*}} -> !lpu.tensor<[2, 1, 2], f32>
// CHECK-NEXT:    lpu.transpose {{.*}} <[1, 0, 2]>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[4], f32>
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @copies(%x : !lpu_esl.shard<[4], f32, 4 x [[4/2:2]]>) -> !lpu.tensor<[4], f32> {
    %y = lpu_esl.unshard %x because "a test" : !lpu_esl.shard<[4], f32, 4 x [[4/2:2]]> -> !lpu.tensor<[4], f32>
    func.return %y : !lpu.tensor<[4], f32>
  }
}

// -----

// Extents that depend on symbols are whole axes.
// CHECK-LABEL: @symbols
// CHECK-NEXT:    lpu_esl.all_gather %x {{.*}} -> !lpu.tensor<[2, P + 1, 3], f32>
// CHECK-NEXT:    lpu.transpose {{.*}} <[1, 0, 2]>
// CHECK-NEXT:    lpu.reshape {{.*}} -> !lpu.tensor<[P + 1, 6], f32>
// CHECK-NEXT:    lpu.slice {{.*}} -> !lpu.tensor<[P + 1, 5], f32>
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @symbols(%x : !lpu_esl.shard<[P + 1, 5], f32, 2 x [[], [5/2]]>) -> !lpu.tensor<[P + 1, 5], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
    %y = lpu_esl.unshard %x because "a test" : !lpu_esl.shard<[P + 1, 5], f32, 2 x [[], [5/2]]> -> !lpu.tensor<[P + 1, 5], f32>
    func.return %y : !lpu.tensor<[P + 1, 5], f32>
  }
}

// -----

// All devices hand out the token of the first, and stop where it does.
// CHECK-LABEL: @token
// CHECK:         [[BOTH:%.*]] = lpu.concat %t, %s axis 0
// CHECK-NEXT:    [[ALL:%.*]] = lpu_esl.all_gather [[BOTH]] {{.*}} -> !lpu.tensor<[4, 2], i64>
// CHECK-NEXT:    [[ONE:%.*]] = lpu.slice [[ALL]] at <[0, 0]>
// CHECK-NEXT:    [[TOKEN:%.*]] = lpu.reshape [[ONE]]
// CHECK-NEXT:    [[TWO:%.*]] = lpu.slice [[ALL]] at <[0, 1]>
// CHECK-NEXT:    [[STOP:%.*]] = lpu.reshape [[TWO]]
// CHECK-NEXT:    lpu.emit [[TOKEN]], [[STOP]]
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @token(%t : !lpu.tensor<[1], i64>, %s : !lpu.tensor<[1], i64>) {
    lpu.for "l" to <3> () {
      lpu.emit %t, %s : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
      lpu.yield
    }
    func.return
  }
}

// -----

// What is computed of the same parts element by element is exchanged once, before; the reason stays.
// CHECK-LABEL: @shared
// CHECK:         lpu_esl.all_gather %x because "the sum" : {{.*}} -> !lpu.tensor<[2, 3], f32>
// CHECK-NEXT:    %1 = lpu.reshape {{.*}} -> !lpu.tensor<[6], f32>
// CHECK:         %a = lpu.map "mul" %1, %1 {{.*}} -> !lpu.tensor<[6], f32>
// CHECK-NEXT:    lpu.reduce "sum" %a
// CHECK:         %2 = lpu.constant <file("w", 0, [6], f32)>
// CHECK-NEXT:    %b = lpu.map "mul" %1, %2 {{.*}} -> !lpu.tensor<[6], f32>
// CHECK-NEXT:    lpu.softmax %b
// CHECK-NOT:     lpu_esl.all_gather
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @shared(%x : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>) -> (!lpu.tensor<[1], f32>, !lpu.tensor<[6], f32>) {
    %s = lpu.map "mul" %x, %x : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>, !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    %a = lpu_esl.unshard %s because "the sum" : !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu.tensor<[6], f32>
    %r = lpu.reduce "sum" %a over <[0]> : !lpu.tensor<[6], f32> -> !lpu.tensor<[1], f32>
    %w = lpu.constant <shard(file("w", 0, [6], f32), 2 x [[6/2]])> : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    %y = lpu.map "mul" %x, %w : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>, !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    %b = lpu_esl.unshard %y because "the softmax" : !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu.tensor<[6], f32>
    %z = lpu.softmax %b empty "nan" : !lpu.tensor<[6], f32> -> !lpu.tensor<[6], f32>
    func.return %r, %z : !lpu.tensor<[1], f32>, !lpu.tensor<[6], f32>
  }
}

// -----

// What is computed of two values in parts is exchanged as it is: two exchanges would stand for one.
// CHECK-LABEL: @two
// CHECK:         lpu.map "mul" %x, %y {{.*}} -> !lpu_esl.shard
// CHECK-NEXT:    lpu_esl.all_gather
// CHECK-NOT:     lpu_esl.all_gather
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @two(%x : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>, %y : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>) -> !lpu.tensor<[6], f32> {
    %s = lpu.map "mul" %x, %y : !lpu_esl.shard<[6], f32, 2 x [[6/2]]>, !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    %a = lpu_esl.unshard %s because "a test" : !lpu_esl.shard<[6], f32, 2 x [[6/2]]> -> !lpu.tensor<[6], f32>
    func.return %a : !lpu.tensor<[6], f32>
  }
}
