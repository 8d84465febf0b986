// RUN: xdsl-opt %s | xdsl-opt | filecheck %s

// Fused operations print as they are read: optional operands, and floats to the last bit.
// CHECK-LABEL: @fused
func.func @fused(%x : !lpu.tensor<[2, 8], f16>, %w : !lpu.tensor<[8], f32>, %c : !lpu.tensor<[2, 4], f32>,
                 %q : !lpu.tensor<[1, 4, 3, 8], f32>, %k : !lpu.tensor<[1, 2, P + 3, 8], bf16>, %v : !lpu.tensor<[1, 2, P + 3, 6], bf16>,
                 %b : !lpu.tensor<[1, 1, 3, P + 3], f32>, %m : !lpu.tensor<[P + 3], bool>) {
// CHECK-NEXT: lpu.softmax %x empty "zero" : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f32>
  %0 = lpu.softmax %x empty "zero" : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f32>
// CHECK-NEXT: lpu.norm "rms" %x epsilon 1.000000e-06 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  %1 = lpu.norm "rms" %x epsilon 1.0e-6 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT: lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f32> epsilon 0.333333343 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
  %2 = lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f32> epsilon 0.333333343 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT: lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f32> bias %w : !lpu.tensor<[8], f32> epsilon
  %3 = lpu.norm "layer" %x weight %w : !lpu.tensor<[8], f32> bias %w : !lpu.tensor<[8], f32> epsilon 1.0 : !lpu.tensor<[2, 8], f16> -> !lpu.tensor<[2, 8], f16>
// CHECK-NEXT: lpu.rotary %x, %c, %c : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
  %4 = lpu.rotary %x, %c, %c : !lpu.tensor<[2, 8], f16>, !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 8], f32>
// CHECK-NEXT: lpu.attention %q, %k, %v scale 1.000000e+00 softcap 0.000000e+00 empty "nan" : !lpu.tensor<[1, 4, 3, 8], f32>, !lpu.tensor<[1, 2, P + 3, 8], bf16>, !lpu.tensor<[1, 2, P + 3, 6], bf16> -> !lpu.tensor<[1, 4, 3, 6], f32>
  %5 = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 3, 8], f32>, !lpu.tensor<[1, 2, P + 3, 8], bf16>, !lpu.tensor<[1, 2, P + 3, 6], bf16> -> !lpu.tensor<[1, 4, 3, 6], f32>
// CHECK-NEXT: lpu.attention %q, %k, %v biases %b, %b : !lpu.tensor<[1, 1, 3, P + 3], f32>, !lpu.tensor<[1, 1, 3, P + 3], f32> keeps %m : !lpu.tensor<[P + 3], bool> scale 1.000000e+00 softcap 3.000000e+01 empty "zero"
  %6 = lpu.attention %q, %k, %v biases %b, %b : !lpu.tensor<[1, 1, 3, P + 3], f32>, !lpu.tensor<[1, 1, 3, P + 3], f32> keeps %m : !lpu.tensor<[P + 3], bool> scale 1.0 softcap 30.0 empty "zero" : !lpu.tensor<[1, 4, 3, 8], f32>, !lpu.tensor<[1, 2, P + 3, 8], bf16>, !lpu.tensor<[1, 2, P + 3, 6], bf16> -> !lpu.tensor<[1, 4, 3, 6], f32>
  func.return
}
