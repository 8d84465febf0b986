// RUN: xdsl-opt %s -p lpu-cache-to-state --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-cache-to-state --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Keys and values in one tensor are windows of one state.
// CHECK-LABEL: @stacked
// CHECK-NEXT:    %[[c:.*]] = lpu.state "cache.0" inputs <["past" past f32 [2, P, 4] at [0, 0, 0]]> outputs <["present" present f32 [2, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[2, 8, 4], f32>
// CHECK-NEXT:    %[[k:.*]] = lpu.reshape %k
// CHECK-NEXT:    lpu.write %[[c]], %[[k]] at <[0, P, 0]>
// CHECK-NEXT:    lpu.read %[[c]] at <[0, 0, 0]> : !lpu.state<[2, 8, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
// CHECK-NEXT:    lpu.reshape
// CHECK-NEXT:    %[[v:.*]] = lpu.reshape %v
// CHECK-NEXT:    lpu.write %[[c]], %[[v]] at <[1, P, 0]>
// CHECK-NEXT:    lpu.read %[[c]] at <[1, 0, 0]>
// CHECK-NEXT:    %values = lpu.reshape
// CHECK-NEXT:    func.return %values
func.func @stacked(%past : !lpu.tensor<[2, P, 4], f32>, %k : !lpu.tensor<[1, 4], f32>, %v : !lpu.tensor<[1, 4], f32>)
    -> (!lpu.tensor<[P + 1, 4], f32>, !lpu.tensor<[2, P + 1, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["past" past f32, "k" data f32, "v" data f32] -> ["y" data f32, "present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.slice %past at <[0, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[2, P, 4], f32> -> !lpu.tensor<[1, P, 4], f32>
  %1 = lpu.reshape %0 : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %2 = lpu.slice %past at <[1, 0, 0]> step <[1, 1, 1]> : !lpu.tensor<[2, P, 4], f32> -> !lpu.tensor<[1, P, 4], f32>
  %3 = lpu.reshape %2 : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  %keys = lpu.concat %1, %k axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[P + 1, 4], f32>
  %values = lpu.concat %3, %v axis 0 : !lpu.tensor<[P, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[P + 1, 4], f32>
  %4 = lpu.reshape %keys : !lpu.tensor<[P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %5 = lpu.reshape %values : !lpu.tensor<[P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %present = lpu.concat %4, %5 axis 0 : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[2, P + 1, 4], f32>
  func.return %values, %present : !lpu.tensor<[P + 1, 4], f32>, !lpu.tensor<[2, P + 1, 4], f32>
}

// -----

// A cache becomes state; what reads the present reads the state, behind the write.
// CHECK-LABEL: @pair
// CHECK-SAME:    (%new: !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" in state, "new" data f32] -> ["y" data f32, "present" in state]>, {{.*}}}
// CHECK-NEXT:    %cache = lpu.state "cache.0" inputs <["past" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f32>
// CHECK-NEXT:    lpu.write %cache, %new at <[0, P, 0]>
// CHECK-NEXT:    %all = lpu.read %cache at <[0, 0, 0]>
// CHECK-NEXT:    %y = lpu.map "neg" %all
// CHECK-NEXT:    func.return %y
// LOC-LABEL: @pair
// LOC:           lpu.state {{.*}} loc("append")
// LOC-NEXT:      lpu.write {{.*}} loc("append")
// LOC-NEXT:      lpu.read {{.*}} loc("append")
func.func @pair(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32> loc("append")
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Each cache is a state of its own; results and arguments that stay keep their order.
// CHECK-LABEL: @two
// CHECK-SAME:    (%new: {{.*}}) -> !lpu.tensor<[1, 1, 4], f32> attributes {lpu.interface = #lpu.interface<["a" in state, "new" data f32, "b" in state] -> ["c" in state, "y" data f32, "d" in state]>
// CHECK-NEXT:    lpu.state "cache.0" inputs <["a"
// CHECK:         lpu.state "cache.1" inputs <["b"
// CHECK:         func.return %y
func.func @two(%a : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>, %b : !lpu.tensor<[1, P, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["a" past f32, "new" data f32, "b" past f32] -> ["c" data f32, "y" data f32, "d" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %p = lpu.concat %a, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %q = lpu.concat %b, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %new : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  func.return %p, %y, %q : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// A cache stored shorter than the model has it: its ports keep the types of the model.
// CHECK-LABEL: @shorter
// CHECK-SAME:    lpu.interface = #lpu.interface<["past" in state, "new" data f32] -> ["y" data f32, "present" in state]>
// CHECK-NEXT:    %0 = lpu.cast %new {{.*}} -> !lpu.tensor<[1, 1, 4], f16>
// CHECK-NEXT:    %cache = lpu.state "cache.0" inputs <["past" past f32 {{.*}} outputs <["present" present f32 {{.*}} : !lpu.state<[1, 8, 4], f16>
// CHECK-NEXT:    lpu.write %cache, %0
// CHECK-NEXT:    %short = lpu.read %cache
// CHECK-NEXT:    %y = lpu.cast %short
// CHECK-NEXT:    func.return %y
func.func @shorter(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %1 = lpu.cast %new : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f16>
  %short = lpu.concat %past, %1 axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %y = lpu.cast %short : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %short : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>
}

// -----

// A cache that is stored one way and used another lies as it is stored.
// CHECK-LABEL: @transposed
// CHECK-NEXT:    %[[N:.*]] = lpu.transpose %new <[0, 2, 1]>
// CHECK-NEXT:    %cache = lpu.state {{.*}} : !lpu.state<[1, 8, 4], f32>
// CHECK-NEXT:    lpu.write %cache, %[[N]] at <[0, P, 0]>
// CHECK-NEXT:    %[[R:.*]] = lpu.read %cache
// CHECK-NEXT:    %all = lpu.transpose %[[R]] <[0, 2, 1]>
// CHECK:         func.return %y
func.func @transposed(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 4, 1], f32>) -> (!lpu.tensor<[1, 4, P + 1], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %t = lpu.transpose %past <[0, 2, 1]> : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, 4, P], f32>
  %all = lpu.concat %t, %new axis 2 : !lpu.tensor<[1, 4, P], f32>, !lpu.tensor<[1, 4, 1], f32> -> !lpu.tensor<[1, 4, P + 1], f32>
  %z = lpu.transpose %all <[0, 2, 1]> : !lpu.tensor<[1, 4, P + 1], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, 4, P + 1], f32> -> !lpu.tensor<[1, 4, P + 1], f32>
  func.return %y, %z : !lpu.tensor<[1, 4, P + 1], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// A present whose elements are moved is written back whole.
// CHECK-LABEL: @moved
// CHECK:         lpu.write %cache, %new at <[0, P, 0]>
// CHECK-NEXT:    %all = lpu.read %cache
// CHECK:         %present = lpu.gather
// CHECK-NEXT:    lpu.write %cache, %present at <[0, 0, 0]>
// CHECK-NEXT:    func.return %y
func.func @moved(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>, %where : !lpu.tensor<[P + 1], i64>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32, "where" data i64] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %present = lpu.gather %all, %where axis 1 : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Rows may be moved of what is cut from it, too, if there are as many behind that.
// CHECK-LABEL: @cut
// CHECK:         lpu.write %cache, %new at <[0, P, 0]>
// CHECK:         lpu.write %cache, %present at <[0, 0, 0]>
// CHECK-NEXT:    func.return %y
func.func @cut(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>, %where : !lpu.tensor<[P + 1], i64>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32, "where" data i64] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %last = lpu.slice %all at <[0, P, 0]> step <[1, 1, 1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %present = lpu.gather %last, %where axis 1 : !lpu.tensor<[1, 1, 4], f32>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// A cache that the model rounds, and moves by data, is kept as it is rounded.
// CHECK-LABEL: @rounded
// CHECK:         lpu.state {{.*}} inputs <["past" past f32 {{.*}} outputs <["present" present f32 {{.*}} : !lpu.state<[1, 8, 4], f16>
// CHECK:         lpu.write %cache, %new at <[0, P, 0]>
// CHECK:         lpu.write %cache, %moved at <[0, 0, 0]>
// CHECK-NEXT:    func.return %y
func.func @rounded(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f16>, %where : !lpu.tensor<[P + 1], i64>) -> (!lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f16, "where" data i64] -> ["y" data f16, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %short = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f16>
  %all = lpu.concat %short, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %moved = lpu.gather %all, %where axis 1 : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1, 4], f16>
  %present = lpu.cast %moved : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// One present that is two results is two ports.
// CHECK-LABEL: @twice
// CHECK:         outputs <["p" present f32 {{.*}}, "q" present f32
// CHECK:         func.return{{$}}
func.func @twice(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["p" data f32, "q" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %all, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// A cache of fixed extents is one by its role.
// CHECK-LABEL: @fixed_cache
// CHECK:         lpu.state {{.*}} : !lpu.state<[1, 4, 4], f32>
// CHECK-NEXT:    lpu.write {{.*}} at <[0, 3, 0]>
func.func @fixed_cache(%past : !lpu.tensor<[1, 3, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, 4, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, 3, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4, 4], f32>
  func.return %all : !lpu.tensor<[1, 4, 4], f32>
}

// -----

// Not state: the past has another use.
// CHECK-LABEL: @read
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @read(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f32>
  func.return %y, %all : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the past is the second part.
// CHECK-LABEL: @in_front
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @in_front(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %new, %past axis 1 : !lpu.tensor<[1, 1, 4], f32>, !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the past does not grow.
// CHECK-LABEL: @fixed
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @fixed(%past : !lpu.tensor<[1, 3, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, 4, 4], f32> attributes {lpu.interface = #lpu.interface<["past" data f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, 3, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 4, 4], f32>
  func.return %all : !lpu.tensor<[1, 4, 4], f32>
}

// -----

// Not state: no result shows it.
// CHECK-LABEL: @hidden
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @hidden(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the result is computed from it.
// CHECK-LABEL: @changed
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @changed(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the model itself rounds between past and present.
// CHECK-LABEL: @rounded
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @rounded(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f16, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.cast %past : !lpu.tensor<[1, P, 4], f16> -> !lpu.tensor<[1, P, 4], f32>
  %all = lpu.concat %0, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %all : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: a second concatenation continues it with other values.
// CHECK-LABEL: @other
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @other(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %z = lpu.map "neg" %new : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %y = lpu.concat %past, %z axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the past is rounded on its way into the concatenation.
// CHECK-LABEL: @rounded_past
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @rounded_past(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f16>
  %1 = lpu.cast %0 : !lpu.tensor<[1, P, 4], f16> -> !lpu.tensor<[1, P, 4], f32>
  %all = lpu.concat %1, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %all : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the present is rounded behind the concatenation.
// CHECK-LABEL: @rounded_present
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @rounded_present(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %0 = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.cast %0 : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %1 : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: another concatenation has new rows that are not rounded.
// CHECK-LABEL: @two_types
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @two_types(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>) attributes {lpu.interface = #lpu.interface<["past" past f16, "new" data f32] -> ["y" data f32, "present" data f16]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.cast %past : !lpu.tensor<[1, P, 4], f16> -> !lpu.tensor<[1, P, 4], f32>
  %1 = lpu.cast %new : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f16>
  %short = lpu.concat %past, %1 axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %y = lpu.concat %0, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %short : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>
}

// -----

// A result of the same form in front of the present is not taken for it.
// CHECK-LABEL: @debug
// CHECK-SAME:    ["debug" data f32, "present" in state]
// CHECK:         lpu.write %cache, %new at <[0, P, 0]>
// CHECK-NEXT:    %all = lpu.read %cache
// CHECK-NEXT:    %debug = lpu.gather %all
// CHECK-NEXT:    func.return %debug
func.func @debug(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>, %where : !lpu.tensor<[P + 1], i64>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32, "where" data i64] -> ["debug" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %debug = lpu.gather %all, %where axis 1 : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %debug, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: past and new are shown, but another result is declared to be the present.
// CHECK-LABEL: @declared
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @declared(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["all" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %all, %y : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: rows in another order, whatever the data.
// CHECK-LABEL: @reversed
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @reversed(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, P + 1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %i = lpu.iota <[P, -1]> : !lpu.tensor<[P + 1], i64>
  %y = lpu.gather %all, %i axis 1 : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[P + 1], i64> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Not state: the last two rows alone.
// CHECK-LABEL: @window
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @window(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> !lpu.tensor<[1, 2, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 1 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.slice %all at <[0, P + -1, 0]> step <[1, 1, 1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 2, 4], f32>
  func.return %y : !lpu.tensor<[1, 2, 4], f32>
}

// -----

// Not state: rows that data chooses, but fewer.
// CHECK-LABEL: @moved_window
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @moved_window(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>, %where : !lpu.tensor<[2], i64>) -> !lpu.tensor<[1, 2, 4], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32, "where" data i64] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.gather %all, %where axis 1 : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[2], i64> -> !lpu.tensor<[1, 2, 4], f32>
  func.return %y : !lpu.tensor<[1, 2, 4], f32>
}

// -----

// Not state: it grows along another axis than that of its symbol.
// CHECK-LABEL: @other_axis
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
func.func @other_axis(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, P, 1], f32>) -> !lpu.tensor<[1, P, 5], f32> attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 2 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, P, 1], f32> -> !lpu.tensor<[1, P, 5], f32>
  func.return %all : !lpu.tensor<[1, P, 5], f32>
}

// -----

// Ports of a function that declares no interface are called by their positions.
// CHECK-LABEL: @nameless
// CHECK:         lpu.state "cache.0" inputs <["0" past f32 {{.*}} outputs <["1" present f32
func.func @nameless(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>) -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>) attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %all = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %all : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// What a step replaces is a state that is read before its readers and written whole behind them.
// CHECK-LABEL: @replaced
// CHECK-SAME:    (%new: !lpu.tensor<[1, 4, 1], f32>) -> !lpu.tensor<[1, 4, 3], f32>
// CHECK-SAME:    ["past_conv.0" in state, "new" data f32] -> ["y" data f32, "present_conv.0" in state]
// CHECK-NEXT:    %[[s:.*]] = lpu.state "cache.0" inputs <["past_conv.0" recurrent f32 [1, 4, 2] at [0, 0, 0]]> outputs <["present_conv.0" present f32 [1, 4, 2] at [0, 0, 0]]> : !lpu.state<[1, 4, 2], f32>
// CHECK-NEXT:    %[[old:.*]] = lpu.read %[[s]] at <[0, 0, 0]>
// CHECK-NEXT:    %[[all:.*]] = lpu.concat %[[old]], %new axis 2
// CHECK-NEXT:    %[[last:.*]] = lpu.slice %[[all]]
// CHECK-NEXT:    lpu.write %[[s]], %[[last]] at <[0, 0, 0]>
// CHECK-NEXT:    lpu.map "neg" %[[all]]
func.func @replaced(%past : !lpu.tensor<[1, 4, 2], f32>, %new : !lpu.tensor<[1, 4, 1], f32>) -> (!lpu.tensor<[1, 4, 3], f32>, !lpu.tensor<[1, 4, 2], f32>) attributes {lpu.interface = #lpu.interface<["past_conv.0" recurrent f32, "new" data f32] -> ["y" data f32, "present_conv.0" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %all = lpu.concat %past, %new axis 2 : !lpu.tensor<[1, 4, 2], f32>, !lpu.tensor<[1, 4, 1], f32> -> !lpu.tensor<[1, 4, 3], f32>
  %last = lpu.slice %all at <[0, 0, 1]> step <[1, 1, 1]> : !lpu.tensor<[1, 4, 3], f32> -> !lpu.tensor<[1, 4, 2], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, 4, 3], f32> -> !lpu.tensor<[1, 4, 3], f32>
  func.return %y, %last : !lpu.tensor<[1, 4, 3], f32>, !lpu.tensor<[1, 4, 2], f32>
}

// -----

// Not state: no name declares the result to be its present.
// CHECK-LABEL: @undeclared
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map
func.func @undeclared(%past : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["past_conv.0" recurrent f32] -> ["present_conv.1" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %y = lpu.map "neg" %past : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: an input without the role.
// CHECK-LABEL: @no_role
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map
func.func @no_role(%past : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" data f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %y = lpu.map "neg" %past : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: the result has other extents.
// CHECK-LABEL: @reduced
// CHECK-NOT:     lpu.state
// CHECK:         lpu.reduce
func.func @reduced(%past : !lpu.tensor<[2, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["past" recurrent f32] -> ["present" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %y = lpu.reduce "sum" %past over <[0]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: the result does not depend on it.
// CHECK-LABEL: @forgotten
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map "neg" %new
func.func @forgotten(%past : !lpu.tensor<[1, 4], f32>, %new : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) attributes {lpu.interface = #lpu.interface<["past" recurrent f32, "new" data f32] -> ["y" data f32, "present" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %y = lpu.map "add" %past, %new : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %z = lpu.map "neg" %new : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y, %z : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: two inputs have one present.
// CHECK-LABEL: @both
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map "add"
func.func @both(%a : !lpu.tensor<[1, 4], f32>, %b : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["a_past.0" recurrent f32, "b_past.0" recurrent f32] -> ["present.0" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %y = lpu.map "add" %a, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y : !lpu.tensor<[1, 4], f32>
}

// -----

// Names that differ by the side of the step alone declare a pair, too, where none is a present.
// CHECK-LABEL: @words
// CHECK-DAG:     lpu.state {{.*}} inputs <["state_a" recurrent {{.*}} outputs <["new_state_a" present
// CHECK-DAG:     lpu.state {{.*}} inputs <["past_b" recurrent {{.*}} outputs <["b_out" present
func.func @words(%a : !lpu.tensor<[1, 4], f32>, %b : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) attributes {lpu.interface = #lpu.interface<["state_a" recurrent f32, "past_b" recurrent f32] -> ["b_out" data f32, "new_state_a" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %x = lpu.map "neg" %a : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.map "exp" %b : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y, %x : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// The only result of its type replaces what is a state by its role alone; of two, none is guessed.
// CHECK-LABEL: @types
// CHECK-SAME:    ["a" recurrent f32, "b" in state, "e" recurrent f32] -> ["c" in state, "d" data f32, "f" data f32]
// CHECK:         lpu.state {{.*}} inputs <["b" recurrent {{.*}} outputs <["c" present
// CHECK-NOT:     = lpu.state
// CHECK:         func.return
func.func @types(%a : !lpu.tensor<[1, 4], f32>, %b : !lpu.tensor<[1, 5], f32>, %e : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 5], f32>, !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) attributes {lpu.interface = #lpu.interface<["a" recurrent f32, "b" recurrent f32, "e" recurrent f32] -> ["c" data f32, "d" data f32, "f" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %x = lpu.map "neg" %a : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.map "exp" %b : !lpu.tensor<[1, 5], f32> -> !lpu.tensor<[1, 5], f32>
  %z = lpu.map "exp" %e : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %y, %x, %z : !lpu.tensor<[1, 5], f32>, !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: two results of its type, and nothing tells which.
// CHECK-LABEL: @ambiguous
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map
func.func @ambiguous(%a : !lpu.tensor<[1, 4], f32>) -> (!lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>) attributes {lpu.interface = #lpu.interface<["a" recurrent f32] -> ["c" data f32, "d" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %x = lpu.map "neg" %a : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %y = lpu.map "exp" %a : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %x, %y : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32>
}

// -----

// Not state: what is a past by its name alone needs a result that says so.
// CHECK-LABEL: @by_name
// CHECK-NOT:     lpu.state
// CHECK:         lpu.map
func.func @by_name(%a : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> attributes {lpu.interface = #lpu.interface<["past_a" recurrent f32] -> ["y" data f32]>, lpu.symbols = #lpu.symbols<[]>} {
  %x = lpu.map "neg" %a : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %x : !lpu.tensor<[1, 4], f32>
}

// -----

// What the model keeps in f16 is f16 on the device; the host goes on to see f32.
// CHECK-LABEL: @kept_short
// CHECK-SAME:    lpu.interface = #lpu.interface<["past" in state, "new" data f32] -> ["y" data f32, "present" in state]>
// CHECK-NEXT:    %cache = lpu.state "cache.0" inputs <["past" past f32 [1, P, 4] at [0, 0, 0]]> outputs <["present" present f32 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f16>
// CHECK-NEXT:    lpu.write %cache, %new
// CHECK-NEXT:    %all = lpu.read %cache at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
// CHECK-NEXT:    %y = lpu.map "neg" %all
// CHECK-NEXT:    func.return %y
func.func @kept_short(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f16>)
    -> (!lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %short = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f16>
  %all = lpu.concat %short, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// So is what precision has shortened already, in another layout.
// CHECK-LABEL: @shortened_before
// CHECK:         lpu.state "cache.0" inputs <["past" past f32 [P, 1, 4] at [0, 0, 0]]> {{.*}} : !lpu.state<[8, 1, 4], f16>
// CHECK-NOT:     lpu.cast
// CHECK:         func.return %y
func.func @shortened_before(%past : !lpu.tensor<[P, 1, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f16>)
    -> (!lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[P + 1, 1, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %long = lpu.cast %past : !lpu.tensor<[P, 1, 4], f16> -> !lpu.tensor<[P, 1, 4], f32>
  %short = lpu.cast %long : !lpu.tensor<[P, 1, 4], f32> -> !lpu.tensor<[P, 1, 4], f16>
  %0 = lpu.transpose %short <[1, 0, 2]> : !lpu.tensor<[P, 1, 4], f16> -> !lpu.tensor<[1, P, 4], f16>
  %all = lpu.concat %0, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.transpose %all <[1, 0, 2]> : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[P + 1, 1, 4], f16>
  %present = lpu.cast %1 : !lpu.tensor<[P + 1, 1, 4], f16> -> !lpu.tensor<[P + 1, 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[P + 1, 1, 4], f32>
}

// -----

// A past that is read unrounded, too, stays as it is.
// CHECK-LABEL: @read_long_too
// CHECK-NOT:     lpu.state
// CHECK:         lpu.cast %past
// CHECK-NOT:     lpu.state
// CHECK:         func.return
func.func @read_long_too(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f16>)
    -> (!lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["y" data f32, "present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.map "neg" %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f32>
  %short = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f16>
  %all = lpu.concat %short, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %y, %present : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Rows that are read before they are rounded are not those that a cache would hold.
// CHECK-LABEL: @rounded_behind
// CHECK-NOT:     lpu.state
// CHECK:         lpu.concat
// CHECK-NOT:     lpu.state
// CHECK:         func.return
func.func @rounded_behind(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f32>)
    -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>)
    attributes {lpu.interface = #lpu.interface<["past" past f16, "new" data f32] -> ["y" data f32, "present" data f16]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %long = lpu.cast %past : !lpu.tensor<[1, P, 4], f16> -> !lpu.tensor<[1, P, 4], f32>
  %all = lpu.concat %long, %new axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f32>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, P + 1, 4], f16>
  func.return %y, %present : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, P + 1, 4], f16>
}

// -----

// A cast to whole numbers is no shorter form of a float.
// CHECK-LABEL: @kept_whole
// CHECK-NOT:     lpu.state
// CHECK:         lpu.cast %past
// CHECK-NOT:     lpu.state
// CHECK:         func.return
func.func @kept_whole(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], i8>)
    -> !lpu.tensor<[1, P + 1, 4], f32>
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data i8] -> ["present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %short = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], i8>
  %all = lpu.concat %short, %new axis 1 : !lpu.tensor<[1, P, 4], i8>, !lpu.tensor<[1, 1, 4], i8> -> !lpu.tensor<[1, P + 1, 4], i8>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], i8> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %present : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// What is new is rounded by the model, though a present holds it.
// CHECK-LABEL: @new_rounded
// CHECK-SAME:    (%new: !lpu.tensor<[1, 1, 4], f32>)
// CHECK-NEXT:    %0 = lpu.cast %new
// CHECK-NEXT:    lpu.state {{.*}} : !lpu.state<[1, 8, 4], f16>
// CHECK-NEXT:    lpu.write %cache, %0
func.func @new_rounded(%past : !lpu.tensor<[1, P, 4], f32>, %new : !lpu.tensor<[1, 1, 4], f32>)
    -> !lpu.tensor<[1, P + 1, 4], f32>
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.cast %new : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f16>
  %1 = lpu.cast %past : !lpu.tensor<[1, P, 4], f32> -> !lpu.tensor<[1, P, 4], f16>
  %all = lpu.concat %1, %0 axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %present : !lpu.tensor<[1, P + 1, 4], f32>
}

// -----

// Rounded twice, to two types, is not rounded once.
// CHECK-LABEL: @shortened_otherwise
// CHECK-SAME:    (%past: !lpu.tensor<[1, P, 4], f16>
// CHECK-NEXT:    lpu.cast %past
// CHECK-NOT:     lpu.state
// CHECK:         func.return
func.func @shortened_otherwise(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], bf16>)
    -> !lpu.tensor<[1, P + 1, 4], f32>
    attributes {lpu.interface = #lpu.interface<["past" past f32, "new" data f32] -> ["present" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.cast %past : !lpu.tensor<[1, P, 4], f16> -> !lpu.tensor<[1, P, 4], bf16>
  %all = lpu.concat %0, %new axis 1 : !lpu.tensor<[1, P, 4], bf16>, !lpu.tensor<[1, 1, 4], bf16> -> !lpu.tensor<[1, P + 1, 4], bf16>
  %present = lpu.cast %all : !lpu.tensor<[1, P + 1, 4], bf16> -> !lpu.tensor<[1, P + 1, 4], f32>
  func.return %present : !lpu.tensor<[1, P + 1, 4], f32>
}
