"""Tokenizer, model, packing, log-probabilities, checkpoints and supervised fine-tuning."""
