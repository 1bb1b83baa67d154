"""Records an adapter as peft writes it, and what it makes of a model: tests/data/adapters.

Run by hand: python models/generate_adapter.py (torch 2.15, peft 0.21.2, safetensors 0.8.0). The model is
models/mlp; two layers have factors, the third is trained as a whole.
"""

import pathlib

import onnx
import torch
from onnx import numpy_helper
from peft import LoraConfig, get_peft_model

import nets

MODELS = pathlib.Path(__file__).parent
OUT = MODELS.parent / "tests" / "data" / "adapters"

model = onnx.load(MODELS / "mlp" / "model.onnx")
net = nets.Mlp()
net.load_state_dict({t.name: torch.tensor(numpy_helper.to_array(t).copy()) for t in model.graph.initializer})
torch.manual_seed(0)
adapted = get_peft_model(net, LoraConfig(r=3, lora_alpha=5, target_modules=["fc1", "fc2"], modules_to_save=["fc3"]))
for parameter in adapted.parameters():
    if parameter.requires_grad:
        parameter.data = torch.randn_like(parameter) / 10
OUT.mkdir(parents=True, exist_ok=True)
adapted.save_pretrained(OUT / "peft")
(OUT / "peft" / "README.md").unlink(missing_ok=True)
merged = adapted.merge_and_unload().state_dict()
for tensor in model.graph.initializer:
    tensor.CopyFrom(numpy_helper.from_array(merged[tensor.name].numpy(), tensor.name))
onnx.save(model, OUT / "merged.onnx")
