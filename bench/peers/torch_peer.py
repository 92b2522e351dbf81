#!/usr/bin/python3
"""PyTorch as a peer of the bench: torch_peer.py <threads> <nchw|nhwc>. Commands and replies as in serve.mjs."""
import json, os, resource, sys, time

replies = os.fdopen(3, "w")


def answer(message):
    replies.write(json.dumps(message) + "\n")
    replies.flush()


threads, layout = int(sys.argv[1]), sys.argv[2]


def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_row(folder):
    with open(os.path.join(folder, "row.json")) as f:
        row = json.load(f)
    row["data"] = {
        name: torch.from_numpy(np.fromfile(t["file"], dtype="<f4" if t["dtype"] == "float32" else "<i4").reshape(t["shape"]))
        for name, t in row["tensors"].items()
    }
    return row


def laid(t):
    return t.contiguous(memory_format=torch.channels_last) if layout == "nhwc" and t.dim() == 4 else t.contiguous()


def load_conv(work, data):
    s = work["shape"]
    args = dict(stride=s["stride"], padding=s["padding"], groups=s["groups"])
    x, w, dy = laid(data["x"]), laid(data["weight"]), laid(data["dy"])
    if work["kind"] == "conv":
        return lambda: F.conv2d(x, w, **args)
    mask = [work["kind"] == "gradInput", work["kind"] == "gradWeight", False]
    two = lambda n: [n, n]
    back = lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, two(s["stride"]), two(s["padding"]), [1, 1], False, [0, 0], s["groups"], mask)
    return lambda: back()[0 if mask[0] else 1]


def load_model(work, data):
    model = torch_models.make(work["model"])
    model.load_state_dict({k[6:]: v.clone() for k, v in data.items() if k.startswith("state.")}, strict=False)
    return model.to(memory_format=torch.channels_last) if layout == "nhwc" else model


def load_train(row):
    work, data = row["work"], row["data"]
    model = load_model(work, data).train()
    x, labels = laid(data["x"]), data["labels"].long()
    optimizer = torch.optim.SGD(model.parameters(), **row["sgd"])

    def step():
        optimizer.zero_grad(set_to_none=False)
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def load(folder, spawned):
    global torch, np, F, run, torch_models
    import numpy as np
    import torch
    import torch.nn.functional as F
    import torch_models
    torch.set_num_threads(threads)
    imported = peak()
    row = read_row(folder)
    start = time.perf_counter()
    work = row["work"]
    if work["kind"] == "train":
        run = load_train(row)
    else:
        torch.set_grad_enabled(False)
        if work["kind"] == "infer":
            model, x = load_model(work, row["data"]).eval(), laid(row["data"]["x"])
            # The inference as PyTorch has it at its best: traced, batch-norm folded, frozen.
            model = torch.jit.optimize_for_inference(torch.jit.trace(model, x)) if layout == "nchw" else torch.jit.freeze(torch.jit.trace(model, x))
            run = lambda: model(x)
        else:
            run = load_conv(work, row["data"])
    result = run()
    first, cold = (time.perf_counter() - start) * 1000, time.time() * 1000 - spawned
    if work["kind"] == "train":
        result = torch.tensor([result] + [run() for _ in range(row["steps"] - 1)])
    file = os.path.join(folder, f"torch-{threads}-{layout}.out")
    result.contiguous().numpy().astype("<f4").tofile(file)
    return dict(version=torch.__version__, file=file, first=first, cold=cold, imported=imported)


def measure(budget, warm):
    now, runs, cpus = time.perf_counter, [], []
    end = now() + warm / 1000
    while now() < end:
        run()
    end = now() + budget / 1000
    while True:
        cpu, start = time.process_time(), now()
        run()
        runs.append((now() - start) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
        if now() >= end:
            break
    return dict(runs=runs, cpus=cpus)


for line in sys.stdin:
    command = json.loads(line)
    try:
        if command["do"] == "load":
            answer(load(command["folder"], command["spawnedAt"]))
        elif command["do"] == "time":
            answer(measure(command["budget"], command["warm"]))
        else:
            answer(dict(peak=peak()))
    except Exception as error:
        answer(dict(error=(str(error) or repr(error)).split("\n")[0]))
