// RUN: xdsl-opt %s -p lpu-raise-softmax,dce --split-input-file | filecheck %s
// RUN: xdsl-opt %s -p lpu-raise-softmax,dce --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Maximum, difference, power, sum and quotient; the NaN of an empty row stays.
// CHECK-LABEL: @plain
// CHECK-NEXT:    %y = lpu.softmax %x empty "nan"
// CHECK-NEXT:    func.return %y
// LOC-LABEL: @plain
// LOC-NEXT:      lpu.softmax {{.*}} loc("softmax")
func.func @plain(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32> loc("softmax")
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32> loc("softmax")
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32> loc("softmax")
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32> loc("softmax")
  %y = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32> loc("softmax")
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Where(IsNaN(y), 0, y) behind it gives rows of NaN zeros, below a cast as well; casts are taken in.
// CHECK-LABEL: @guarded
// CHECK-NEXT:    %y = lpu.softmax %h empty "guarded" : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT:    func.return %y
func.func @guarded(%h : !lpu.tensor<[2, 8], f16>) -> !lpu.tensor<[2, 8], f16> {
  %zero = lpu.fill "0000" : !lpu.tensor<[], f16>
  %x = lpu.cast %h : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.cast %4 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f16>
  %6 = lpu.map "isnan" %5 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], bool>
  %y = lpu.select %6, %zero, %5 : !lpu.tensor<[2, 8], bool>, !lpu.tensor<[], f16>, !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  func.return %y : !lpu.tensor<[2, 8], f16>
}

// -----

// So do a maximum of 0 and a sum of 1 where the maximum is -inf.
// CHECK-LABEL: @selected
// CHECK-NEXT:    %y = lpu.softmax %x empty "zero"
// CHECK-NEXT:    func.return %y
func.func @selected(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %least = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %zero = lpu.fill "00000000" : !lpu.tensor<[], f32>
  %one = lpu.fill "0000803f" : !lpu.tensor<[], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %e = lpu.map "eq" %0, %least : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], bool>
  %p = lpu.select %e, %zero, %0 : !lpu.tensor<[2, 1], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %p : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %t = lpu.select %e, %one, %3 : !lpu.tensor<[2, 1], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %t : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Another axis than the last stays as it is.
// CHECK-LABEL: @axis
// CHECK-NEXT:    lpu.reduce "max"
func.func @axis(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.reduce "max" %x over <[0]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[0]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %y = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// A sum of something else makes no softmax.
// CHECK-LABEL: @other_sum
// CHECK-NEXT:    lpu.reduce "max"
func.func @other_sum(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Nor does one whose powers are read elsewhere.
// CHECK-LABEL: @shared
// CHECK-NEXT:    lpu.reduce "max"
func.func @shared(%x : !lpu.tensor<[2, 8], f32>) -> (!lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>) {
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y, %2 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>
}

// -----

// A guard that puts something else than 0 stays behind the softmax.
// CHECK-LABEL: @other_guard
// CHECK:         lpu.softmax %x empty "nan"
// CHECK:         lpu.select
func.func @other_guard(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %small = lpu.fill "01000000" : !lpu.tensor<[], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.map "isnan" %4 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], bool>
  %y = lpu.select %5, %small, %4 : !lpu.tensor<[2, 8], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}

// -----

// Zeros with more axes than the softmax make a wider result.
// CHECK-LABEL: @widened
// CHECK-NOT:     lpu.softmax
// CHECK:         func.return
func.func @widened(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[3, 2, 8], f32> {
  %zero = lpu.fill "00000000" : !lpu.tensor<[3, 1, 1], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.map "isnan" %4 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], bool>
  %y = lpu.select %5, %zero, %4 : !lpu.tensor<[2, 8], bool>, !lpu.tensor<[3, 1, 1], f32>, !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[3, 2, 8], f32>
  func.return %y : !lpu.tensor<[3, 2, 8], f32>
}

// -----

// In f16 each step is rounded, which a softmax would not do.
// CHECK-LABEL: @rounded
// CHECK-NEXT:    lpu.reduce "max"
func.func @rounded(%x : !lpu.tensor<[2, 8], f16>) -> !lpu.tensor<[2, 8], f16> {
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 1], f16>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 1], f16> -> !lpu.tensor<[2, 8], f16>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 1], f16>
  %4 = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 1], f16> -> !lpu.tensor<[2, 8], f16>
  func.return %4 : !lpu.tensor<[2, 8], f16>
}

// -----

// A sum that is replaced by the number beside 1 is that of no empty row.
// CHECK-LABEL: @beside_one
// CHECK-NEXT:    {{.*}}lpu.fill
// CHECK-NOT:     lpu.softmax
// CHECK:         func.return
func.func @beside_one(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %least = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %zero = lpu.fill "00000000" : !lpu.tensor<[], f32>
  %one = lpu.fill "0100803f" : !lpu.tensor<[], f32>
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %e = lpu.map "eq" %0, %least : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32> -> !lpu.tensor<[2, 1], bool>
  %p = lpu.select %e, %zero, %0 : !lpu.tensor<[2, 1], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %p : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %t = lpu.select %e, %one, %3 : !lpu.tensor<[2, 1], bool>, !lpu.tensor<[], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %t : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
