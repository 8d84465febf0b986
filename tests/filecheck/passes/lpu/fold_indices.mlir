// RUN: xdsl-opt %s -p lpu-fold-indices,dce --split-input-file | filecheck %s

// The keys of an axis of P + 1 are none of them above P: a comparison is decided for every P.
// CHECK-LABEL: @causal
// CHECK-NEXT:    lpu.fill "01" : !lpu.tensor<[1, P + 1], bool>
func.func @causal() -> !lpu.tensor<[1, P + 1], bool> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %r = lpu.reshape %k : !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1], i64>
  %q = lpu.iota <[P]> : !lpu.tensor<[], i64>
  %m = lpu.map "le" %r, %q : !lpu.tensor<[1, P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[1, P + 1], bool>
  func.return %m : !lpu.tensor<[1, P + 1], bool>
}

// -----

// Whether a key lies in a window depends on P.
// CHECK-LABEL: @window
// CHECK:         lpu.map "gt"
func.func @window() -> !lpu.tensor<[P + 1], bool> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %q = lpu.iota <[P + -4]> : !lpu.tensor<[], i64>
  %m = lpu.map "gt" %k, %q : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], bool>
  func.return %m : !lpu.tensor<[P + 1], bool>
}

// -----

// The variable of a loop has bounds too.
// CHECK-LABEL: @loop_variable
// CHECK:         %[[ONE:.*]] = lpu.fill "0100000000000000"
// CHECK-NEXT:    lpu.write {{.*}}, %[[ONE]]
func.func @loop_variable() attributes {lpu.symbols = #lpu.symbols<[n in 1 to 8]>} {
  %s = lpu.state "s" inputs <[]> outputs <[]> : !lpu.state<[1], i64>
  lpu.for "l" from <n> to <9> () {
    %a = lpu.iota <[l, 0]> : !lpu.tensor<[1], i64>
    %z = lpu.fill "0000000000000000" : !lpu.tensor<[], i64>
    %m = lpu.map "gt" %a, %z : !lpu.tensor<[1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[1], bool>
    %i = lpu.cast %m : !lpu.tensor<[1], bool> -> !lpu.tensor<[1], i64>
    lpu.write %s, %i at <[0]> : !lpu.state<[1], i64>, !lpu.tensor<[1], i64>
    lpu.yield
  }
  func.return
}

// -----

// Arithmetic on indices is an iota.
// CHECK-LABEL: @index_arithmetic
// CHECK-NEXT:    lpu.iota <[P + 2, 3]> : !lpu.tensor<[4], i64>
func.func @index_arithmetic() -> !lpu.tensor<[4], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.iota <[0, 3]> : !lpu.tensor<[4], i64>
  %q = lpu.iota <[P + 2]> : !lpu.tensor<[], i64>
  %m = lpu.map "add" %k, %q : !lpu.tensor<[4], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[4], i64>
  func.return %m : !lpu.tensor<[4], i64>
}

// -----

// Integers wrap, an iota does not.
// CHECK-LABEL: @wraps
// CHECK:         lpu.map "mul"
func.func @wraps() -> !lpu.tensor<[], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.fill "000000000000007f" : !lpu.tensor<[], i64>
  %q = lpu.iota <[P + 2]> : !lpu.tensor<[], i64>
  %m = lpu.map "mul" %k, %q : !lpu.tensor<[], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[], i64>
  func.return %m : !lpu.tensor<[], i64>
}

// -----

// A row of ones has at least one.
// CHECK-LABEL: @guard
// CHECK-NEXT:    lpu.fill "00" : !lpu.tensor<[1], bool>
func.func @guard() -> !lpu.tensor<[1], bool> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.fill "0000803f" : !lpu.tensor<[P + 1], f32>
  %s = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1], f32> -> !lpu.tensor<[1], f32>
  %h = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %m = lpu.map "lt" %s, %h : !lpu.tensor<[1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[1], bool>
  func.return %m : !lpu.tensor<[1], bool>
}

// -----

// Whatever is selected here is a zero, of one sign or the other; `exp` cannot tell them apart.
// CHECK-LABEL: @mask_of_zeros
// CHECK-NEXT:    %[[E:.*]] = lpu.map "exp" %x
// CHECK-NEXT:    func.return %[[E]]
func.func @mask_of_zeros(%x : !lpu.tensor<[4], f32>, %c : !lpu.tensor<[4], bool>) -> !lpu.tensor<[4], f32> {
  %a = lpu.fill "ffff7fff" : !lpu.tensor<[], f32>
  %b = lpu.fill "00000000" : !lpu.tensor<[], f32>
  %0 = lpu.select %c, %a, %b : !lpu.tensor<[4], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4], f32>
  %1 = lpu.map "mul" %0, %b : !lpu.tensor<[4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4], f32>
  %2 = lpu.map "add" %x, %1 : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  %3 = lpu.map "exp" %2 : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %3 : !lpu.tensor<[4], f32>
}

// -----

// A quotient can: 0 makes of -0 what it is not.
// CHECK-LABEL: @zero_that_is_seen
// CHECK:         lpu.map "add"
func.func @zero_that_is_seen(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32> {
  %b = lpu.fill "00000000" : !lpu.tensor<[], f32>
  %0 = lpu.map "add" %x, %b : !lpu.tensor<[4], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[4], f32>
  %1 = lpu.map "recip" %0 : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], f32>
  func.return %1 : !lpu.tensor<[4], f32>
}

// -----

// A mask of ones counts its tokens, in i32 too, and where the last of them is.
// CHECK-LABEL: @count
// CHECK-NEXT:    %{{.*}} = lpu.iota <[P, 0]> : !lpu.tensor<[1], i64>
// CHECK-NEXT:    func.return
func.func @count() -> !lpu.tensor<[1], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %m = lpu.fill "0100000000000000" : !lpu.tensor<[P + 1], i64>
  %s = lpu.reduce "sum" %m over <[0]> : !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1], i64>
  %o = lpu.fill "0100000000000000" : !lpu.tensor<[], i64>
  %d = lpu.map "sub" %s, %o : !lpu.tensor<[1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[1], i64>
  %i = lpu.cast %d : !lpu.tensor<[1], i64> -> !lpu.tensor<[1], i32>
  %l = lpu.cast %i : !lpu.tensor<[1], i32> -> !lpu.tensor<[1], i64>
  func.return %l : !lpu.tensor<[1], i64>
}

// -----

// Counts that i32 may not hold are cast.
// CHECK-LABEL: @too_many
// CHECK:         lpu.cast
func.func @too_many() -> !lpu.tensor<[1], i32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 2147483648]>} {
  %s = lpu.iota <[P, 0]> : !lpu.tensor<[1], i64>
  %i = lpu.cast %s : !lpu.tensor<[1], i64> -> !lpu.tensor<[1], i32>
  func.return %i : !lpu.tensor<[1], i32>
}

// -----

// Where a row stays, and where it moves by nothing, it is where it was.
// CHECK-LABEL: @stays
// CHECK-NEXT:    %{{.*}} = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
// CHECK-NEXT:    func.return
func.func @stays() -> !lpu.tensor<[P + 1], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %p = lpu.iota <[P]> : !lpu.tensor<[], i64>
  %m = lpu.map "lt" %k, %p : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], bool>
  %d = lpu.map "sub" %k, %p : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], i64>
  %a = lpu.map "add" %d, %p : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], i64>
  %s = lpu.select %m, %k, %a : !lpu.tensor<[P + 1], bool>, !lpu.tensor<[P + 1], i64>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[P + 1], i64>
  %r = lpu.map "min" %s, %p : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], i64>
  func.return %r : !lpu.tensor<[P + 1], i64>
}

// -----

// Where it moves by one, it depends on P.
// CHECK-LABEL: @moves
// CHECK:         lpu.select
func.func @moves() -> !lpu.tensor<[P + 1], i64> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %k = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %p = lpu.iota <[P]> : !lpu.tensor<[], i64>
  %m = lpu.map "lt" %k, %p : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], bool>
  %a = lpu.iota <[1, 1]> : !lpu.tensor<[P + 1], i64>
  %s = lpu.select %m, %k, %a : !lpu.tensor<[P + 1], bool>, !lpu.tensor<[P + 1], i64>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[P + 1], i64>
  func.return %s : !lpu.tensor<[P + 1], i64>
}
