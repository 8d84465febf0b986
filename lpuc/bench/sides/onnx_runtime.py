"""The side of ONNX Runtime: the model's file, all optimisations, the cache kept in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lpuc.bench.sides.memory import peak_bytes
from lpuc.bench.sides.questions import Token, Watch
from runtime.generation.decoder import Decoder
from runtime.program.interface import Port
from runtime.program.interface_json import from_json

PROVIDERS = ("CPUExecutionProvider",)
ENTRIES = {"session.force_spinning_stop": "1"}
"""Threads that have nothing to do leave the processors to the other side."""


class OnnxRuntime:
    """
    A session of the model, whose ports are those of the program that was compiled of it.

    A prompt is one call where the file takes any number of tokens.

    Tensors are bound, so that none is copied between calls: what a call gives as cache is what the
    next one takes. Timed is the call alone.
    """

    def __init__(self, model: str, interface: dict[str, Any], threads: int) -> None:
        self._runtime: Any = import_module("onnxruntime")
        self._decoder = Decoder.of(from_json(interface))
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = self._runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = self._runtime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        for name, value in ENTRIES.items():
            options.add_session_config_entry(name, value)
        self._options = options
        self._session = self._runtime.InferenceSession(model, options, list(PROVIDERS))
        self._names: list[str] = [output.name for output in self._session.get_outputs()]
        shapes = {port.name: port.shape for port in self._session.get_inputs()}
        extent = shapes[self._decoder.ids.name][-1]
        self._width: int | None = extent if isinstance(extent, int) else None
        self._cache: Mapping[str, Any] = {}
        self._text: list[int] = []
        self._fed = 0

    def about(self) -> dict[str, Any]:
        """Version and options, as the session has them."""
        options = self._options
        return {
            "version": self._runtime.__version__,
            "providers": self._session.get_providers(),
            "intra_op_num_threads": options.intra_op_num_threads,
            "inter_op_num_threads": options.inter_op_num_threads,
            "graph_optimization_level": options.graph_optimization_level.name,
            "execution_mode": options.execution_mode.name,
            **ENTRIES,
        }

    def logits(self, tokens: Sequence[int]) -> list[float]:
        """Those behind a text."""
        self._begin(tokens)
        return self._last_row(Watch()).astype(float).tolist()

    def prompt(self, tokens: Sequence[int], more: int) -> Token:
        """Begin a text anew: its first token; `more` will be asked for behind it."""
        del more
        self._begin(tokens)
        return self.step()

    def step(self) -> Token:
        """The next token."""
        watch = Watch()
        token = int(np.argmax(self._last_row(watch)))
        self._text.append(token)
        return watch.token(token)

    def peak(self) -> int:
        """The most memory that the process has had, in bytes."""
        return peak_bytes()

    def _begin(self, tokens: Sequence[int]) -> None:
        symbol = self._decoder.past_symbol
        empty = {} if symbol is None else {symbol: 0}
        self._cache = {
            port.name: self._value(np.zeros(port.extents(empty), port.dtype.dtype))
            for port in self._decoder.past
        }
        self._text, self._fed = list(tokens), 0

    def _last_row(self, watch: Watch) -> np.ndarray[Any, Any]:
        """Feed what is not fed yet; the logits behind it."""
        decoder = self._decoder
        width = self._width or len(self._text)
        logits: Any = None
        while self._fed < len(self._text):
            first = self._fed if decoder.past else 0
            logits = self._call(self._text[first : first + width], first, watch)
            self._fed = first + min(width, len(self._text) - first)
        return logits.numpy().reshape(-1, decoder.vocabulary)[-1]

    def _call(self, ids: Sequence[int], past: int, watch: Watch) -> Any:
        """One call behind `past` tokens; its logits, and the cache for the next one."""
        decoder, binding = self._decoder, self._session.io_binding()
        held = {
            port.name: self._value(_filled(port, ids, past))
            for port in decoder.interface.inputs
            if port not in decoder.past
        }
        for name, value in {**held, **self._cache}.items():
            binding.bind_ortvalue_input(name, value)
        for name in self._names:
            binding.bind_output(name, "cpu")
        watch.time(lambda: self._session.run_with_iobinding(binding))
        given = dict(zip(self._names, binding.get_outputs(), strict=True))
        pairs = zip(decoder.past, decoder.present, strict=True)
        self._cache = {past.name: given[present.name] for past, present in pairs}
        return given[decoder.logits.name]

    def _value(self, array: np.ndarray[Any, Any]) -> Any:
        return self._runtime.OrtValue.ortvalue_from_numpy(array)


def _filled(port: Port, ids: Sequence[int], past: int) -> np.ndarray[Any, Any]:
    """
    An input for tokens behind `past` others, as the file has it.

    The program may take one token at a time where the file takes any number.
    """
    dtype, before = port.dtype.dtype, (1,) * (len(port.shape) - 1)
    if port.role == "mask":
        return np.ones((*before, past + len(ids)), dtype)
    numbers = ids if port.role == "ids" else range(past, past + len(ids))
    return np.array(numbers, dtype).reshape(*before, -1)
