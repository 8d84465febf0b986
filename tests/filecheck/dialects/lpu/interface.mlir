// RUN: xdsl-opt %s -p lpu-demote-precision{precision=f16} --split-input-file --verify-diagnostics | filecheck %s

// There is an entry for each argument.
// CHECK: 'func.func': it has 1 values and an interface of 0
func.func @step(%x : !lpu.tensor<[2], f32>) attributes {lpu.interface = #lpu.interface<[] -> []>} {
  func.return
}

// -----

// And for each result.
// CHECK: 'func.func': it has 1 values and an interface of 0
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> attributes {lpu.interface = #lpu.interface<["x" data f32] -> []>} {
  func.return %x : !lpu.tensor<[2], f32>
}

// -----

// A value is not stored in another kind of type.
// CHECK: 'func.func': 'x' is i64, and stored as f32
func.func @step(%x : !lpu.tensor<[2], f32>) attributes {lpu.interface = #lpu.interface<["x" data i64] -> []>} {
  func.return
}

// -----

// Ports have names of their own.
// CHECK: 'func.func': 2 ports are called 'x'
func.func @step(%x : !lpu.tensor<[2], f32>, %y : !lpu.tensor<[2], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32, "x" data f32] -> []>} {
  func.return
}

// -----

// Roles are those that something asks for.
// CHECK: 'func.func': a port has an unknown role: "x" king f32
func.func @step(%x : !lpu.tensor<[2], f32>) attributes {lpu.interface = #lpu.interface<["x" king f32] -> []>} {
  func.return
}

// -----

// What lives in a state is a port of one.
// CHECK: 'func.func': ports and states differ in "k" in state
func.func @step() attributes {lpu.interface = #lpu.interface<["k" in state] -> []>} {
  func.return
}
