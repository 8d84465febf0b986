// RUN: xdsl-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Integers have no softmax.
// CHECK: 'lpu.softmax': operands and result are floats
%x = "test.op"() : () -> !lpu.tensor<[2, 3], i64>
%y = lpu.softmax %x empty "nan" : !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3], i64>

// -----

// A softmax has a value for each.
// CHECK: 'lpu.softmax': a softmax keeps the extents
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.softmax %x empty "nan" : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 1], f32>

// -----

// A row of -inf alone gives NaN or zeros.
// CHECK: 'lpu.softmax': no result 'one' of empty rows
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.softmax %x empty "one" : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// There are two norms.
// CHECK: 'lpu.norm': no norm 'batch'
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%y = lpu.norm "batch" %x epsilon 1.0 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// A norm has a value for each.
// CHECK: 'lpu.norm': a norm keeps the extents
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%y = lpu.norm "layer" %x epsilon 1.0 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>

// -----

// What a weight multiplies is rounded once.
// CHECK: 'lpu.norm': weight and bias are f32, or both of the type of the result
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%w = "test.op"() : () -> !lpu.tensor<[8], f16>
%y = lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f16> epsilon 1.0 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// A bias comes behind a weight.
// CHECK: 'lpu.norm': no bias without a weight
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%b = "test.op"() : () -> !lpu.tensor<[8], f32>
%y = lpu.norm "layer" %x bias %b : !lpu.tensor<[8], f32> epsilon 1.0 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// A weight does not widen the result.
// CHECK: 'lpu.norm': a parameter broadcasts to [2, 8]
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%w = "test.op"() : () -> !lpu.tensor<[3, 1, 8], f32>
%y = lpu.norm "layer" %x weight %w : !lpu.tensor<[3, 1, 8], f32> epsilon 1.0 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// A rotation has a value for each.
// CHECK: 'lpu.rotary': a turned tensor keeps the extents
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%c = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%s = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>

// -----

// Pairs turn.
// CHECK: 'lpu.rotary': the last axis has two halves
%x = "test.op"() : () -> !lpu.tensor<[2, 7], f32>
%c = "test.op"() : () -> !lpu.tensor<[2, 7], f32>
%s = "test.op"() : () -> !lpu.tensor<[2, 7], f32>
%y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 7], f32>, !lpu.tensor<[2, 7], f32>, !lpu.tensor<[2, 7], f32> -> !lpu.tensor<[2, 7], f32>

// -----

// Each angle has both.
// CHECK: 'lpu.rotary': cos and sin have one shape
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%c = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%s = "test.op"() : () -> !lpu.tensor<[2, 4], f32>
%y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// There is an angle for each pair.
// CHECK: 'lpu.rotary': cos is as wide as x or half of it
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%c = "test.op"() : () -> !lpu.tensor<[2, 2], f32>
%s = "test.op"() : () -> !lpu.tensor<[2, 2], f32>
%y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// Angles that fit no row are refused.
// CHECK: 'lpu.rotary': operands that do not fit one another: extents 2 and 3 do not broadcast
%x = "test.op"() : () -> !lpu.tensor<[2, 8], f32>
%c = "test.op"() : () -> !lpu.tensor<[3, 8], f32>
%s = "test.op"() : () -> !lpu.tensor<[3, 8], f32>
%y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[3, 8], f32>, !lpu.tensor<[3, 8], f32> -> !lpu.tensor<[2, 8], f32>

// -----

// Attention has batches and heads.
// CHECK: 'lpu.attention': operands of rank 4
%q = "test.op"() : () -> !lpu.tensor<[4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// Keys are as deep as queries.
// CHECK: 'lpu.attention': q and k differ in shape
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 7], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 7], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// There is a value for each key.
// CHECK: 'lpu.attention': k and v differ in shape
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 6, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 6, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// Results are as deep as values.
// CHECK: 'lpu.attention': attention gives [1, 4, 2, 6]
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 8], f32>

// -----

// Heads are shared out evenly.
// CHECK: {{^}}'lpu.attention': query heads are a multiple of key heads
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 3, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 3, 5, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 3, 5, 8], f32>, !lpu.tensor<[1, 3, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// No heads are shared by none.
// CHECK: {{^}}'lpu.attention': query heads are a multiple of key heads
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 0, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 0, 5, 6], f32>
%y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 0, 5, 8], f32>, !lpu.tensor<[1, 0, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// What is added to scores is a float.
// CHECK: 'lpu.attention': biases are floats
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%m = "test.op"() : () -> !lpu.tensor<[2, 5], i64>
%y = lpu.attention %q, %k, %v biases %m : !lpu.tensor<[2, 5], i64> scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// What keeps scores is a bool.
// CHECK: 'lpu.attention': keeps are bool
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%m = "test.op"() : () -> !lpu.tensor<[2, 5], f32>
%y = lpu.attention %q, %k, %v keeps %m : !lpu.tensor<[2, 5], f32> scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>

// -----

// A mask does not widen the scores.
// CHECK: 'lpu.attention': a keep broadcasts to [1, 4, 2, 5]
%q = "test.op"() : () -> !lpu.tensor<[1, 4, 2, 8], f32>
%k = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 8], f32>
%v = "test.op"() : () -> !lpu.tensor<[1, 2, 5, 6], f32>
%m = "test.op"() : () -> !lpu.tensor<[3, 1, 1, 5], bool>
%y = lpu.attention %q, %k, %v keeps %m : !lpu.tensor<[3, 1, 1, 5], bool> scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 2, 8], f32>, !lpu.tensor<[1, 2, 5, 8], f32>, !lpu.tensor<[1, 2, 5, 6], f32> -> !lpu.tensor<[1, 4, 2, 6], f32>
