"""Makes the .pt files beside it, and what is in them: python3 make.py (PyTorch 1.13)."""
import json
import os

import torch
from torch import nn

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
net.train()(torch.randn(2, 1, 5, 5))
odd = {
    "strided": torch.arange(12).view(3, 4).t()[1:],
    "offset": torch.arange(6.0)[2:5],
    "half": torch.tensor([1.5, -2.25]).half(),
    "bfloat": torch.tensor([1.5, -2.25]).bfloat16(),
    "double": torch.tensor([0.1], dtype=torch.float64),
    "parameter": nn.Parameter(torch.tensor([3.0, 4.0])),
    "bool": torch.tensor([True, False]),
    "bytes": torch.tensor([255, 0], dtype=torch.uint8),
    "scalar": torch.tensor(7),
    "none": torch.zeros(0, 3),
}
torch.save(net.state_dict(), "net.pt")
torch.save(net.state_dict(), "net-old.pt", _use_new_zipfile_serialization=False)
torch.save(net.state_dict(), "net-protocol4.pt", pickle_protocol=4)
torch.save({"epoch": 3, "best": 0.5, "none": None, "state_dict": net.state_dict()}, "checkpoint.pt")
torch.save(odd, "odd.pt")
torch.save(net, "whole-model.pt")
torch.jit.script(net).save("script.pt")


def plain(tensors):
    return {k: {"shape": list(v.shape), "values": v.detach().double().flatten().tolist()} for k, v in tensors.items()}


with open("expected.json", "w") as file:
    json.dump({"net": plain(net.state_dict()), "odd": plain(odd)}, file)
