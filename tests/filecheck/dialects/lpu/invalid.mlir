// RUN: xdsl-opt %s --split-input-file --verify-diagnostics | filecheck %s

// A weight has the shape that its result says.
// CHECK: 'lpu.constant': the weight has shape [2] of f32
%0 = lpu.constant <inline("0000000000000000", [2], f32)> : !lpu.tensor<[3], f32>

// -----

// A fill holds one element.
// CHECK: 'lpu.fill': expected 8 hex digits
%0 = lpu.fill "00" : !lpu.tensor<[3], f32>

// -----

// An iota has a base and one coefficient for each axis.
// CHECK: 'lpu.iota': one coefficient per axis
%0 = lpu.iota <[0]> : !lpu.tensor<[3], i64>

// -----

// Only integers count.
// CHECK: 'lpu.iota': integers only
%0 = lpu.iota <[0, 1]> : !lpu.tensor<[3], f32>

// -----

// The machine knows the function.
// CHECK: 'lpu.map': no function 'softsign' of 1 operands
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.map "softsign" %0 : !lpu.tensor<[3], f32> -> !lpu.tensor<[3], f32>

// -----

// Operands of a map have one element type.
// CHECK: 'lpu.map': operands of one element type
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.fill "0000" : !lpu.tensor<[3], f16>
%2 = lpu.map "add" %0, %1 : !lpu.tensor<[3], f32>, !lpu.tensor<[3], f16> -> !lpu.tensor<[3], f32>

// -----

// A comparison gives bool.
// CHECK: 'lpu.map': the result of 'lt' is bool
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.map "lt" %0, %0 : !lpu.tensor<[3], f32>, !lpu.tensor<[3], f32> -> !lpu.tensor<[3], f32>

// -----

// Extents that cannot be shown equal do not broadcast.
// CHECK: 'lpu.map': extents P and P + 1 do not broadcast
%0 = lpu.fill "00000000" : !lpu.tensor<[P], f32>
%1 = lpu.fill "00000000" : !lpu.tensor<[P + 1], f32>
%2 = lpu.map "add" %0, %1 : !lpu.tensor<[P], f32>, !lpu.tensor<[P + 1], f32> -> !lpu.tensor<[P], f32>

// -----

// The condition of a select is bool.
// CHECK: 'lpu.select': the condition is bool
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.select %0, %0, %0 : !lpu.tensor<[3], f32>, !lpu.tensor<[3], f32>, !lpu.tensor<[3], f32> -> !lpu.tensor<[3], f32>

// -----

// A cast keeps the shape.
// CHECK: 'lpu.cast': a cast keeps the shape
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.cast %0 : !lpu.tensor<[3], f32> -> !lpu.tensor<[4], f16>

// -----

// A reduction keeps the rank.
// CHECK: 'lpu.reduce': the result is [1, 3], f32
%0 = lpu.fill "00000000" : !lpu.tensor<[2, 3], f32>
%1 = lpu.reduce "sum" %0 over <[0]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[3], f32>

// -----

// A scan keeps the type.
// CHECK: 'lpu.scan': a scan keeps the type
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.scan %0 axis 0 exclusive 0 : !lpu.tensor<[3], f32> -> !lpu.tensor<[4], f32>

// -----

// The inner extents of a product agree.
// CHECK: 'lpu.matmul': K is 3 and 2
%0 = lpu.fill "00000000" : !lpu.tensor<[2, 3], f32>
%1 = lpu.matmul %0, %0 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A reshape keeps the number of elements.
// CHECK: 'lpu.reshape': the number of elements differs
%0 = lpu.fill "00000000" : !lpu.tensor<[2, P], f32>
%1 = lpu.reshape %0 : !lpu.tensor<[2, P], f32> -> !lpu.tensor<[P + 2], f32>

// -----

// A permutation names each axis once.
// CHECK: 'lpu.transpose': a permutation of the axes
%0 = lpu.fill "00000000" : !lpu.tensor<[2, 3], f32>
%1 = lpu.transpose %0 <[0, 0]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 2], f32>

// -----

// Only extents of 1 are repeated.
// CHECK: 'lpu.broadcast': [2], f32 does not broadcast to it
%0 = lpu.fill "00000000" : !lpu.tensor<[2], f32>
%1 = lpu.broadcast %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[4], f32>

// -----

// Slices go forwards.
// CHECK: 'lpu.slice': steps are positive
%0 = lpu.fill "00000000" : !lpu.tensor<[2], f32>
%1 = lpu.slice %0 at <[1]> step <[-1]> : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>

// -----

// The extents of a concatenation add up.
// CHECK: 'lpu.concat': axis 0 has 2*P elements
%0 = lpu.fill "00000000" : !lpu.tensor<[P], f32>
%1 = lpu.concat %0, %0 axis 0 : !lpu.tensor<[P], f32>, !lpu.tensor<[P], f32> -> !lpu.tensor<[P + 1], f32>

// -----

// Indices are i64.
// CHECK: 'lpu.gather': indices are i64
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.gather %0, %0 axis 0 : !lpu.tensor<[3], f32>, !lpu.tensor<[3], f32> -> !lpu.tensor<[3], f32>

// -----

// A scatter writes rows.
// CHECK: 'lpu.scatter': ranks 2, 1 and 2
%0 = lpu.fill "00000000" : !lpu.tensor<[3], f32>
%1 = lpu.iota <[0, 1]> : !lpu.tensor<[3], i64>
%2 = lpu.scatter "set" %0, %1, %0 : !lpu.tensor<[3], f32>, !lpu.tensor<[3], i64>, !lpu.tensor<[3], f32> -> !lpu.tensor<[3], f32>

// -----

// What turns give is stacked where their number is known.
// CHECK: 'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.for "l" from <1> to <3> () -> !lpu.tensor<[3, 2], f32> {
  %1 = lpu.fill "00000000" : !lpu.tensor<[2], f32>
  lpu.yield %1 : !lpu.tensor<[2], f32>
}

// -----

// A state has a size.
// CHECK: 'lpu.state': the extents of a state are numbers
%0 = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[P, 4], f32>

// -----

// A port says where in the state it lies.
// CHECK: 'lpu.state': port 'x' has one offset for each axis of the state
%0 = lpu.state "c" inputs <[]> outputs <["x" data f32 [4] at [0]]> : !lpu.state<[8, 4], f32>

// -----

// A port has no more axes than its state.
// CHECK: 'lpu.state': port 'x' has one offset for each axis of the state
%0 = lpu.state "c" inputs <["x" past f32 [1, P, 4] at [0, 0]]> outputs <[]> : !lpu.state<[8, 4], f32>

// -----

// A window has the rank of its state.
// CHECK: 'lpu.read': one offset and one extent for each axis of the state
%0 = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
%1 = lpu.read %0 at <[0, 0]> : !lpu.state<[8, 4], f32> -> !lpu.tensor<[4], f32>

// -----

// A window starts somewhere along each axis.
// CHECK: 'lpu.write': one offset and one extent for each axis of the state
%0 = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
%1 = lpu.fill "00000000" : !lpu.tensor<[1, 4], f32>
lpu.write %0, %1 at <[0]> : !lpu.state<[8, 4], f32>, !lpu.tensor<[1, 4], f32>

// -----

// Nothing is converted on the way into a state.
// CHECK: 'lpu.write': the state holds f32
%0 = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
%1 = lpu.fill "0000" : !lpu.tensor<[1, 4], f16>
lpu.write %0, %1 at <[0, 0]> : !lpu.state<[8, 4], f32>, !lpu.tensor<[1, 4], f16>

// -----

// Nor on the way out.
// CHECK: 'lpu.read': the state holds f32
%0 = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
%1 = lpu.read %0 at <[0, 0]> : !lpu.state<[8, 4], f32> -> !lpu.tensor<[1, 4], f16>

// -----

// A token is one number.
// CHECK: 'lpu.emit': token and stop are [1], i64
%0 = lpu.fill "00000000" : !lpu.tensor<[4], f32>
lpu.for "l" to <2> () {
  lpu.emit %0, %0 : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>
  lpu.yield
}

// -----

// A token that stops needs a loop to leave.
// CHECK: 'lpu.emit': it stands in the body of a loop
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
lpu.emit %0, %0 : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>

// -----

// A body says what it yields.
// CHECK: 'lpu.for': the body ends with lpu.yield
lpu.for "l" to <2> () {
  "test.termop"() : () -> ()
}

// -----

// The block takes what is carried.
// CHECK: 'lpu.for': block arguments have the types of the initial values
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <2> (%0 : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// What is carried keeps its type.
// CHECK: 'lpu.for': the carried values keep their types
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <2> (%0 : !lpu.tensor<[1], i64>) -> !lpu.tensor<[1], i64> {
^bb0(%c : !lpu.tensor<[1], i64>):
  %2 = lpu.fill "00000000" : !lpu.tensor<[4], f32>
  lpu.yield %2 : !lpu.tensor<[4], f32>
}

// -----

// A stack has a number of parts.
// CHECK: 'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <P> () -> !lpu.tensor<[P, 1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// It counts from the first turn, which is the one for 0.
// CHECK: 'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" from <1> to <3> () -> !lpu.tensor<[3, 1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// Nor may a token end the loop before the stack is complete.
// CHECK: 'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <3> () -> !lpu.tensor<[3, 1], i64> {
  lpu.emit %0, %0 : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// A stack has one part for each turn.
// CHECK: 'lpu.for': results are carried, then stacked values
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <3> () -> !lpu.tensor<[2, 1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}
