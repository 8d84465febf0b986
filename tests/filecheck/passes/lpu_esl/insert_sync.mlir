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
