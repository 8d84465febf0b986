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
// CHECK: 'lpu.iota': a base and one coefficient per axis
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
// CHECK: 'lpu.map': operands that do not fit one another: extents P and P + 1 do not broadcast
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
// CHECK: 'lpu.reduce': a reduction gives [1, 3], f32
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
// CHECK: {{^}}'lpu.for': only a fixed number of turns can be stacked
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

// What devices share of a port are its extents.
// CHECK: 'lpu.state': port 'x' is not shared as 4 x [[], [8/4]]: axis 1 has 4 elements, its factors 8
%0 = lpu.state "c" inputs <["x" past f32 [8, 4] at [0, 0] shard 4 x [[], [8/4]]]> outputs <[]> : !lpu.state<[8, 4], f32>

// -----

// An axis that grows is whole.
// CHECK: 'lpu.state': port 'x' is not shared as 4 x [[8/4], []]: axis 0 is cut and its extent is no number
%0 = lpu.state "c" inputs <["x" past f32 [P, 4] at [0, 0] shard 4 x [[8/4], []]]> outputs <[]> : !lpu.state<[8, 4], f32>

// -----

// A port has no more axes than its state.
// CHECK: 'lpu.state': port 'x' has no more axes than its state
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
// CHECK: {{^}}'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" to <P> () -> !lpu.tensor<[P, 1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// It counts from the first turn, which is the one for 0.
// CHECK: {{^}}'lpu.for': only a fixed number of turns can be stacked
%0 = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
%1 = lpu.for "l" from <1> to <3> () -> !lpu.tensor<[3, 1], i64> {
  lpu.yield %0 : !lpu.tensor<[1], i64>
}

// -----

// Nor may a token end the loop before the stack is complete.
// CHECK: {{^}}'lpu.for': only a fixed number of turns can be stacked
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

// -----

// A level below the importer knows all extents.
// CHECK: 'lpu.map': every extent of operands and results is known
%x = "test.op"() : () -> !lpu.tensor<[?], f32>
%y = lpu.map "neg" %x : !lpu.tensor<[?], f32> -> !lpu.tensor<[?], f32>

// -----

// An extent counts elements.
// CHECK: 'lpu.fill': no extent is negative
%y = lpu.fill "00000000" : !lpu.tensor<[-1], f32>

// -----

// Digits are hex digits, without blanks.
// CHECK: 'lpu.fill': its value is not in hex digits
%y = lpu.fill "0000 000" : !lpu.tensor<[3], f32>

// -----

// A function has a domain.
// CHECK: 'lpu.map': 'erf' does not take i64
%x = "test.op"() : () -> !lpu.tensor<[2, 3], i64>
%y = lpu.map "erf" %x : !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3], i64>

// -----

// A function takes as many operands as it has.
// CHECK: 'lpu.map': no function 'add' of 1 operands
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.map "add" %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A map has the extents that its operands broadcast to.
// CHECK: 'lpu.map': the operands broadcast to [2, 3]
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.map "neg" %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[1, 2, 3], f32>

// -----

// Branches of a select have one type.
// CHECK: 'lpu.select': both branches and the result share one element type
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%h = "test.op"() : () -> !lpu.tensor<[2, 3], f16>
%c = "test.op"() : () -> !lpu.tensor<[2, 3], bool>
%y = lpu.select %c, %x, %h : !lpu.tensor<[2, 3], bool>, !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f16> -> !lpu.tensor<[2, 3], f32>

// -----

// Only four reductions exist.
// CHECK: 'lpu.reduce': no reduction 'mean'
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.reduce "mean" %x over <[1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 1], f32>

// -----

// Axes are named in order, each once.
// CHECK: 'lpu.reduce': the axes of a reduction ascend
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.reduce "sum" %x over <[1, 0]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[1, 1], f32>

// -----

// Axes count from the first.
// CHECK: 'lpu.reduce': axes lie within the rank
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.reduce "sum" %x over <[-1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 1], f32>

// -----

// A scan runs along an axis that there is.
// CHECK: 'lpu.scan': there is no axis 2 to sum along
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.scan %x axis 2 exclusive 0 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A flag is 0 or 1.
// CHECK: 'lpu.scan': 'exclusive' is 0 or 1
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.scan %x axis 1 exclusive 2 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A vector is no matrix.
// CHECK: 'lpu.matmul': operands of rank 2 or more
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v = "test.op"() : () -> !lpu.tensor<[3], f32>
%y = lpu.matmul %x, %v : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3], f32> -> !lpu.tensor<[2], f32>

// -----

// Batches that differ do not multiply.
// CHECK: 'lpu.matmul': operands that do not fit one another: extents 2 and 3 do not broadcast
%x = "test.op"() : () -> !lpu.tensor<[2, 1, 4], f32>
%w = "test.op"() : () -> !lpu.tensor<[3, 4, 5], f32>
%y = lpu.matmul %x, %w : !lpu.tensor<[2, 1, 4], f32>, !lpu.tensor<[3, 4, 5], f32> -> !lpu.tensor<[3, 1, 5], f32>

// -----

// A product has M rows and N columns.
// CHECK: 'lpu.matmul': a product gives [2, 5]
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%w = "test.op"() : () -> !lpu.tensor<[3, 5], f32>
%y = lpu.matmul %x, %w : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3, 5], f32> -> !lpu.tensor<[5, 2], f32>

// -----

// A product converts no operand.
// CHECK: 'lpu.matmul': both operands of a product have one element type
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%w = "test.op"() : () -> !lpu.tensor<[3, 5], f16>
%y = lpu.matmul %x, %w : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3, 5], f16> -> !lpu.tensor<[2, 5], f32>

// -----

// Rounding behind a product is a cast of its own.
// CHECK: 'lpu.matmul': a product has the element type of its operands, or f32 of floats
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%w = "test.op"() : () -> !lpu.tensor<[3, 5], f32>
%y = lpu.matmul %x, %w : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3, 5], f32> -> !lpu.tensor<[2, 5], f16>

// -----

// A reshape converts nothing.
// CHECK: 'lpu.reshape': a reshape keeps the element type
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.reshape %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[6], f16>

// -----

// Extents travel with their axes.
// CHECK: 'lpu.transpose': a transpose gives [3, 2], f32
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.transpose %x <[1, 0]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A broadcast has at least as many axes.
// CHECK: 'lpu.broadcast': a broadcast does not drop axes
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.broadcast %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[3], f32>

// -----

// A slice says where along each axis.
// CHECK: 'lpu.slice': one offset and step for each axis
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.slice %x at <[0]> step <[1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A slice converts nothing.
// CHECK: 'lpu.slice': a slice keeps the element type
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f16>

// -----

// Nothing lies before the first element.
// CHECK: 'lpu.slice': a slice starts at element 0 or behind
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.slice %x at <[-1, 0]> step <[1, 1]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[1, 3], f32>

// -----

// Nothing lies behind the last element, whatever P is.
// CHECK: 'lpu.slice': it ends 1 elements behind axis 0
%x = "test.op"() : () -> !lpu.tensor<[P + 1], f32>
%y = lpu.slice %x at <[2]> step <[1]> : !lpu.tensor<[P + 1], f32> -> !lpu.tensor<[P], f32>

// -----

// Steps count, too.
// CHECK: 'lpu.slice': it ends 2 elements behind axis 1
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.slice %x at <[0, 0]> step <[1, 2]> : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// Something must be concatenated.
// CHECK: 'lpu.concat': there is nothing to concatenate
%y = "lpu.concat"() <{axis = 0 : i64}> : () -> !lpu.tensor<[2, 3], f32>

// -----

// A concatenation runs along an axis that there is.
// CHECK: 'lpu.concat': there is no axis -1 to concatenate along
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%y = lpu.concat %x, %x axis -1 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 6], f32>

// -----

// A concatenation keeps the rank.
// CHECK: 'lpu.concat': operands have the rank of the result
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v = "test.op"() : () -> !lpu.tensor<[3], f32>
%y = lpu.concat %x, %v axis 0 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[3], f32> -> !lpu.tensor<[3, 3], f32>

// -----

// Other axes agree.
// CHECK: 'lpu.concat': operand [2, 4], f32 does not fit
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v = "test.op"() : () -> !lpu.tensor<[2, 4], f32>
%y = lpu.concat %x, %v axis 0 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 3], f32>

// -----

// A gather looks up along an axis that there is.
// CHECK: 'lpu.gather': there is no axis -1 to look up in
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[4], i64>
%y = lpu.gather %x, %i axis -1 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[4], i64> -> !lpu.tensor<[2, 4], f32>

// -----

// The indices replace the axis.
// CHECK: 'lpu.gather': a gather gives [4, 3], f32
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[4], i64>
%y = lpu.gather %x, %i axis 0 : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[4], i64> -> !lpu.tensor<[4], f32>

// -----

// A scatter sets or combines.
// CHECK: 'lpu.scatter': no combination 'sub'
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[1], i64>
%u = "test.op"() : () -> !lpu.tensor<[1, 3], f32>
%y = lpu.scatter "sub" %x, %i, %u : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// A scatter copies its source.
// CHECK: 'lpu.scatter': the result has the type of the source
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[1], i64>
%u = "test.op"() : () -> !lpu.tensor<[1, 3], f32>
%y = lpu.scatter "set" %x, %i, %u : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1, 3], f32> -> !lpu.tensor<[3, 3], f32>

// -----

// A scatter counts rows in i64.
// CHECK: 'lpu.scatter': rows are named by i64
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[1], i32>
%u = "test.op"() : () -> !lpu.tensor<[1, 3], f32>
%y = lpu.scatter "set" %x, %i, %u : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[1], i32>, !lpu.tensor<[1, 3], f32> -> !lpu.tensor<[2, 3], f32>

// -----

// There is a row for each index, of the type that is written.
// CHECK: 'lpu.scatter': the updates are [1, 3], f32
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%i = "test.op"() : () -> !lpu.tensor<[1], i64>
%u = "test.op"() : () -> !lpu.tensor<[1, 3], f16>
%y = lpu.scatter "set" %x, %i, %u : !lpu.tensor<[2, 3], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1, 3], f16> -> !lpu.tensor<[2, 3], f32>

// -----

// A selection has an axis.
// CHECK: 'lpu.topk': a scalar has no largest element
%x = "test.op"() : () -> !lpu.tensor<[], f32>
%v, %i = lpu.topk %x largest 1 : !lpu.tensor<[], f32> -> !lpu.tensor<[1], f32>, !lpu.tensor<[1], i64>

// -----

// The largest or the smallest, nothing else.
// CHECK: 'lpu.topk': 'largest' is 0 or 1
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v, %i = lpu.topk %x largest 2 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 1], f32>, !lpu.tensor<[2, 1], i64>

// -----

// Each row is selected from.
// CHECK: 'lpu.topk': the values differ from the source in the last axis alone
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v, %i = lpu.topk %x largest 1 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[1, 1], f32>, !lpu.tensor<[1, 1], i64>

// -----

// Each value has an index.
// CHECK: 'lpu.topk': one i64 says where a value was
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v, %i = lpu.topk %x largest 1 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 1], i64>

// -----

// No more are selected than there are.
// CHECK: 'lpu.topk': there are not so many elements
%x = "test.op"() : () -> !lpu.tensor<[2, 3], f32>
%v, %i = lpu.topk %x largest 1 : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], i64>

// -----

// A state does not hold less than nothing.
// CHECK: 'lpu.state': the extents of a state are not negative
%c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[-8, 4], f32>

// -----

// Integers do not become floats on the way into a state.
// CHECK: 'lpu.state': port 'x' is of i64, the state of f32
%c = lpu.state "c" inputs <["x" past i64 [8, 4] at [0, 0]]> outputs <[]> : !lpu.state<[8, 4], f32>

// -----

// A window has known extents.
// CHECK: 'lpu.read': the extents of a window are known
%c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
%y = lpu.read %c at <[0, 0]> : !lpu.state<[8, 4], f32> -> !lpu.tensor<[?, 4], f32>
