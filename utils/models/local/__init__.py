"""Language models on this machine; apart from `distributed`, only this package imports torch, transformers and peft."""
