"""What is measured: sizes of the models and of their data, by device. Standard library only."""

# name: input shape (of an image, a sequence, or a number of tokens), batch, batches of data, classes
SIZES = {
    "cpu": {
        "mlp": ((784,), 128, 20, 10),
        "lenet": ((1, 28, 28), 128, 20, 10),
        "resnet18": ((3, 64, 64), 32, 6, 10),
        "demo": ((3, 48, 192), 32, 4, 2),
        "mobilenetv2": ((3, 224, 224), 8, 4, 10),
        "resnet50": ((3, 224, 224), 8, 4, 10),
        "bert4": ((128,), 16, 4, 2),
        "bert12": ((128,), 4, 4, 2),
        "vit": ((3, 224, 224), 8, 4, 10),
        "lstm": ((100, 128), 32, 4, 10),
    },
    "cuda": {
        "lenet": ((1, 28, 28), 128, 20, 10),
        "resnet50": ((3, 224, 224), 64, 4, 10),
        "mobilenetv2": ((3, 224, 224), 64, 4, 10),
        "bert12": ((128,), 32, 4, 2),
        "vit_b": ((3, 224, 224), 32, 4, 10),
        "lstm": ((100, 128), 32, 4, 10),
    },
}

# row: (title, folder, steps, BatchNormalization, has images)
ROWS = {
    "cpu": {
        "mlp": ("MLP 784-512-512-10, batch 128", "mlp", 600, "frozen", False),
        "lenet": ("LeNet 1x28x28, batch 128", "lenet", 300, "frozen", True),
        "resnet18": ("ResNet-18 3x64x64, batch 32", "resnet18", 20, "frozen", True),
        "resnet18_train": ("the same, BatchNormalization trained", "resnet18", 20, "train", True),
        "demo": ("text direction 3x48x192, batch 32", "demo", 15, "frozen", True),
        "demo_train": ("the same, BatchNormalization trained", "demo", 15, "train", True),
        "mobilenetv2": ("MobileNetV2 3x224x224, batch 8", "mobilenetv2", 10, "frozen", True),
        "resnet50": ("ResNet-50 3x224x224, batch 8", "resnet50", 6, "frozen", True),
        "vit": ("ViT-S/16 3x224x224, batch 8", "vit", 6, "frozen", False),
        "bert4": ("BERT 4x312, 128 tokens, batch 16", "bert4", 6, "frozen", False),
        "bert12": ("BERT 12x768, 128 tokens, batch 4", "bert12", 6, "frozen", False),
        "lstm": ("LSTM 128-256, 100 steps, batch 32", "lstm", 40, "frozen", False),
    },
    "cuda": {
        "lenet": ("LeNet 1x28x28, batch 128", "lenet", 600, "frozen", True),
        "resnet50": ("ResNet-50 3x224x224, batch 64", "resnet50", 60, "frozen", True),
        "resnet50_train": ("the same, BatchNormalization trained", "resnet50", 60, "train", True),
        "mobilenetv2": ("MobileNetV2 3x224x224, batch 64", "mobilenetv2", 60, "frozen", True),
        "bert12": ("BERT 12x768, 128 tokens, batch 32", "bert12", 60, "frozen", False),
        "vit_b": ("ViT-B/16 3x224x224, batch 32", "vit_b", 60, "frozen", False),
        "lstm": ("LSTM 128-256, 100 steps, batch 32", "lstm", 100, "frozen", False),
    },
}
