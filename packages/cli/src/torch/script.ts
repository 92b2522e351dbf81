/**
 * `train.py` of a run with engine=torch: DistributedDataParallel over the batches that Faltung's own engine would make,
 * with checkpoints in the form that `resume=` reads. Beside it lie model.py, pictures.py, config.json and data/.
 * https://pytorch.org/docs/stable/elastic/run.html
 */
export const DISTRIBUTED_SCRIPT: string = `"""Trains the network of model.py on any number of processes (PyTorch's DistributedDataParallel).

    torchrun --nproc_per_node=2 train.py                   on this machine; see torchrun --help for several
    python3 -m torch.distributed.run -r 1 -t 1 --nproc_per_node=2 train.py      where torchrun fails (1.13, Python 3.11)
    python3 train.py                                       one process

Goes on from the newest file in checkpoints/, and ends with trained.safetensors, which Faltung reads. config.json holds
the options, data/ the decoded pictures. Order and augmentation are those of Faltung's own engine: a seed gives the
same batches in both, however many processes share them.
"""
import json
import math
import os
import sys
import time
import traceback

import torch
import torch.distributed as dist
import torch.distributed.nn
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from model import WEIGHTS, make_model, normalise, read_safetensors, write_safetensors
from pictures import MASK, Data, augment, bits, epoch_key, epoch_order

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINTS = os.path.join(HERE, "checkpoints")
STOP = os.path.join(HERE, "stop")
with open(os.path.join(HERE, "config.json")) as file:
    CONFIG = json.load(file)


def settings(step, epoch, reductions):
    """Learning rate and momentum (Adam's first beta) of a step; None leaves the optimiser's own."""
    lr, schedule = CONFIG["optimizer"]["lr"], CONFIG["schedule"]
    name, total = schedule["name"], schedule["total_steps"]
    if name == "onecycle":  # OneCycleLR
        peak, last = 0.3 * total - 1, total - 1
        rising = step <= peak
        if rising:
            share = 1 if peak == 0 else step / peak
        else:
            share = min(1, (step - peak) / max(1e-9, last - peak))
        between = lambda start, end: end + (start - end) / 2 * (1 + math.cos(math.pi * share))
        rate = between(lr / 25, lr) if rising else between(lr, lr / 25 / 1e4)
        if not schedule["moves_momentum"]:
            return rate, None
        return rate, between(0.95, 0.85) if rising else between(0.85, 0.95)
    if name == "cosine":
        warmup = schedule["warmup_steps"]
        if step < warmup:
            return lr * (step + 1) / warmup, None
        done = min(1, (step - warmup) / max(1, total - warmup))
        return lr * (1 + math.cos(math.pi * done)) / 2, None
    if name == "step":
        return lr * 0.1 ** (epoch // schedule["step_epochs"]), None
    if name == "plateau":
        return lr * 0.1**reductions, None
    return lr, None


# What an optimiser remembers: its name in checkpoints, and PyTorch's.
MEMORY = {
    "SGD": {"momentum": "momentum_buffer"},
    "Adam": {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"},
    "AdamW": {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"},
    "RMSprop": {"square_avg": "square_avg", "momentum_buffer": "momentum_buffer"},
}


def make_optimizer(parameters):
    o = CONFIG["optimizer"]
    common = {"lr": o["lr"], "weight_decay": o["weight_decay"]}
    if o["name"] == "SGD":
        return torch.optim.SGD(parameters, momentum=o["momentum"], nesterov=o["momentum"] > 0, **common)
    if o["name"] == "RMSprop":
        return torch.optim.RMSprop(parameters, momentum=o["momentum"], **common)
    return {"Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}[o["name"]](parameters, **common)


def memory_names():
    o = CONFIG["optimizer"]
    return {} if o["name"] == "SGD" and o["momentum"] == 0 else {
        ours: theirs for ours, theirs in MEMORY[o["name"]].items() if theirs != "momentum_buffer" or o["momentum"] > 0
    }


def set_rate(optimizer, lr, momentum):
    for group in optimizer.param_groups:
        group["lr"] = lr
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None:
            group["momentum"] = momentum


class SyncBatchNorm(nn.BatchNorm2d):
    """Batch-norm over the pictures of all processes, on CPU too."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        count = x.new_full((1,), x.numel() / x.shape[1])
        sums = torch.cat([x.sum((0, 2, 3)), (x * x).sum((0, 2, 3)), count])
        sums = torch.distributed.nn.all_reduce(sums)
        count = sums[-1].detach()
        mean, square = (sums[:-1] / count).chunk(2)
        variance = square - mean * mean
        with torch.no_grad():
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean += momentum * (mean - self.running_mean)
            self.running_var += momentum * (variance * count / (count - 1) - self.running_var)
        scale = self.weight * (variance + self.eps).rsqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


def share_batch_norm(module):
    """Gives every batch-norm the class above; weights and keys stay."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d and part.affine and part.track_running_stats:
            part.__class__ = SyncBatchNorm


def say(event, **values):
    finite = lambda v: None if isinstance(v, float) and not math.isfinite(v) else v
    print(json.dumps({"event": event, **{key: finite(v) for key, v in values.items()}}), flush=True)


def stop_wanted():
    """Whether Faltung asks to stop, or is gone."""
    if os.path.exists(STOP):
        return True
    parent = int(os.environ.get("FALTUNG_PID", 0))
    if parent > 0 and os.name == "posix":
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return False


class Run:
    """One process of the training."""

    def __init__(self):
        cuda = CONFIG["device"] == "cuda"
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device("cuda", local) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
        backend = "nccl" if cuda else "gloo"
        if "RANK" in os.environ:
            dist.init_process_group(backend)
        else:
            dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        self.rank, self.world, self.local = dist.get_rank(), dist.get_world_size(), local
        # Checkpoints and words are the first process's on the machine that Faltung leads from.
        leads = local == 0 and os.environ.get("FALTUNG_LEADS") == "1"
        first = torch.tensor([self.rank if leads else self.world], device=self.device)
        dist.all_reduce(first, dist.ReduceOp.MIN)
        self.leader = int(first) if int(first) < self.world else 0
        self.leads = self.rank == self.leader

        self.train, self.validation = (Data(HERE, name, size) for name, size in CONFIG["data"].items())
        self.batch = min(CONFIG["batch"], self.train.size)
        # A last batch of less than two pictures a process has no statistics to normalise by: it is left out.
        tail = self.train.size % self.batch
        self.steps = self.train.size // self.batch + (1 if tail >= 2 * self.world else 0)

        self.model = make_model()
        if CONFIG["sync_bn"] and self.world > 1:
            share_batch_norm(self.model)
        self.model.to(self.device)
        named = dict(self.model.named_parameters())
        self.parameters = [named[name] for name in CONFIG["parameters"]]
        self.optimizer = make_optimizer(self.parameters)
        self.read_checkpoint()
        self.net = DistributedDataParallel(self.model, device_ids=[local] if cuda else None)
        self.criterion = nn.CrossEntropyLoss(reduction="sum", label_smoothing=CONFIG["label_smoothing"])

    # Checkpoints: the leader reads and writes them, the others hear from it, so no disk need be shared.

    def read_checkpoint(self):
        """The newest state, on all processes."""
        numbers = torch.zeros(11, dtype=torch.float64)
        tensors = None
        if self.leads:
            found = []
            for name in os.listdir(CHECKPOINTS):
                if name.endswith(".safetensors"):
                    content, metadata = read_safetensors(os.path.join(CHECKPOINTS, name))
                    state = json.loads(metadata["faltung.state"])
                    found.append((state["progress"]["epoch"], state["progress"]["step"], name, content, metadata))
            _, _, _, tensors, metadata = max(found, key=lambda f: f[:3])
            state = json.loads(metadata["faltung.state"])
            p, s = state["progress"], state["schedule"]
            values = [p[k] for k in ("epoch", "step", "totalSteps", "lossSum", "correct", "seen")]
            values += [s.get("best", sys.float_info.max), s.get("bad", 0), s.get("cooling", 0), s.get("reductions", 0)]
            numbers = torch.tensor(values + [float(tensors["random.counter"])], dtype=torch.float64)
            # The last finished epoch is told again: whoever listens may have missed it.
            told = [f[4]["faltung.event"] for f in found if "faltung.event" in f[4]]
            restart = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
            say("begin", epoch=p["epoch"], step=p["step"], world=self.world, restart=restart)
            for event in sorted(told, key=lambda text: json.loads(text)["epoch"])[-1:]:
                print(event, flush=True)
        numbers = self.share(numbers)
        epoch, step, total, loss, correct, seen, best, bad, cooling, reductions, counter = numbers.tolist()
        self.epoch, self.step, self.total = int(epoch), int(step), int(total)
        self.loss_sum, self.correct, self.seen = loss, int(correct), int(seen)
        self.plateau = {"best": best, "bad": int(bad), "cooling": int(cooling), "reductions": int(reductions)}
        self.counter = int(counter)
        for key, value in self.model.state_dict().items():
            if self.leads:
                value.copy_(tensors["model." + key])
            dist.broadcast(value, self.leader)
        for i, p in enumerate(self.parameters):
            state = {} if CONFIG["optimizer"]["name"] == "SGD" else {"step": torch.tensor(float(self.total))}
            for ours, theirs in memory_names().items():
                value = torch.zeros_like(p)
                if self.leads:
                    value.copy_(tensors["optimizer.%s.%d" % (ours, i)])
                dist.broadcast(value, self.leader)
                state[theirs] = value
            if state:
                self.optimizer.state[p] = state

    def share(self, numbers):
        numbers = numbers.to(self.device)
        dist.broadcast(numbers, self.leader)
        return numbers.cpu()

    def share_buffers(self):
        """Running statistics are the first process's, as everywhere in DistributedDataParallel."""
        for buffer in self.model.buffers():
            dist.broadcast(buffer, 0)

    def write_checkpoint(self, name, event=None):
        self.share_buffers()
        if not self.leads:
            return
        tensors = {"model." + key: value for key, value in self.model.state_dict().items()}
        for i, p in enumerate(self.parameters):
            for ours, theirs in memory_names().items():
                tensors["optimizer.%s.%d" % (ours, i)] = self.optimizer.state[p][theirs]
        tensors["random.counter"] = torch.tensor(self.counter, dtype=torch.int32)
        progress = {
            "epoch": self.epoch,
            "step": self.step,
            "totalSteps": self.total,
            "lossSum": self.loss_sum,
            "correct": self.correct,
            "seen": self.seen,
        }
        memory = self.plateau if CONFIG["schedule"]["name"] == "plateau" else {}
        metadata = {"faltung.state": json.dumps({"progress": progress, "schedule": memory, "recipe": CONFIG["recipe"]})}
        if event is not None:
            metadata["faltung.event"] = event
        write_safetensors(os.path.join(CHECKPOINTS, name), tensors, metadata)
        if event is not None and "FALTUNG_PID" not in os.environ:  # else Faltung removes what it has read
            old = os.path.join(CHECKPOINTS, "epoch-%05d.safetensors" % (self.epoch - 1))
            if os.path.exists(old):
                os.remove(old)

    def part(self, count):
        """This process's share of \`count\` things."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def run(self):
        while self.epoch < CONFIG["epochs"]:
            if not self.run_epoch():
                return
        if self.leads:
            _, metadata = read_safetensors(WEIGHTS)  # with it, Faltung knows the network and its pictures
            write_safetensors(os.path.join(HERE, "trained.safetensors"), self.model.state_dict(), metadata)
            say("end")

    def run_epoch(self):
        """Whether it came to its end."""
        started, before, told = time.time(), self.seen, 0.0
        key = epoch_key(CONFIG["seed"], self.epoch)
        order = epoch_order(self.train.size, CONFIG["seed"], self.epoch)
        lr = CONFIG["optimizer"]["lr"]
        self.net.train()
        while self.step < self.steps:
            index = order[self.step * self.batch : (self.step + 1) * self.batch]
            count = len(index)
            index = index[self.part(count)]
            lr, momentum = settings(self.total, self.epoch, self.plateau["reductions"])
            set_rate(self.optimizer, lr, momentum)
            torch.manual_seed(bits(CONFIG["seed"] & MASK, (self.total * self.world + self.rank) & MASK))  # for dropout

            pixels = augment(self.train.images[index], index, key, CONFIG["shift"], CONFIG["flip"]).to(self.device)
            labels = self.train.labels[index].long().to(self.device)
            logits = self.net(normalise(pixels))
            loss = self.criterion(logits, labels)
            self.optimizer.zero_grad()
            # The mean over all processes, which DistributedDataParallel takes, is then the gradient of the batch's mean.
            (loss * self.world / count).backward()
            if CONFIG["clip"] > 0:
                nn.utils.clip_grad_norm_(self.parameters, CONFIG["clip"])
            self.optimizer.step()

            correct = (logits.argmax(1) == labels).sum()
            stop = 1.0 if self.local == 0 and stop_wanted() else 0.0
            sums = torch.tensor([float(loss.detach()), float(correct), stop], dtype=torch.float64, device=self.device)
            dist.all_reduce(sums)
            total, correct, stop = sums.tolist()
            if not math.isfinite(total):
                if self.leads:
                    say("diverged", epoch=self.epoch, step=self.step, steps=self.steps, loss=str(total), lr=lr)
                return False
            self.step += 1
            self.total += 1
            self.loss_sum += total
            self.correct += int(correct)
            self.seen += count
            self.counter += 1 if CONFIG["dropout"] else 0
            now = time.time()
            if self.leads and (now - told > 0.03 or (self.step - 1) % 50 == 0 or self.step == self.steps):
                told = now
                say(
                    "step",
                    epoch=self.epoch,
                    step=self.step - 1,
                    steps=self.steps,
                    loss=total / count,
                    meanLoss=self.loss_sum / self.seen,
                    accuracy=self.correct / self.seen,
                    lr=lr,
                    imagesPerSecond=(self.seen - before) / max(1e-9, now - started),
                )
            every = CONFIG["save_every"]
            if stop > 0 or (every > 0 and self.step % every == 0 and self.step < self.steps):
                self.write_checkpoint("step.safetensors")
                if self.leads:
                    say("stopped" if stop > 0 else "saved")
            if stop > 0:
                return False

        rate = (self.seen - before) / max(1e-9, time.time() - started)
        self.share_buffers()
        validation = self.evaluate()
        self.plateau_step(validation["loss"])
        event = {
            "event": "epoch",
            "epoch": self.epoch,
            "loss": self.loss_sum / self.seen,
            "accuracy": self.correct / self.seen,
            "lr": lr,
            "seconds": time.time() - started,
            "imagesPerSecond": rate,
            "validation": validation,
        }
        if not math.isfinite(validation["loss"]):
            validation["loss"] = None
        self.epoch, self.step = self.epoch + 1, 0
        self.loss_sum, self.correct, self.seen = 0.0, 0, 0
        self.write_checkpoint("epoch-%05d.safetensors" % self.epoch, json.dumps(event))
        if self.leads:
            print(json.dumps(event), flush=True)  # what has been told is on disk
        return True

    @torch.no_grad()
    def evaluate(self):
        started = time.time()
        self.model.eval()
        data, classes = self.validation, CONFIG["classes"]
        share = self.part(data.size)
        counts = torch.zeros(classes * classes, dtype=torch.float64, device=self.device)
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        for at in range(share.start, share.stop, 256):
            end = min(share.stop, at + 256)
            labels = data.labels[at:end].long().to(self.device)
            logits = self.model(normalise(data.images[at:end].to(self.device)))
            own = logits.gather(1, labels[:, None])
            earlier = torch.arange(classes, device=self.device) < labels[:, None]
            above = ((logits > own) | ((logits == own) & earlier)).sum(1)
            loss = F.cross_entropy(logits, labels, reduction="sum")
            sums += torch.stack([loss.double(), (above < 5).sum().double()])
            counts += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes)
        for part in (sums, counts):
            dist.all_reduce(part)
        loss, top5 = sums.tolist()
        confusion = counts.long().view(classes, classes).tolist()
        return {
            "loss": loss / data.size,
            "top5": top5 / data.size,
            "confusion": confusion,
            "seconds": time.time() - started,
        }

    def plateau_step(self, metric):
        """ReduceLROnPlateau."""
        m = self.plateau
        if metric < m["best"] * (1 - 1e-4):
            m["best"], m["bad"] = metric, 0
        else:
            m["bad"] += 1
        if m["bad"] > CONFIG["schedule"].get("patience", 0):
            m["reductions"], m["bad"] = m["reductions"] + 1, 0


if __name__ == "__main__":
    try:
        Run().run()
        dist.destroy_process_group()
    except Exception:
        # In one piece, so that the words of several processes do not mix.
        mark = "[rank%s]:" % os.environ.get("RANK", 0)
        sys.stderr.write("".join(mark + line + "\\n" for line in traceback.format_exc().splitlines()))
        sys.stderr.flush()
        os._exit(1)
`;
