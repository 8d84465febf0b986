// RUN: lpuc opt %s -p cse,dce --print-ir-before=cse --print-ir-filter=root --elide-elementsattrs-if-larger 4 2>&1 | filecheck %s --check-prefix=BEFORE
// RUN: lpuc opt %s --pass-pipeline='builtin.module(cse,dce)' --mlir-print-ir-after-change 2>&1 | filecheck %s --check-prefix=CHANGE

// What comes from one node is printed with what defines its operands; a comment counts the rest.
// BEFORE:      // -----// IR Dump Before CommonSubexpressionElimination (cse) //----- //
// BEFORE-NEXT: builtin.module {
// BEFORE-NEXT:   func.func @step
// BEFORE-NEXT:     // ... 1 operation
// BEFORE-NEXT:     %b = lpu.constant <inline("000080400000a040... 12 bytes more", [5], f32)>
// BEFORE-NEXT:     %c = lpu.map "sqrt" %b {{.*}} loc("root")
// BEFORE-NEXT:     // ... 2 operations
// BEFORE-NEXT:   }

// A pass that changes nothing is not printed.
// CHANGE:     // -----// IR Dump After CommonSubexpressionElimination (cse) //----- //
// CHANGE-NOT: "exp"
// CHANGE-NOT: IR Dump
func.func @step(%x : !lpu.tensor<[5], f32>) -> !lpu.tensor<[5], f32> {
  %dead = lpu.map "exp" %x : !lpu.tensor<[5], f32> -> !lpu.tensor<[5], f32>
  %b = lpu.constant <inline("000080400000a0400000c0400000e04000000041", [5], f32)> : !lpu.tensor<[5], f32>
  %c = lpu.map "sqrt" %b : !lpu.tensor<[5], f32> -> !lpu.tensor<[5], f32> loc("root")
  %d = lpu.map "neg" %c : !lpu.tensor<[5], f32> -> !lpu.tensor<[5], f32>
  func.return %d : !lpu.tensor<[5], f32>
}
