"""All settings of training, one class per table: `model.py`, `learning.py`; docs/training-settings.md is generated from
them.
"""

from training.config.learning import (
    AlgorithmConfig,
    DevConfig,
    EvaluationConfig,
    GuardConfig,
    PreferenceConfig,
    RolloutConfig,
    SftConfig,
    VerificationConfig,
)
from training.config.model import LlamaShape, LoraConfig, ModelConfig, OptimizerConfig, RunConfig
from training.config.section import ConfigError, first_mistake, load_table
from training.config.settings import TrainingConfig, load_config

__all__ = [
    "AlgorithmConfig",
    "ConfigError",
    "DevConfig",
    "EvaluationConfig",
    "GuardConfig",
    "LlamaShape",
    "LoraConfig",
    "ModelConfig",
    "OptimizerConfig",
    "PreferenceConfig",
    "RolloutConfig",
    "RunConfig",
    "SftConfig",
    "TrainingConfig",
    "VerificationConfig",
    "first_mistake",
    "load_config",
    "load_table",
]
