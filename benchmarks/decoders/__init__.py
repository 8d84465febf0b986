"""
Decoders with random weights, of any size, written without being held in memory.

The graphs are those that torch.onnx.export(dynamo=True) makes of these models at opset 20, with
dimensions taken from inputs, a mask gathered by computed indices, attention from its parts and
caches joined on axis 2. Equal arguments give equal files.

    python -m benchmarks.decoders gpt2 --layers 96 -o DIR/model.onnx
"""
