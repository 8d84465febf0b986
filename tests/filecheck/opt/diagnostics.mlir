// RUN: lpuc opt %s -p onnx-check-operators --split-input-file --verify-diagnostics

// An operation that breaks a rule of its own; the comment speaks of the line below.
// expected-error @+1 {{'lpu.fill': expected 8 hex digits}}
%y = lpu.fill "00" : !lpu.tensor<[2], f32>

// -----

// A function that breaks a rule; the comment stands on the line itself.
func.func @step(%x : !lpu.tensor<[Q], f32>) attributes {lpu.symbols = #lpu.symbols<[]>} { // expected-error {{binds the names Q}}
  func.return
}

// -----

// An operation in a function, and a comment behind it.
func.func @step() {
  %y = lpu.fill "00000000" : !lpu.tensor<[Q], f32>
  // expected-error @-1 {{nothing around it binds the names Q}}
  func.return
}

// -----

// Text that is no IR: two comments in a row speak of the same line.
// expected-error-re @below {{nope.op {{.*}} registered}}
nope.op

// -----

// The next line above that holds no comment.
%y = lpu.fill "00" : !lpu.tensor<[2], f32>
// expected-error @above {{'lpu.fill': expected 8 hex digits}}

// -----

// What a pass refuses, at the operation that it refuses.
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  // expected-error @below {{unsupported operators: Det (1)}}
  %y = onnx.Det(%x) {since_version = 11 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> loc("det")
  func.return %y : !lpu.tensor<[2], f32>
}

// -----

// What a pass refuses of a whole module has no place.
// expected-error @unknown {{'onnx-check-operators' works on level onnx, and this is level lpu_isa}}
func.func @step() {
  lpu_isa.halt
}
