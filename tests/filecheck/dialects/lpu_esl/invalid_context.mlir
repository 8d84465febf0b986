// RUN: xdsl-opt %s -p verify --split-input-file --verify-diagnostics | filecheck %s

// A module is for one number of devices.
// CHECK: 'lpu_esl.all_gather': it gathers from 4 devices where there are 2
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @count(%x : !lpu.tensor<[3], f32>) {
    %y = lpu_esl.all_gather %x : !lpu.tensor<[3], f32> -> !lpu.tensor<[4, 3], f32>
    func.return
  }
}

// -----

// Symbols of devices count those of the module.
// CHECK: 'func.func': d1 is no number of one of 2 devices
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 2]>} {
    func.return
  }
}

// -----

// All devices have the same extents.
// CHECK: 'lpu.fill': an extent depends on the device
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.fill "00000000" : !lpu.tensor<[d0 + 1], f32>
    func.return
  }
}

// -----

// Parts lie on the devices of the module.
// CHECK: 'lpu.fill': its parts lie on 4 devices where there are 2
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.fill "00000000" : !lpu_esl.shard<[8], f32, 4 x [[8/4]]>
    func.return
  }
}

// -----

// A value is no part of what is cut otherwise.
// CHECK: 'lpu.map': its type claims {{\[\[2/2\], \[3\]\]}}, while it lies as {{\[\[\], \[2/2, 3\]\]}}
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.map "neg" %x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu_esl.shard<[2, 3], f32, 2 x [[2/2], []]>
    func.return
  }
}

// -----

// What all devices have is no part of anything.
// CHECK: 'lpu.map': its type claims {{\[\[2/2, 3\]\]}}, while it lies as {{\[\[3\]\]}}
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu.tensor<[3], f32>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.map "neg" %x : !lpu.tensor<[3], f32> -> !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    func.return
  }
}

// -----

// Nor are numbers that follow from the device in another way than places do.
// CHECK: 'lpu.iota': its type claims {{\[\[2/2, 3\]\]}}, while nothing is known of it
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.iota <[2*d0, 1]> : !lpu_esl.shard<[6], i64, 2 x [[6/2]]>
    func.return
  }
}

// -----

// A weight is shared as its type says.
// CHECK: 'lpu.constant': its type claims {{\[\[2/2, 2\], \[\]\]}}, while it lies as {{\[\[2\], \[2/2\]\]}}
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.constant <shard(inline("00000000000000000000000000000000", [2, 2], f32), 2 x [[], [2/2]])> : !lpu_esl.shard<[4, 1], f32, 2 x [[4/2], []]>
    func.return
  }
}

// -----

// A slice of what all have is a part only where each takes its own.
// CHECK: 'lpu.slice': its type claims {{\[\[2/2, 3\]\]}}, while nothing is known of it
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu.tensor<[6], f32>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.slice %x at <[3*d1]> step <[1]> : !lpu.tensor<[6], f32> -> !lpu_esl.shard<[6], f32, 2 x [[6/2]]>
    func.return
  }
}

// -----

// Products sum over all of an axis.
// CHECK: 'lpu.matmul': it combines elements of an axis that devices have parts of
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu_esl.shard<[2, 6], f32, 2 x [[], [6/2]]>, %y : !lpu_esl.shard<[6, 2], f32, 2 x [[6/2], []]>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.matmul %x, %y : !lpu_esl.shard<[2, 6], f32, 2 x [[], [6/2]]>, !lpu_esl.shard<[6, 2], f32, 2 x [[6/2], []]> -> !lpu.tensor<[2, 2], f32>
    func.return
  }
}

// -----

// Operands of one operation lie in one way.
// CHECK: 'lpu.map': its operands lie on the devices in different ways: {{\[\[2\], \[2/2, 3\]\] and \[\[2\], \[3\]\]}}
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu_esl.shard<[2, 6], f32, 2 x [[], [6/2]]>, %y : !lpu.tensor<[2, 3], f32>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.map "add" %x, %y : !lpu_esl.shard<[2, 6], f32, 2 x [[], [6/2]]>, !lpu.tensor<[2, 3], f32> -> !lpu_esl.shard<[2, 6], f32, 2 x [[], [6/2]]>
    func.return
  }
}

// -----

// Each device has the keys of its queries.
// CHECK: 'lpu.attention': heads of queries lie on other devices than those of their keys
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @case(%q : !lpu_esl.shard<[1, 4, 1, 4], f32, 4 x [[], [2/2, 2/2:2], [], []]>, %k : !lpu_esl.shard<[1, 2, 3, 4], f32, 4 x [[], [2/2:2], [], []]>, %v : !lpu_esl.shard<[1, 2, 3, 4], f32, 4 x [[], [2/2:2], [], []]>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3, d1 in 0 to 3, d2 in 0 to 3, d3 in 0 to 3]>} {
    %0 = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu_esl.shard<[1, 4, 1, 4], f32, 4 x [[], [2/2, 2/2:2], [], []]>, !lpu_esl.shard<[1, 2, 3, 4], f32, 4 x [[], [2/2:2], [], []]>, !lpu_esl.shard<[1, 2, 3, 4], f32, 4 x [[], [2/2:2], [], []]> -> !lpu_esl.shard<[1, 4, 1, 4], f32, 4 x [[], [2/2, 2/2:2], [], []]>
    func.return
  }
}

// -----

// The host takes one value of all devices.
// CHECK: 'func.return': a result that is no shard differs by device
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() -> (!lpu.tensor<[], i64>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.iota <[d0]> : !lpu.tensor<[], i64>
    func.return %0 : !lpu.tensor<[], i64>
  }
}

// -----

// All devices hand over one token.
// CHECK: 'lpu.emit': devices would hand over different tokens
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu.for "l" to <3> () {
      %0 = lpu.iota <[l, 0]> : !lpu.tensor<[1], i64>
      %1 = lpu.iota <[d0, 0]> : !lpu.tensor<[1], i64>
      lpu.emit %0, %1 : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
      lpu.yield
    }
    func.return
  }
}

// -----

// All devices turn equally often.
// CHECK: 'lpu.for': how often it turns depends on the device
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu.for "l" to <d0> () {
      lpu.yield
    }
    func.return
  }
}

// -----

// A value that is carried stays where it is.
// CHECK: 'lpu.yield': behind a turn a carried value lies otherwise
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu_esl.shard<[2], f32, 2 x [[2/2]]>, %y : !lpu.tensor<[1], f32>) attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %0 = lpu.for "l" to <3> (%x : !lpu_esl.shard<[2], f32, 2 x [[2/2]]>) -> !lpu_esl.shard<[2], f32, 2 x [[2/2]]> {
    ^bb0(%z : !lpu_esl.shard<[2], f32, 2 x [[2/2]]>):
      lpu.yield %y : !lpu.tensor<[1], f32>
    }
    func.return
  }
}

// -----

// All ports of a state lie alike.
// CHECK: 'lpu.state': port 'b' lies otherwise than its state
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [8, P] at [0, 0] shard 2 x [[8/2], []]]> outputs <["b" past f32 [4, P] at [0, 0]]> : !lpu.state<[4, 3], f32>
    func.return
  }
}

// -----

// Ports lie on the devices of the module.
// CHECK: 'lpu.state': port 'a' lies on 4 devices of 2
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [8, P] at [0, 0] shard 4 x [[8/2], []]]> outputs <[]> : !lpu.state<[4, 3], f32>
    func.return
  }
}

// -----

// A port of parts fills the axis that is cut.
// CHECK: 'lpu.state': port 'a' has parts of an axis and does not fill it
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [6, P] at [0, 0] shard 2 x [[6/2], []]]> outputs <[]> : !lpu.state<[4, 3], f32>
    func.return
  }
}

// -----

// The window of a state is one on all devices.
// CHECK: 'lpu.read': its window of the state depends on the device
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [8, P] at [0, 0] shard 2 x [[8/2], []]]> outputs <[]> : !lpu.state<[4, 3], f32>
    %0 = lpu.read %s at <[0, d0]> : !lpu.state<[4, 3], f32> -> !lpu.tensor<[4, 1], f32>
    func.return
  }
}

// -----

// Along a cut axis it has all that a device has.
// CHECK: 'lpu.read': its window is a part of what a device has of an axis
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case() attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [8, P] at [0, 0] shard 2 x [[8/2], []]]> outputs <[]> : !lpu.state<[4, 3], f32>
    %0 = lpu.read %s at <[1, 0]> : !lpu.state<[4, 3], f32> -> !lpu.tensor<[3, 2], f32>
    func.return
  }
}

// -----

// What is written lies as the state does.
// CHECK: 'lpu.write': it writes what lies as {{\[\[4\], \[3\]\]}} to where {{\[\[2/2, 4\], \[3\]\]}} lies
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @case(%x : !lpu.tensor<[4, 3], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3, d0 in 0 to 1, d1 in 0 to 1]>} {
    %s = lpu.state "s" inputs <["a" past f32 [8, P] at [0, 0] shard 2 x [[8/2], []]]> outputs <[]> : !lpu.state<[4, 3], f32>
    lpu.write %s, %x at <[0, 0]> : !lpu.state<[4, 3], f32>, !lpu.tensor<[4, 3], f32>
    func.return
  }
}
