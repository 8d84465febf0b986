// RUN: xdsl-opt %s -p onnx-bind-roles --split-input-file --verify-diagnostics | filecheck %s

// In a decoder with a cache, batch and sequence are 1 and the cache has P entries; the mask covers
// cache and sequence, whatever its symbol is called.
// CHECK-LABEL: @decoder
// CHECK-SAME:    %ids: !lpu.tensor<[1, 1], i64>, %mask: !lpu.tensor<[1, P + 1], i64>
// CHECK-SAME:    %pos: !lpu.tensor<[1, 1], i64>, %key: !lpu.tensor<[1, 4, P, 16], f32>
// CHECK-SAME:    <["input_ids" ids i64, "attention_mask" mask i64, "position_ids" positions i64, "past_key_values.0.key" past f32] -> []>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 2047]>
func.func @decoder(%ids : !lpu.tensor<[batch, seq], i64>, %mask : !lpu.tensor<[batch, n], i64>, %pos : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[c, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "position_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
  func.return
}

// -----

// The options set the largest context and fix dimensions by their names; P leaves room for the
// new tokens.
builtin.module attributes {lpu.options = {max_context = 32 : i64, shape = {batch = 2 : i64, seq = 4 : i64}}} {
  // CHECK-LABEL: @options
  // CHECK-SAME:    %ids: !lpu.tensor<[2, 4], i64>, %key: !lpu.tensor<[2, 4, P, 16], f32>
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 28]>
  func.func @options(%ids : !lpu.tensor<[batch, seq], i64>, %key : !lpu.tensor<[batch, 4, past, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
    func.return
  }
}

// -----

// A dimension is also found under its ONNX name, when that is no identifier.
builtin.module attributes {lpu.options = {shape = {"past length" = 8 : i64}}} {
  // CHECK-LABEL: @original_name
  // CHECK-SAME:    %mask: !lpu.tensor<[1, 9], i64>, %key: !lpu.tensor<[1, 4, 8, 16], f32>
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[]>
  func.func @original_name(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, t], i64>, %key : !lpu.tensor<[b, 4, past_length, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past_key_values.0.key" data f32] -> []>, lpu.dim_params = {past_length = "past length"}} {
    func.return
  }
}

// -----

// And under the name of its role.
builtin.module attributes {lpu.options = {shape = {sequence = 3 : i64, past = 5 : i64}}} {
  // CHECK-LABEL: @role_name
  // CHECK-SAME:    %ids: !lpu.tensor<[1, 3], i64>, %key: !lpu.tensor<[1, 4, 5, 16], f32>
  func.func @role_name(%ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, p, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
    func.return
  }
}

// -----

// Extents that are numbers stay, and bind what depends on them: no symbol is left.
// CHECK-LABEL: @static
// CHECK-SAME:    %ids: !lpu.tensor<[3, 2], i64>, %mask: !lpu.tensor<[3, 9], i64>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[]>
func.func @static(%ids : !lpu.tensor<[3, 2], i64>, %mask : !lpu.tensor<[b, t], i64>, %key : !lpu.tensor<[3, 4, 7, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past_key_values.0.key" data f32] -> []>} {
  func.return
}

// -----

// Without a cache there is no P.
// CHECK-LABEL: @no_cache
// CHECK-SAME:    %mask: !lpu.tensor<[1, 1], i64>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[]>
func.func @no_cache(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, t], i64>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64] -> []>} {
  func.return
}

// -----

// A name alone makes no role: rank and element type must fit.
// CHECK-LABEL: @misnamed
// CHECK-SAME:    <["attention_mask" data i64, "past_length" data i64] -> []>
func.func @misnamed(%mask : !lpu.tensor<[1, 1, 1, 8], i64>, %past : !lpu.tensor<[1, 4, 8, 16], i64>)
    attributes {lpu.interface = #lpu.interface<["attention_mask" data i64, "past_length" data i64] -> []>} {
  func.return
}

// -----

// Roles that the function names already are kept.
// CHECK-LABEL: @given_roles
// CHECK-SAME:    %x: !lpu.tensor<[1, 1], i64>
// CHECK-SAME:    <["x" ids i64] -> []>
func.func @given_roles(%x : !lpu.tensor<[b, s], i64>) attributes {lpu.interface = #lpu.interface<["x" ids i64] -> []>} {
  func.return
}

// -----

// Outside of any role, a leading axis is 1 and others are given.
builtin.module attributes {lpu.options = {shape = {width = 6 : i64}}} {
  // CHECK-LABEL: @data
  // CHECK-SAME:    %x: !lpu.tensor<[1, 6], f32>
  func.func @data(%x : !lpu.tensor<[n, width], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> []>} {
    func.return
  }
}

// -----

// Extents without a name are bound by role too.
// CHECK-LABEL: @unnamed
// CHECK-SAME:    %ids: !lpu.tensor<[1, 1], i64>, %key: !lpu.tensor<[1, 4, P, 16], f32>
func.func @unnamed(%ids : !lpu.tensor<[?, ?], i64>, %key : !lpu.tensor<[?, 4, ?, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
  func.return
}

// -----

// What an encoder has read has a length E of its own, in its states, their mask, keys and values.
// CHECK-LABEL: @encoder
// CHECK-SAME:    %states: !lpu.tensor<[1, E, 8], f32>, %seen: !lpu.tensor<[1, E], i64>, %cross: !lpu.tensor<[1, 4, E, 16], f32>
// CHECK-SAME:    %ids: !lpu.tensor<[1, 1], i64>, %mask: !lpu.tensor<[1, P + 1], i64>, %key: !lpu.tensor<[1, 4, P, 16], f32>
// CHECK-SAME:    <["encoder_hidden_states" data f32, "encoder_attention_mask" data i64, "past_key_values.0.encoder.key" data f32, "input_ids" ids i64, "decoder_attention_mask" mask i64, "past_key_values.0.decoder.key" past f32] -> []>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 2047, E in 1 to 2048]>
func.func @encoder(%states : !lpu.tensor<[b, e, 8], f32>, %seen : !lpu.tensor<[b, f], i64>, %cross : !lpu.tensor<[b, 4, g, 16], f32>, %ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, n], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["encoder_hidden_states" data f32, "encoder_attention_mask" data i64, "past_key_values.0.encoder.key" data f32, "input_ids" data i64, "decoder_attention_mask" data i64, "past_key_values.0.decoder.key" data f32] -> []>} {
  func.return
}

// -----

// A short context, of the user's or of the model's, is that of the tokens alone; a longer one is both's.
builtin.module attributes {lpu.options = {max_context = 32 : i64}} {
  // CHECK-LABEL: @short_context
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 31, E in 1 to 2048]>
  func.func @short_context(%states : !lpu.tensor<[b, e, 8], f32>, %ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["encoder_hidden_states" data f32, "input_ids" data i64, "past_key" data f32] -> []>} {
    func.return
  }
}

// -----

builtin.module attributes {lpu.options = {max_context = 4096 : i64}} {
  // CHECK-LABEL: @long_context
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 4095, E in 1 to 4096]>
  func.func @long_context(%states : !lpu.tensor<[b, e, 8], f32>, %ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["encoder_hidden_states" data f32, "input_ids" data i64, "past_key" data f32] -> []>} {
    func.return
  }
}

// -----

// It can be given under any of its names.
builtin.module attributes {lpu.options = {shape = {f = 7 : i64}}} {
  // CHECK-LABEL: @encoder_length
  // CHECK-SAME:    %states: !lpu.tensor<[1, 7, 8], f32>, %seen: !lpu.tensor<[1, 7], i64>
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[]>
  func.func @encoder_length(%states : !lpu.tensor<[b, e, 8], f32>, %seen : !lpu.tensor<[b, f], i64>, %ids : !lpu.tensor<[b, s], i64>)
      attributes {lpu.interface = #lpu.interface<["encoder_hidden_states" data f32, "encoder_attention_mask" data i64, "input_ids" data i64] -> []>} {
    func.return
  }
}

// -----

// A length that is a number leaves no symbol, and what a user calls a mask is one of the tokens.
builtin.module attributes {lpu.options = {input_role = {encoder_attention_mask = "mask"}}} {
  // CHECK-LABEL: @fixed_encoder
  // CHECK-SAME:    %cross: !lpu.tensor<[1, 4, 30, 16], f32>, %mask: !lpu.tensor<[1, P + 1], i64>
  // CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 2047]>
  func.func @fixed_encoder(%cross : !lpu.tensor<[b, 4, 30, 16], f32>, %mask : !lpu.tensor<[b, n], i64>, %ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["past_key_cross_0" data f32, "encoder_attention_mask" data i64, "input_ids" data i64, "past_key_self_0" data f32] -> []>} {
    func.return
  }
}

// -----

// An error: what an encoder makes has other extents that are free.
// CHECK: dimension 'w' of input 'encoder_hidden_states' is neither bound nor given; fix it with --shape w=N
func.func @width_of_states(%states : !lpu.tensor<[b, e, w], f32>, %ids : !lpu.tensor<[b, s], i64>)
    attributes {lpu.interface = #lpu.interface<["encoder_hidden_states" data f32, "input_ids" data i64] -> []>} {
  func.return
}

// -----

// Positions may be a line without a batch, which is as long as the tokens; of three axes they are data.
builtin.module attributes {lpu.options = {shape = {s = 3 : i64}}} {
  // CHECK-LABEL: @line_of_positions
  // CHECK-SAME:    %where: !lpu.tensor<[3], i64>, %three: !lpu.tensor<[3, 1, 3], i64>
  // CHECK-SAME:    "cache_position" positions i64, "position_ids" data i64
  func.func @line_of_positions(%ids : !lpu.tensor<[b, s], i64>, %where : !lpu.tensor<[n], i64>, %three : !lpu.tensor<[3, b, s], i64>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "cache_position" data i64, "position_ids" data i64] -> []>} {
    func.return
  }
}

// -----

// An error: an input without a rank.
// CHECK: input 'x' has no shape, not even a rank
func.func @no_rank(%x : !lpu.tensor<*, f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> []>} {
  func.return
}

// -----

// An error: an inner axis that is neither bound by a role nor given.
// CHECK: dimension 'width' of input 'x' is neither bound nor given; fix it with --shape width=N
func.func @free(%x : !lpu.tensor<[n, w], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> []>, lpu.dim_params = {w = "width"}} {
  func.return
}

// -----

// An error: a name that no dimension has.
// CHECK: --shape wide: the model has no such dimension; it has n, width
builtin.module attributes {lpu.options = {shape = {wide = 6 : i64}}} {
  func.func @unknown_name(%x : !lpu.tensor<[n, width], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32] -> []>} {
    func.return
  }
}

// -----

// An error names all that is neither bound nor given.
// CHECK: dimension 'w' of input 'x' is neither bound nor given; fix it with --shape w=N --shape h=N
func.func @free_twice(%x : !lpu.tensor<[n, w], f32>, %y : !lpu.tensor<[n, h, w], f32>) attributes {lpu.interface = #lpu.interface<["x" data f32, "y" data f32] -> []>} {
  func.return
}

// -----

// A dimension that follows from others may be given as what it is.
builtin.module attributes {lpu.options = {shape = {past = 4 : i64, total = 5 : i64}}} {
  // CHECK-LABEL: @follows
  // CHECK-SAME:    %mask: !lpu.tensor<[1, 5], i64>
  func.func @follows(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, total], i64>, %key : !lpu.tensor<[b, 4, p, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past_key_values.0.key" data f32] -> []>} {
    func.return
  }
}

// -----

// An error: a dimension that follows from others, given as something else.
// CHECK: --shape total=5: this dimension is P + 1; it follows from the cache and the new tokens, which --shape can fix
builtin.module attributes {lpu.options = {shape = {total = 5 : i64}}} {
  func.func @bound(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, total], i64>, %key : !lpu.tensor<[b, 4, p, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past_key_values.0.key" data f32] -> []>} {
    func.return
  }
}

// -----

// An error: a dimension that the model fixes itself.
// CHECK: --shape seq=4: this dimension is 2; leave it out
builtin.module attributes {lpu.options = {shape = {seq = 4 : i64}}} {
  func.func @fixed(%ids : !lpu.tensor<[b, 2], i64>) attributes {lpu.interface = #lpu.interface<["input_ids" data i64] -> []>} {
    func.return
  }
}

// -----

// An error: the dimension of a role that no input of the model has.
// CHECK: --shape past=5: the model has no such dimension
builtin.module attributes {lpu.options = {shape = {past = 5 : i64}}} {
  func.func @no_cache(%ids : !lpu.tensor<[b, s], i64>) attributes {lpu.interface = #lpu.interface<["input_ids" data i64] -> []>} {
    func.return
  }
}

// -----

// An error: no room for the cache.
// CHECK: --max-context 3 is shorter than the new tokens alone
builtin.module attributes {lpu.options = {max_context = 3 : i64, shape = {seq = 4 : i64}}} {
  func.func @no_room(%ids : !lpu.tensor<[b, seq], i64>, %key : !lpu.tensor<[b, 4, p, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
    func.return
  }
}

// -----

// The context is no longer than the table that positions look up.
// CHECK-LABEL: @own_limit
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 127]>
func.func @own_limit(%ids : !lpu.tensor<[b, s], i64>, %pos : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "position_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
  %t = onnx.Initializer <file("w", 0, [128, 32], f32)> : !lpu.tensor<[128, 32], f32>
  %e = onnx.Gather(%t, %pos) {since_version = 13 : i64} : (!lpu.tensor<[128, 32], f32>, !lpu.tensor<[b, s], i64>) -> !lpu.tensor<*, f32>
  func.return
}

// -----

// A table that token ids look up limits nothing.
// CHECK-LABEL: @vocabulary
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 2047]>
func.func @vocabulary(%ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
  %t = onnx.Initializer <file("w", 0, [128, 32], f32)> : !lpu.tensor<[128, 32], f32>
  %e = onnx.Gather(%t, %ids) {since_version = 13 : i64} : (!lpu.tensor<[128, 32], f32>, !lpu.tensor<[b, s], i64>) -> !lpu.tensor<*, f32>
  func.return
}

// -----

// An error: a context that the positions of the model do not cover.
builtin.module attributes {lpu.options = {max_context = 200 : i64}} {
  // CHECK: --max-context 200 is more than the 128 positions of the model
  func.func @too_long(%ids : !lpu.tensor<[b, s], i64>, %pos : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, 4, past, 16], f32>)
      attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "position_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
    %t = onnx.Initializer <file("w", 0, [128, 32], f32)> : !lpu.tensor<[128, 32], f32>
    %e = onnx.Gather(%t, %pos) {since_version = 13 : i64} : (!lpu.tensor<[128, 32], f32>, !lpu.tensor<[b, s], i64>) -> !lpu.tensor<*, f32>
    func.return
  }
}

// -----

// Embeddings in place of ids say what batch and sequence are.
// CHECK-LABEL: @embeddings
// CHECK-SAME:    %x: !lpu.tensor<[1, 1, 8], f32>, %mask: !lpu.tensor<[1, P + 1], i64>, %key: !lpu.tensor<[1, 2, P, 4], f32>
func.func @embeddings(%x : !lpu.tensor<[b, s, 8], f32>, %mask : !lpu.tensor<[b, total], i64>, %key : !lpu.tensor<[b, 2, past, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["inputs_embeds" data f32, "attention_mask" data i64, "past_key_values.0.key" data f32] -> []>} {
  func.return
}

// -----

// Tokens are counted along the only free axis of a cache.
// CHECK-LABEL: @tokens_first
// CHECK-SAME:    %key: !lpu.tensor<[1, P, 2, 4], f32>, %value: !lpu.tensor<[1, 2, 4, P], f32>
func.func @tokens_first(%ids : !lpu.tensor<[b, s], i64>, %key : !lpu.tensor<[b, past, 2, 4], f32>, %value : !lpu.tensor<[b, 2, 4, past], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "past_key_values.0.key" data f32, "past_key_values.0.value" data f32] -> []>} {
  func.return
}

// -----

// Two caches with two symbols keep two; the mask covers the first.
// CHECK-LABEL: @two_lengths
// CHECK-SAME:    %mask: !lpu.tensor<[1, P + 1], i64>, %full: !lpu.tensor<[1, 2, P, 4], f32>, %window: !lpu.tensor<[1, 2, P1, 4], f32>
// CHECK-SAME:    lpu.symbols = #lpu.symbols<[P in 0 to 2047, P1 in 0 to 2047]>
func.func @two_lengths(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, n], i64>, %full : !lpu.tensor<[b, 2, past, 4], f32>, %window : !lpu.tensor<[b, 2, past_window, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data i64, "past_key_values.0.key" data f32, "past_key_values.1.key" data f32] -> []>} {
  func.return
}

// -----

// A mask of rank 4 has a row for each new token, and no role: its heads may not be known.
// CHECK-LABEL: @mask_by_head
// CHECK-SAME:    %mask: !lpu.tensor<[1, 1, 1, P + 1], bool>
func.func @mask_by_head(%ids : !lpu.tensor<[b, s], i64>, %mask : !lpu.tensor<[b, 1, s2, n], bool>, %key : !lpu.tensor<[b, 2, past, 4], f32>)
    attributes {lpu.interface = #lpu.interface<["input_ids" data i64, "attention_mask" data bool, "past_key_values.0.key" data f32] -> []>} {
  func.return
}

// -----

// What the names of inputs do not tell, the options do; what they tell wrongly, too.
// CHECK-LABEL: @told
// CHECK-SAME:    %0: !lpu.tensor<[1, 1], i64>, %1: !lpu.tensor<[1, P + 1], i64>, %2: !lpu.tensor<[1, 2, P, 4], f32>, %3: !lpu.tensor<[1, 3], i64>
// CHECK-SAME:    <["tokens" ids i64, "seen" mask i64, "k" past f32, "position_ids" data i64] -> []>
builtin.module attributes {lpu.options = {input_role = {tokens = "ids", seen = "mask", k = "past", position_ids = "data"}, shape = {odd = 3 : i64}}} {
  func.func @told(%0 : !lpu.tensor<[b, s], i64>, %1 : !lpu.tensor<[b, t], i64>, %2 : !lpu.tensor<[b, 2, p, 4], f32>, %3 : !lpu.tensor<[n, odd], i64>)
      attributes {lpu.interface = #lpu.interface<["tokens" data i64, "seen" data i64, "k" data f32, "position_ids" data i64] -> []>} {
    func.return
  }
}

// -----

// An error: the role of an input that there is not.
// CHECK: --input-role token: no such input; did you mean tokens?
builtin.module attributes {lpu.options = {input_role = {token = "ids"}}} {
  func.func @no_such_input(%0 : !lpu.tensor<[b, s], i64>)
      attributes {lpu.interface = #lpu.interface<["tokens" data i64] -> []>} {
    func.return
  }
}

// -----

// An error: a cache of two dimensions.
// CHECK: --input-role tokens=past: input 'tokens' is not of floats of 4 to 6 dimensions
builtin.module attributes {lpu.options = {input_role = {tokens = "past"}}} {
  func.func @flat_cache(%0 : !lpu.tensor<[b, s], i64>)
      attributes {lpu.interface = #lpu.interface<["tokens" data i64] -> []>} {
    func.return
  }
}

// -----

// Ids under another name are no positions: the table that they look up bounds no context.
// CHECK-LABEL: @told_ids
// CHECK:         lpu.symbols = #lpu.symbols<[P in 0 to 2047]>
builtin.module attributes {lpu.options = {input_role = {tokens = "ids"}}} {
  func.func @told_ids(%0 : !lpu.tensor<[b, s], i64>, %1 : !lpu.tensor<[b, 2, p, 4], f32>)
      attributes {lpu.interface = #lpu.interface<["tokens" data i64, "past.k" data f32] -> []>} {
    %t = onnx.Initializer <inline("0000803f000080bf", [2, 1], f32)> : !lpu.tensor<[2, 1], f32>
    %x = onnx.Gather(%t, %0) {since_version = 13 : i64} : (!lpu.tensor<[2, 1], f32>, !lpu.tensor<[b, s], i64>) -> !lpu.tensor<*, f32>
    func.return
  }
}

// -----

// Two dimensions of integers look like token ids, where none are named.
// CHECK: dimension 's' of input 'idx' is neither bound nor given; are 'idx' token ids? --input-role idx=ids; or fix it with --shape s=N
func.func @ids_of_another_name(%x : !lpu.tensor<[b, s], i64>) -> !lpu.tensor<[b, s], i64>
    attributes {lpu.interface = #lpu.interface<["idx" data i64] -> ["y" data i64]>} {
  func.return %x : !lpu.tensor<[b, s], i64>
}
