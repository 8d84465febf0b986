// RUN: xdsl-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Two factors of one value lie on different axes of the mesh.
// CHECK: 2/2 uses an axis of the mesh that another factor uses
func.func private @once(!lpu_esl.shard<[6, 2], f32, 4 x [[6/2], [2/2]]>) -> ()

// -----

// The factors of an axis make it up.
// CHECK: axis 1 has 8 elements, its factors 3 x 2
func.func private @cover(!lpu_esl.shard<[4, 8], f32, 4 x [[], [3/2, 2/2:2]]>) -> ()

// -----

// An extent that is cut is a number.
// CHECK: axis 0 is cut and its extent is no number
func.func private @number(!lpu_esl.shard<[P], f32, 4 x [[4/4]]>) -> ()

// -----

// Each axis has its factors.
// CHECK: 1 axes are sharded and there are 2
func.func private @axes(!lpu_esl.shard<[4, 8], f32, 4 x [[4/4]]>) -> ()

// -----

// No factor has more parts than there are devices.
// CHECK: 8/8 does not fit 4 devices
func.func private @fit(!lpu_esl.shard<[8], f32, 4 x [[8/8]]>) -> ()

// -----

// Parts are a power of two.
// CHECK: parts 3 of a factor is no power of two
func.func private @parts(!lpu_esl.shard<[6], f32, 4 x [[6/3]]>) -> ()

// -----

// What is gathered is not in parts.
// CHECK: 'lpu_esl.all_gather': what is gathered is no shard
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu_esl.all_gather %0 : !lpu.tensor<[3], f32> -> !lpu_esl.shard<[4, 3], f32, 4 x [[], []]>

// -----

// Its first axis says of how many devices.
// CHECK: 'lpu_esl.all_gather': the first axis of a gathered tensor counts the devices
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu_esl.all_gather %0 : !lpu.tensor<[3], f32> -> !lpu.tensor<[], f32>

// -----

// The others are those of what each holds.
// CHECK: 'lpu_esl.all_gather': an all-gather gives [4, 3], f32
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu_esl.all_gather %0 : !lpu.tensor<[3], f32> -> !lpu.tensor<[4, 12], f32>

// -----

// The whole has the extents that the type says.
// CHECK: 'lpu_esl.unshard': the whole of it is !lpu.tensor<[1, 6], f32>
func.func @whole(%x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]>) {
  %y = lpu_esl.unshard %x because "a test" : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[1, 3], f32>
  func.return
}
