// RUN: xdsl-opt %s -p verify --split-input-file --verify-diagnostics | filecheck %s

// A module is for one number of devices.
// CHECK: 'lpu_esl.all_gather': it gathers from 4 devices where there are 2
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @count(%x : !lpu.tensor<[3], f32>) {
    %y = lpu_esl.all_gather %x : !lpu.tensor<[3], f32> -> !lpu.tensor<[4, 3], f32>
    func.return
  }
}
