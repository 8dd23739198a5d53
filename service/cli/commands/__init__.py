"""The commands of `leansieve`, a file each; those over `training` are in `service.cli.training`."""
