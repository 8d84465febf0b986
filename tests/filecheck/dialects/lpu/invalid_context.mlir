// RUN: xdsl-opt %s -p verify --disable-verify --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A value is defined above its uses.
// CHECK: 'lpu.map': it uses %y before that is defined
func.func @step() {
  %z = lpu.map "neg" %y : !lpu.tensor<[8], f32> -> !lpu.tensor<[8], f32>
  %y = lpu.fill "00000000" : !lpu.tensor<[8], f32>
  func.return
}

// -----

// A block ends where it returns.
// CHECK: 'func.return': 'func.return' must be the last operation in its parent block
func.func @step() {
  func.return
  func.return
}

// -----

// A block ends.
// CHECK: 'func.func': its block ends with an operation that ends none
func.func @step() {
  %y = lpu.fill "00000000" : !lpu.tensor<[8], f32>
}

// -----

// Somebody must say what P is.
// CHECK: 'lpu.fill': nothing around it binds the names P
func.func @step() {
  %y = lpu.fill "00000000" : !lpu.tensor<[P], f32>
  func.return
}

// -----

// An argument has symbols of its function.
// CHECK: 'func.func': nothing around it binds the names Q
func.func @step(%x : !lpu.tensor<[P, Q], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  func.return
}

// -----

// A variable is gone behind its loop.
// CHECK: 'lpu.iota': nothing around it binds the names l
func.func @step() {
  lpu.for "l" to <2> () {
    lpu.yield
  }
  %y = lpu.iota <[l]> : !lpu.tensor<[], i64>
  func.return
}

// -----

// The bounds of a loop do not depend on its variable.
// CHECK: 'lpu.for': nothing around it binds the names l
func.func @step() {
  lpu.for "l" to <l> () {
    lpu.yield
  }
  func.return
}

// -----

// A name is bound once.
// CHECK: 'lpu.for': l is bound again, it is a loop around it
func.func @step() {
  lpu.for "l" to <2> () {
    lpu.for "l" to <2> () {
      lpu.yield
    }
    lpu.yield
  }
  func.return
}

// -----

// A loop takes no symbol's name.
// CHECK: 'lpu.for': P is bound again, it is a symbol around it
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  lpu.for "P" to <2> () {
    lpu.yield
  }
  func.return
}

// -----

// A symbol has a value.
// CHECK: 'func.func': the symbol P has no value from 1 to 0
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 0]>} {
  func.return
}

// -----

// A slice stays inside for every value of P.
// CHECK: 'lpu.slice': it goes beyond the end of axis 0
func.func @step(%x : !lpu.tensor<[8], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.slice %x at <[P]> step <[1]> : !lpu.tensor<[8], f32> -> !lpu.tensor<[2], f32>
  func.return
}

// -----

// A slice stays inside in every turn.
// CHECK: 'lpu.slice': it goes beyond the start of axis 0
func.func @step(%x : !lpu.tensor<[8], f32>) {
  lpu.for "l" to <2> () {
    %y = lpu.slice %x at <[l + -1]> step <[1]> : !lpu.tensor<[8], f32> -> !lpu.tensor<[2], f32>
    lpu.yield
  }
  func.return
}

// -----

// A write stays in its state.
// CHECK: 'lpu.write': the window leaves axis 0 of its state
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
  %v = lpu.fill "00000000" : !lpu.tensor<[2, 4], f32>
  lpu.write %c, %v at <[P, 0]> : !lpu.state<[8, 4], f32>, !lpu.tensor<[2, 4], f32>
  func.return
}

// -----

// A read, too.
// CHECK: 'lpu.read': the window starts before axis 1 of its state
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
  %v = lpu.read %c at <[0, -1]> : !lpu.state<[8, 4], f32> -> !lpu.tensor<[2, 4], f32>
  func.return
}

// -----

// A state stands where both calls and loops see it.
// CHECK: 'lpu.state': a state stands at the top of its function
func.func @step() {
  lpu.for "l" to <2> () {
    %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
    lpu.yield
  }
  func.return
}

// -----

// A function names a state once.
// CHECK: 'lpu.state': the function has the state 'c' already
func.func @step() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
  %d = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
  func.return
}

// -----

// Functions agree on a state.
// CHECK: 'lpu.state': another function has 'c' as !lpu.state<[8, 4], f32>
func.func @step() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f32>
  func.return
}
func.func @generate() {
  %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], f16>
  func.return
}

// -----

// A port lies in its state.
// CHECK: 'lpu.state': port 'x' does not lie in the state
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "c" inputs <["x" past f32 [P + 2, 4] at [0, 0]]> outputs <[]> : !lpu.state<[8, 4], f32>
  func.return
}

// -----

// A token leaves a loop.
// CHECK: 'lpu.emit': a token is handed over in the body of a loop
func.func @step() {
  %t = lpu.iota <[0, 0]> : !lpu.tensor<[1], i64>
  lpu.emit %t, %t : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
  func.return
}

// -----

// A loop yields, nothing else.
// CHECK: 'lpu.yield': there is no loop to yield to
func.func @step() {
  lpu.yield
}

// -----

// Each argument has a name.
// CHECK: 'func.func': it has 1 values and an interface of 2
func.func @step(%x : !lpu.tensor<[8], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32, "y" data f32] -> []>} {
  %y = lpu.slice %x at <[0]> step <[1]> : !lpu.tensor<[8], f32> -> !lpu.tensor<[2], f32>
  func.return
}
