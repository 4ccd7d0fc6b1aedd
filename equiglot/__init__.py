"""Balanced and efficient multilingual language models by knowledge distillation."""
