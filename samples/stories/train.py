"""
Train the tokenizer and the decoder on composed stories.

`python -m samples.stories.train BUILD` writes `tokenizer.json` here and the checkpoint to
`BUILD/model.pt`. Each training story is seen once: story 0, 1, 2, ... With `--resume CHECKPOINT
--first-story N` it continues from the weights of a checkpoint, with a new optimizer and schedule,
on story N, N + 1, ..., and reads `tokenizer.json` instead. The held-out losses (mean nats per
token) are of stories whose seeds are not used in training, and of combinations that training never
shows.
"""

import math
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from samples.stories.grammar import story
from samples.stories.model import BOS, BOS_ID, EOS, EOS_ID, VOCABULARY, build, load

HERE = Path(__file__).parent
TOKENIZER_STORIES = 20_000
HELD_OUT_SEEDS = range(10_000_000, 10_000_100)
WARMUP = 0.04
ROW = 288  # tokens: most stories are shorter
SAVE_EVERY = 200


def train_tokenizer() -> Tokenizer:
    """A byte-level BPE that puts the start token before each text it encodes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((story(seed) for seed in range(TOKENIZER_STORIES)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def rows(tokenizer: Tokenizer, seed: int) -> Iterator[torch.Tensor]:
    """Rows of ROW + 1 ids; each begins with a story, and the last story of it is cut off."""
    while True:
        ids: list[int] = []
        while len(ids) <= ROW:
            ids += [*tokenizer.encode(story(seed)).ids, EOS_ID]
            seed += 1
        yield torch.tensor(ids[: ROW + 1])


def loss_of(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy of each next token, in nats."""
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model: torch.nn.Module, tokenizer: Tokenizer, combinations: bool) -> float:
    """Mean loss per token over whole stories that training does not show."""
    total, count = 0.0, 0
    model.eval()
    for seed in HELD_OUT_SEEDS:
        ids = [*tokenizer.encode(story(seed, held_out=combinations)).ids, EOS_ID]
        total += loss_of(model, torch.tensor([ids])).item() * (len(ids) - 1)
        count += len(ids) - 1
    model.train()
    return total / count


def rate(progress: float, peak: float) -> float:
    """The learning rate: linear warm-up, then a cosine down to 1 % of the peak."""
    if progress < WARMUP:
        return peak * progress / WARMUP + 1e-6
    phase = min(1.0, (progress - WARMUP) / (1 - WARMUP))
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * phase)))


def optimizer_of(model: torch.nn.Module) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    others = [weight for weight in model.parameters() if weight.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)


def train(
    model: torch.nn.Module, stream: Iterator[torch.Tensor], checkpoint: Path, options: Namespace
) -> None:
    """Train for `steps`; the schedule ends earlier if `minutes` would not suffice."""
    model.train()
    optimizer = optimizer_of(model)
    start, step, progress = time.monotonic(), 0, 0.0
    while progress < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate(progress, options.rate)
        loss = loss_of(model, torch.stack([next(stream) for _ in range(options.batch)]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        elapsed = (time.monotonic() - start) / 60
        progress = max(step / options.steps, elapsed / options.minutes)
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}, {elapsed:.1f} min", flush=True)
        if step % SAVE_EVERY == 0 or progress >= 1:
            torch.save(model.state_dict(), checkpoint)


def main() -> None:
    """Train both, and print the held-out losses."""
    parser = ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("build", type=Path, help="folder of the checkpoint")
    parser.add_argument("--resume", type=Path, help="checkpoint to start from")
    parser.add_argument("--first-story", type=int, default=0, help="number of the first story")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--batch", type=int, default=4, help="rows of one step")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak of the learning rate")
    parser.add_argument("--minutes", type=float, default=30, help="upper limit")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    options.build.mkdir(parents=True, exist_ok=True)
    if options.resume:
        tokenizer, model = Tokenizer.from_file(str(HERE / "tokenizer.json")), load(options.resume)
    else:
        tokenizer, model = train_tokenizer(), build()
        tokenizer.save(str(HERE / "tokenizer.json"))
    stream = rows(tokenizer, options.first_story)
    train(model, stream, options.build / "model.pt", options)
    print(f"parameters: {sum(weight.numel() for weight in model.parameters())}")
    print(f"held-out stories: {held_out_loss(model, tokenizer, False):.4f} nats per token")
    print(f"held-out combinations: {held_out_loss(model, tokenizer, True):.4f} nats per token")


if __name__ == "__main__":
    main()
