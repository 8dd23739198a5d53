"""All settings of the service, one class per table of the configuration file: `engine.py`, `model.py`, `server.py`,
`store.py`.
"""

from service.ops.config.engine import CheckSettings, CrosscheckSettings, LeanSettings, PolicySettings, TextSettings
from service.ops.config.model import ModelSettings
from service.ops.config.native import NativeSettings, ProjectSettings
from service.ops.config.server import (
    ClientSettings,
    ConnectionSettings,
    HttpSettings,
    LogSettings,
    MetricsSettings,
    SecuritySettings,
    ServerSettings,
    TracingSettings,
)
from service.ops.config.settings import Settings, load
from service.ops.config.store import BatchSettings, ClassroomSettings, StoreSettings

__all__ = [
    "BatchSettings",
    "CheckSettings",
    "ClassroomSettings",
    "ClientSettings",
    "ConnectionSettings",
    "CrosscheckSettings",
    "HttpSettings",
    "LeanSettings",
    "LogSettings",
    "MetricsSettings",
    "ModelSettings",
    "NativeSettings",
    "PolicySettings",
    "ProjectSettings",
    "SecuritySettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TextSettings",
    "TracingSettings",
    "load",
]
