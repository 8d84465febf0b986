// RUN: xdsl-opt %s --split-input-file | xdsl-opt --split-input-file | filecheck %s
// RUN: xdsl-opt %s --print-op-generic --split-input-file | xdsl-opt --split-input-file | filecheck %s

// A shard prints as it is read: extents of the whole tensor, then the factors of each axis.
// CHECK-LABEL: @shards
// CHECK-SAME:    %x: !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]>
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @shards(%x : !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]>) -> !lpu.tensor<[4, 1, P, 2], f32>
      attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
    // CHECK: %y = lpu.map "neg" %x : !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]> -> !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]>
    %y = lpu.map "neg" %x : !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]> -> !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]>
    // CHECK: %z = lpu_esl.all_gather %y : !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]> -> !lpu.tensor<[4, 1, P, 2], f32>
    %z = lpu_esl.all_gather %y : !lpu_esl.shard<[1, P, 6], f32, 4 x [[], [], [3/2:2, 2/2]]> -> !lpu.tensor<[4, 1, P, 2], f32>
    func.return %z : !lpu.tensor<[4, 1, P, 2], f32>
  }
}

// -----

// A factor that is not cut, one that is held several times, and a value that nobody claims to be a part of anything.
// CHECK: lpu.constant <inline("0000000000000000", [2], f32)> : !lpu_esl.shard<[8], f32, 8 x [[4/4:2, 2]]>
%0 = lpu.constant <inline("0000000000000000", [2], f32)> : !lpu_esl.shard<[8], f32, 8 x [[4/4:2, 2]]>
// CHECK: lpu_esl.all_gather %{{.*}} : !lpu.tensor<[], i64> -> !lpu.tensor<[2], i64>
%1 = lpu.iota <[d0]> : !lpu.tensor<[], i64>
%2 = lpu_esl.all_gather %1 : !lpu.tensor<[], i64> -> !lpu.tensor<[2], i64>

// CHECK-LABEL: @unshard
// CHECK-NEXT:    lpu_esl.unshard %x because "a test"
func.func @unshard(%x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]>) -> !lpu.tensor<[1, 6], f32> {
  %y = lpu_esl.unshard %x because "a test" : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}
