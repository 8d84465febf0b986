"""In which order memory is touched: one definition for compiler, interpreter, checks and timing.

**Queues.** `stream` goes to the queue of streams; `load`, `store`, `gather` and `scatter` go to the
queue of transfers. Each holds `queue_depth` instructions that wait, is served in order, and a full
one holds the control processor. An instruction leaves its queue when its engine takes it up, one at
a time. The queues of the matrix and the vector engine are like that, too.

**Ranges.** In HBM a stream or a transfer touches one range of bytes: the hull of its view; of a
gather or scatter the hull of all rows that an index may choose, the whole buffer. Two ranges meet
when they share a byte, and are ordered where one of the two is written:

    a stream waits until earlier writes of its bytes are acknowledged
    a transfer waits for such writes, too, and until earlier streams that read what it writes have
    requested their last byte

**The FIFO** holds `fifo_bytes` bytes and any number of panels. A panel is requested in bursts of
all channels. Each burst reserves its bytes when it is requested and gives them back when the
product has used them up, so that a panel may be larger than the FIFO. Panels are filled one after
the other, whether or not the panel before is drained; a product takes the oldest. A panel counts
the bytes that pass the channels: what an axis of stride 0 repeats counts once.

**The channels** serve transfers first: a transfer never waits for a stream. The time that it takes
is owed from its issue on and paid, oldest first, by time in which no burst of a stream is served; a
stream begins only when all transfers before it in the program are paid. What requests take that
follow each other is found in the order of the program (`runtime.timing.hbm.borders`). So the
shares of the channels follow the program and not the moment: the bytes of a run take what they take
together, nothing is served earlier because something else is late, and no instruction is slowed by
one behind it.

**Links.** To each side a device has an engine that sends and one that receives, each with a queue;
their operands lie in the LMU. A receive waits for what a neighbour sends, a send for room that the
neighbour makes when it receives. All devices execute one program, in which that stands before what
waits for it (`runtime.ring.checks` proves it), so that this is a wait for something earlier, too.

**What blocks for ever.** Every wait is for something earlier in the program, with one exception:
bursts wait for room that products behind their stream make. A program is invalid where that leads
round in a circle: a product, a transfer or the control processor would wait for a panel that waits
for a product behind them. That is so

    where a stream finds its queue full of panels that only later products can drain,
    where a transfer writes what a panel in flight reads that does not fit into the FIFO,
    where a product finds no panel that is pushed before it.

So a valid program also runs in program order, each instruction ending before the next begins, with
FIFO and queue as the only memory in between: this is what the interpreter does. `panels` has these
rules for panels in flight (pushed and not drained), `ranges` those for bytes, `deadlock` refuses
at load what breaks them.
"""
