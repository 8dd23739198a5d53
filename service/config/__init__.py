"""Every setting of the service, one class per table of the configuration file: `engine.py`, `model.py`, `server.py`, `store.py`."""

from service.config.engine import (
    CheckSettings,
    LeanSettings,
    PolicySettings,
    TextSettings,
)
from service.config.model import ModelSettings
from service.config.native import NativeSettings, ProjectSettings
from service.config.server import (
    ClientSettings,
    ConnectionSettings,
    HttpSettings,
    LogSettings,
    MetricsSettings,
    SecuritySettings,
    ServerSettings,
    TracingSettings,
)
from service.config.settings import Settings, load
from service.config.store import JobSettings, StoreSettings

__all__ = [
    "CheckSettings",
    "ClientSettings",
    "ConnectionSettings",
    "HttpSettings",
    "JobSettings",
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
