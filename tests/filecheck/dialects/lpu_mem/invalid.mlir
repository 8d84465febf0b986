// RUN: xdsl-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Each buffer has a view.
// CHECK: 'lpu_mem.copy': one view for each buffer
func.func @views(%x : !lpu_mem.buffer<lmu, f32, 8>) {
  lpu_mem.copy %x, %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// A view has a stride for each axis.
// CHECK: 'lpu_mem.fill': one stride for each axis
func.func @strides(%x : !lpu_mem.buffer<lmu, f32, 8>) {
  lpu_mem.fill "00000000" %x <[2, 4] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>
  lpu_mem.return :
}

// -----

// An iota has a base and a coefficient for each axis.
// CHECK: 'lpu_mem.iota': a base and one coefficient for each axis
func.func @iota(%x : !lpu_mem.buffer<lmu, i64, 8>) {
  lpu_mem.iota <[0]> %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, i64, 8>
  lpu_mem.return :
}

// -----

// Buffers lie in HBM or LMU.
// CHECK: Expected 'lmu'
func.func @space(%x : !lpu_mem.buffer<sram, f32, 8>) {
  lpu_mem.return :
}

// -----

// Elements have one of the machine's types.
// CHECK: unknown element type 'f64'
func.func @dtype(%x : !lpu_mem.buffer<lmu, f64, 8>) {
  lpu_mem.return :
}

// -----

// Tokens are numbers.
// CHECK: 'lpu_mem.emit': a token and what stops it are i64
func.func @emit(%t : !lpu_mem.buffer<lmu, i64, 1>, %s : !lpu_mem.buffer<lmu, bool, 1>) {
  lpu_mem.for "i" to <8> step 1 {
    lpu_mem.emit %t, %s : !lpu_mem.buffer<lmu, i64, 1>, !lpu_mem.buffer<lmu, bool, 1>
  }
  lpu_mem.return :
}

// -----

// A buffer starts at a whole element.
// CHECK: 'lpu_mem.alloc': no element of its type lies at 2
%x = lpu_mem.alloc at 2 : !lpu_mem.buffer<lmu, f32, 8>

// -----

// A weight fills its buffer.
// CHECK: 'lpu_mem.param': its weight fills !lpu_mem.buffer<hbm, f32, 1>
%w = lpu_mem.param <inline("0000803f", [1], f32)> : !lpu_mem.buffer<hbm, f32, 2>

// -----

// Memory starts at byte 0.
// CHECK: 'lpu_mem.param': a weight does not lie at -4
%w = lpu_mem.param <inline("0000803f", [1], f32)> at -4 : !lpu_mem.buffer<hbm, f32, 1>

// -----

// An operation has its buffers.
// CHECK: 'lpu_mem.copy': it has 2 buffers, not 1
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.copy %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>

// -----

// Some have one more.
// CHECK: 'lpu_mem.map': it has 2 or 3 buffers, not 1
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.map "neg" %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>

// -----

// A select has a condition and two branches.
// CHECK: 'lpu_mem.select': it has 4 buffers, not 2
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.select %x, %x <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// An iteration space counts.
// CHECK: 'lpu_mem.fill': an iteration space has no negative extents
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.fill "00000000" %x <[-1] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>

// -----

// The machine knows the function.
// CHECK: 'lpu_mem.map': no function 'nonsense' of 1 buffers
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.map "nonsense" %x, %x <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A function has a domain and a result.
// CHECK: 'lpu_mem.map': 'lt' of f32 and f32 does not give f32
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.map "lt" %x, %x, %x <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A condition is a bool.
// CHECK: 'lpu_mem.select': it selects by a bool
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.select %x, %x, %x, %x <[8] {0: [1]} {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A select converts nothing.
// CHECK: 'lpu_mem.select': what is selected has the element type of the destination
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%b = "test.op"() : () -> !lpu_mem.buffer<lmu, bool, 8>
%h = "test.op"() : () -> !lpu_mem.buffer<lmu, f16, 8>
lpu_mem.select %x, %b, %x, %h <[8] {0: [1]} {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, bool, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f16, 8>

// -----

// A copy converts nothing.
// CHECK: 'lpu_mem.copy': a copy does not make f32 of f16
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%h = "test.op"() : () -> !lpu_mem.buffer<lmu, f16, 8>
lpu_mem.copy %x, %h <[8] {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f16, 8>

// -----

// A value is one element.
// CHECK: 'lpu_mem.fill': a value of f32 has 8 hex digits
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.fill "0000" %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>

// -----

// Only integers count.
// CHECK: 'lpu_mem.iota': it does not count in f32
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.iota <[0, 1]> %x <[8] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>

// -----

// The machine reduces by four functions.
// CHECK: 'lpu_mem.reduce': no reduction 'prod' of a buffer
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.reduce "prod" %x, %x over <[0]> accumulate 0 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// What is reduced is an axis.
// CHECK: 'lpu_mem.reduce': the axes reduced are those of the access, ascending
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.reduce "sum" %x, %x over <[1]> accumulate 0 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// Floats are not summed into integers.
// CHECK: 'lpu_mem.reduce': i64 does not hold what is reduced of f32
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.reduce "sum" %i, %x over <[0]> accumulate 0 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// Truth has no sum.
// CHECK: 'lpu_mem.reduce': there is no 'sum' of bool
%b = "test.op"() : () -> !lpu_mem.buffer<lmu, bool, 8>
lpu_mem.reduce "sum" %b, %b over <[0]> accumulate 0 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, bool, 8>, !lpu_mem.buffer<lmu, bool, 8>

// -----

// A flag is 0 or 1.
// CHECK: 'lpu_mem.reduce': the flag 'accumulate' is 0 or 1
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.reduce "sum" %x, %x over <[0]> accumulate 2 <[8] {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A running sum runs along an axis.
// CHECK: 'lpu_mem.scan': a running sum has an axis
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.scan %x, %x, %x exclusive 0 <[] {0: []} {0: []} {0: []}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// What is carried is one number.
// CHECK: 'lpu_mem.scan': buffers [1] do not move along axis 0
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.scan %x, %x, %x exclusive 0 <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A running sum is carried in a type that holds it.
// CHECK: 'lpu_mem.scan': running sums of f32 are not f32, carried in i64
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.scan %x, %i, %x exclusive 0 <[8] {0: [1]} {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// Rows have numbers.
// CHECK: 'lpu_mem.gather': rows are named by a buffer of i64
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.gather %x, %x, %x limit <8> row <1> <[8] {0: [1]} {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A lookup converts nothing.
// CHECK: 'lpu_mem.gather': it moves f16 and cannot make f32 of it
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
%h = "test.op"() : () -> !lpu_mem.buffer<lmu, f16, 8>
lpu_mem.gather %x, %h, %i limit <8> row <1> <[8] {0: [1]} {0: [0]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f16, 8>, !lpu_mem.buffer<lmu, i64, 8>

// -----

// A scatter sets or combines.
// CHECK: 'lpu_mem.scatter': no update 'sub' of a buffer
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.scatter "sub" %x, %x, %i limit <8> row <1> <[8] {0: [0]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>

// -----

// Truth does not add up.
// CHECK: 'lpu_mem.scatter': bool is not updated by 'add'
%b = "test.op"() : () -> !lpu_mem.buffer<lmu, bool, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.scatter "add" %b, %b, %i limit <8> row <1> <[8] {0: [0]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, bool, 8>, !lpu_mem.buffer<lmu, bool, 8>, !lpu_mem.buffer<lmu, i64, 8>

// -----

// A selection converts nothing.
// CHECK: 'lpu_mem.topk': the largest of f32 are not f16
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
%h = "test.op"() : () -> !lpu_mem.buffer<lmu, f16, 8>
lpu_mem.topk %h, %i, %x k 1 largest 1 <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f16, 8>, !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// Places have numbers.
// CHECK: 'lpu_mem.topk': where they were is told in i64
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.topk %x, %x, %x k 1 largest 1 <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A selection runs along an axis.
// CHECK: 'lpu_mem.topk': there is no axis to select along
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.topk %x, %i, %x k 1 largest 1 <[] {0: []} {0: []} {0: []}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// No more are selected than there are.
// CHECK: 'lpu_mem.topk': there are no 9 elements to select
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.topk %x, %i, %x k 9 largest 1 <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A product sums.
// CHECK: 'lpu_mem.vecmat': a product has the axes K and N, or M, K and N
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.vecmat %x, %x, %x accumulate 0 <[8] {0: [1]} {0: [1]} {0: [1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// A product does not tell its terms apart.
// CHECK: 'lpu_mem.vecmat': buffers [0] do not move along axis 0
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
lpu_mem.vecmat %x, %x, %x accumulate 0 <[2, 4] {0: [4, 1]} {0: [1, 0]} {0: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>

// -----

// Floats do not multiply integers.
// CHECK: 'lpu_mem.vecmat': there are no products of f32 and i64 in f32
%x = "test.op"() : () -> !lpu_mem.buffer<lmu, f32, 8>
%i = "test.op"() : () -> !lpu_mem.buffer<lmu, i64, 8>
lpu_mem.vecmat %x, %x, %i accumulate 0 <[2, 4] {0: [0, 1]} {0: [1, 0]} {0: [4, 1]}> : !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, f32, 8>, !lpu_mem.buffer<lmu, i64, 8>

// -----

// What stays from call to call is in HBM.
// CHECK: 'lpu_mem.state': a state lies in HBM
%c = lpu_mem.state "c" <[8]> inputs [] outputs [] : !lpu_mem.buffer<lmu, f32, 8>

// -----

// A state holds what it says.
// CHECK: 'lpu_mem.state': [3, 3] are not the extents of 8 elements
%c = lpu_mem.state "c" <[3, 3]> inputs [] outputs [] : !lpu_mem.buffer<hbm, f32, 8>

// -----

// A state lies somewhere.
// CHECK: 'lpu_mem.state': a state does not lie at -8
%c = lpu_mem.state "c" <[8]> inputs [] outputs [] at -8 : !lpu_mem.buffer<hbm, f32, 8>

// -----

// A port knows its strides.
// CHECK: 'lpu_mem.state': port 'p' has one stride for each of its axes
%c = lpu_mem.state "c" <[8]> inputs [#lpu_mem.port<"p", past, f32, [2, 4], [1], 0>] outputs [] : !lpu_mem.buffer<hbm, f32, 8>

// -----

// What devices share of a port are its extents.
// CHECK: 'lpu_mem.state': port 'p' is not shared as 2 x [[4/2]]: axis 0 has 8 elements, its factors 4
%c = lpu_mem.state "c" <[8]> inputs [#lpu_mem.port<"p", past, f32, [8], [1], 0 shard 2 x [[4/2]]>] outputs [] : !lpu_mem.buffer<hbm, f32, 8>

// -----

// A port does not turn numbers into floats.
// CHECK: 'lpu_mem.state': port 'p' is not made of f32
%c = lpu_mem.state "c" <[8]> inputs [#lpu_mem.port<"p", past, i64, [8], [1], 0>] outputs [] : !lpu_mem.buffer<hbm, f32, 8>

// -----

// A loop gets somewhere.
// CHECK: 'lpu_mem.for': a loop goes on by 1 at least
lpu_mem.for "i" to <8> step 0 {
  lpu_mem.min "t" = 4 or <8>
}

// -----

// A tile is not empty by design.
// CHECK: 'lpu_mem.min': a tile has 1 element at least
lpu_mem.min "t" = 0 or <8>

// -----

// A device has two neighbours.
// CHECK: 'lpu_mem.send': no neighbour is called 'up'
func.func @side(%y : !lpu_mem.buffer<hbm, f32, 24>) {
  lpu_mem.send "up" %y <[6] {0: [1]}> : !lpu_mem.buffer<hbm, f32, 24>
  lpu_mem.return :
}

// -----

// A message is made of one buffer.
// CHECK: 'lpu_mem.recv': it has 1 buffers, not 2
func.func @message(%y : !lpu_mem.buffer<hbm, f32, 24>) {
  lpu_mem.recv "left" %y, %y <[6] {0: [1]} {6: [1]}> : !lpu_mem.buffer<hbm, f32, 24>, !lpu_mem.buffer<hbm, f32, 24>
  lpu_mem.return :
}
